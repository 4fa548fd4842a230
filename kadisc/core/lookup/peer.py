"""One node in one lookup, its state, and the address rules that a lookup is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ...endpoints import Endpoint
from ...ids import NodeId
from ..addressing.bep42 import Bep42Check, anywhere
from ..addressing.own_subnet import ExtraPlaces, no_extra_places
from .tellers import ALL_TELLERS, TellerMemoryRule, TellerRule


class State(Enum):
    KNOWN = "known"  # not queried yet
    QUERIED = "queried"  # holds a slot
    STALLED = "stalled"  # retransmitted; holds no slot, still counts
    SILENT = "silent"  # stalled again; no longer counts, unless it answers after all
    RETRIED = "retried"  # silent, but queried anew; the end of the lookup waits for it
    ANSWERED = "answered"
    FAILED = "failed"


NO_CAP: Final = 1 << 30
PENDING: Final = (State.QUERIED, State.STALLED)
AWAITED: Final = (*PENDING, State.RETRIED)
UNHEARD: Final = (State.KNOWN, State.QUERIED, State.STALLED)
COUNTED: Final = (State.KNOWN, State.QUERIED, State.STALLED, State.ANSWERED)


@dataclass(slots=True, eq=False)
class Peer:
    """One endpoint in one lookup. ``hops``: the length of the chain of answers that led to it, its
    own included. ``subnet`` and ``host``: its /24 and its address (IPv6 /48 and /64).
    """

    endpoint: Endpoint
    id: NodeId | None
    distance: int
    hops: int
    subnet: bytes
    host: bytes
    state: State = State.KNOWN
    stalls_left: int = 0
    """How many stalls of the query of a retried peer the end of the lookup still waits for."""
    bep42_valid: bool | None = None
    """Whether the ID follows from the address (BEP 42); None until it is computed."""

    def __init__(
        self,
        endpoint: Endpoint,
        id: NodeId | None,
        distance: int,
        hops: int,
        subnet: bytes,
        host: bytes,
    ) -> None:
        """Written out so that mypyc can compile it: there is one for each contact in an answer."""
        self.endpoint = endpoint
        self.id = id
        self.distance = distance
        self.hops = hops
        self.subnet = subnet
        self.host = host
        self.state = State.KNOWN
        self.stalls_left = 0
        self.bep42_valid = None

    def __lt__(self, other: Peer) -> bool:
        return self.distance < other.distance


@dataclass(frozen=True, slots=True)
class LookupRules:
    """What a lookup needs to know of addresses.

    ``subnet``, ``host`` and ``netgroup`` give the /24, the address and the /16 of an endpoint (IPv6
    /48, /64 and /32); ``per_subnet`` and ``per_netgroup`` are how many answering nodes of one
    subnet and of one netgroup count; ``bep42_valid`` tells whether an ID follows from its address;
    ``is_free`` keeps disjoint paths away from the peers of each other. Where ``extra_places`` are
    more than 0, as in the own subnet, nodes beyond ``per_subnet`` count after all others.
    ``teller_memory``: which nodes named silent ones, in all lookups; ``tellers``: the same for one
    lookup.
    """

    subnet: Callable[[Endpoint], bytes]
    host: Callable[[Endpoint], bytes]
    per_subnet: int
    bep42_valid: Bep42Check = anywhere
    is_free: Callable[[Endpoint], bool] = lambda endpoint: True
    netgroup: Callable[[Endpoint], bytes] = lambda endpoint: endpoint
    per_netgroup: int = NO_CAP
    extra_places: ExtraPlaces = no_extra_places
    teller_memory: TellerMemoryRule = ALL_TELLERS
    tellers: TellerRule = ALL_TELLERS
