"""Several peers at one address: nodes of one network behind one NAT, or on one host.

Attack: one address has 65,535 ports, and each would be an identity. Defence: the first peer at an
address is a peer like any other. Further ones that prove their keys there are kept for the
application alone, which is given them after all others: they get no slot, no place in the address
book or the routing table, and are not named to other nodes. Where the first one falls silent, they
take its place. Addresses that are not public are shared for good reasons: there each endpoint
counts alone.
"""

from __future__ import annotations

from typing import Final

from ...endpoints import Endpoint
from .known_peers import KnownPeer, KnownPeers
from .record_policy import Refused

MAX_AT_ONE_ADDRESS: Final = 32
"""Further peers at one address that are kept at most."""
MAX_IN_ALL: Final = 128
"""Further peers at all addresses that are kept at most."""


class SharedAddresses:
    def __init__(self, known: KnownPeers) -> None:
        self._known = known

    def is_taken(self, endpoint: Endpoint) -> bool:
        """Whether another proven peer, which is alive, is the first at this address. Raises Refused
        where no further one is kept.
        """
        first = self._known.beside(endpoint)
        if first is None or first.failures:
            return False
        here = self._known.at(endpoint)
        is_kept = here is not None and here.shares_address
        if not is_kept and (
            self._known.count_sharing(endpoint) >= MAX_AT_ONE_ADDRESS or self._count() >= MAX_IN_ALL
        ):
            raise Refused("peer-address-taken")
        return True

    def refuse(self, endpoint: Endpoint) -> None:
        """Raises Refused if another proven peer is alive at this address, on another port."""
        first = self._known.beside(endpoint)
        if first is not None and not first.failures:
            raise Refused("peer-address-taken")

    def becomes_first(self, known: KnownPeer) -> bool:
        """Whether a peer that shares its address, and has just answered, is the first there now."""
        if not known.shares_address:
            return False
        first = self._known.beside(known.endpoint)
        known.shares_address = first is not None and not first.failures
        return not known.shares_address

    def _count(self) -> int:
        return sum(each.shares_address for each in self._known)
