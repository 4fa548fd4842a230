"""The state of the own network at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...service_values import ServiceValue
from .crowded_subnets import CrowdedSubnet
from .view import ViewSnapshot


@dataclass(frozen=True, slots=True)
class PeerNetworkSnapshot:
    """``record``: the own record as canonical bytes, with this ``sequence``. ``verified``: peers
    verified in this run, counted at each of their endpoints; ``online``: those that answered last
    time, each once; ``held_back``: those of these that feedback keeps from the application.
    ``inbound``: those of them that perhaps answered only through a NAT
    mapping of their own making. ``candidates``: peers that wait to be checked. ``pushes``: kept of
    this round so far. ``tombstones``: endpoints of which no report is taken. ``round_s``: the time
    between two gossip rounds. ``book_unverified``, ``book_verified``: entries in the two tables of
    the address book. ``crowded``: the subnets with several verified peers, of which the limits by
    subnet leave some out.
    """

    network: str
    public_key: bytes
    record: bytes
    sequence: int
    services: Mapping[str, ServiceValue]
    verified: int
    online: int
    held_back: int
    inbound: int
    candidates: int
    pushes: int
    tombstones: int
    round_s: float
    book_unverified: int
    book_verified: int
    view: ViewSnapshot
    crowded: tuple[CrowdedSubnet, ...] = ()
