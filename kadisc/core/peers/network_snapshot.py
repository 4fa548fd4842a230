"""A picture of the network of one's own at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .view import ViewSnapshot


@dataclass(frozen=True, slots=True)
class PeerNetworkSnapshot:
    """``record``: ours, as canonical bytes, of this ``sequence``; ``verified``: peers that proved
    themselves in this run, ``inbound`` of them perhaps only through a hole of their own making;
    ``pushes``: kept of this round so far; ``round_s``: the pace of gossip; the book's numbers are
    those of its two tables.
    """

    network: str
    public_key: bytes
    record: bytes
    sequence: int
    services: Mapping[str, int | bytes]
    verified: int
    inbound: int
    candidates: int
    pushes: int
    tombstones: int
    round_s: float
    book_heard_of: int
    book_met: int
    view: ViewSnapshot
