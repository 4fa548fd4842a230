"""The order in which the peers of one info-hash are given to askers, kept from query to query.

Attack: an info-hash with 500 peers, sorted for each asker, makes a query for it cost as much as 26
find_nodes; forged askers are all different, so that no cache helps. Defence: `GroupedRing`, one for
each family and scope of addresses, grouped by netgroup, in an order that lasts for an hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...endpoints import Endpoint, Scope
from ..addressing.grouped_ring import GroupedRing
from .fair_shares import Holder


class Announce:
    """One peer of an info-hash. ``scope``: of its address; ``subnet``, ``netgroup``: the prefixes
    that it counts for, as in `Holder`. A store has 10,000: an object more for each takes 1 MB, and
    the garbage collector looks at it.
    """

    __slots__ = ("expires_at", "netgroup", "scope", "subnet")

    def __init__(self, expires_at: float, scope: Scope, holder: Holder) -> None:
        self.expires_at = expires_at
        self.scope = scope
        self.subnet = holder.subnet
        self.netgroup = holder.netgroup

    @property
    def holder(self) -> Holder:
        return Holder(self.subnet, self.netgroup)


class PeerRings:
    """Empty until the first asker gets fewer peers than there are: most info-hashes have few."""

    __slots__ = ("_rings", "_secret", "hour")

    def __init__(self) -> None:
        self._rings: dict[tuple[int, Scope], GroupedRing] = {}
        self._secret = b""
        self.hour: int | None = None
        """The hour of the order; None while there is none."""

    def rank(self, hour: int, secret: bytes, peers: Mapping[Endpoint, Announce]) -> None:
        """Makes the order of an hour. ``secret``: of this hour and this info-hash."""
        self.hour = hour
        self._secret = secret
        self._rings = {}
        for peer, announce in peers.items():
            self.added(peer, announce)

    def added(self, peer: Endpoint, announce: Announce) -> None:
        if self.hour is None:
            return
        place = len(peer), announce.scope
        if place not in self._rings:
            self._rings[place] = GroupedRing(self._secret)
        self._rings[place].add(peer, announce.netgroup)

    def removed(self, peer: Endpoint, announce: Announce) -> None:
        if self.hour is not None:
            self._rings[len(peer), announce.scope].remove(peer, announce.netgroup)

    def choose(
        self, scopes: Sequence[Scope], asker: Endpoint, share: bytes, count: int
    ) -> list[Endpoint]:
        """At most ``count`` peers of the asker's family, those of the first scope first."""
        chosen: list[Endpoint] = []
        for scope in scopes:
            ring = self._rings.get((len(asker), scope))
            if ring is not None and len(chosen) < count:
                chosen += ring.choose(share, count - len(chosen))
        return chosen
