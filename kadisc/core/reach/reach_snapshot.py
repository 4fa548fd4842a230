"""The reachability of a node at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from ...endpoints import Endpoint, Family
from ..contract.reach_verdict import ReachVerdict


@dataclass(frozen=True, slots=True)
class ReachSnapshot:
    """Whether strangers reach the node in one address family.

    ``endpoint``: where they do, or where it is tested; None while no port is decided. ``how``:
    ``direct``, ``mapped`` or None. ``nat``: one of `NAT_KINDS`. ``proven_s_ago``: since a stranger
    got in last. ``one_way``: strangers get in, but the answers to them do not arrive. ``helpers``:
    the netgroups of peers that may help, of which a no needs ``helpers_needed``.
    """

    family: Family
    verdict: ReachVerdict
    endpoint: Endpoint | None
    how: str | None
    nat: str
    proven_s_ago: float | None
    one_way: bool
    helpers: int
    helpers_needed: int
    is_testing: bool


@dataclass(frozen=True, slots=True)
class ServiceReach:
    """Whether a TCP port of a service can be reached from outside. ``answer``: ``open``,
    ``closed`` or ``unsure``; ``accepted`` of the ``asked`` helpers got a connection.
    """

    service: str
    port: int
    answer: str
    accepted: int = 0
    asked: int = 0
