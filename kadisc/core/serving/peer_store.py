"""The peers that other nodes announced to this node, by info-hash (BEP 5): bounded in every
direction, each removed after its lifetime.

Attack: a node takes few info-hashes and few peers, and those that announce first take the places:
eight addresses keep all others out. Defence: at each bound the most crowded gives way. An info-hash
is charged to one of its announcers (`fair_shares.py`); in the crowd that must give up an info-hash
the one that is worth least goes: the farther from the own IDs (lookups for it end elsewhere) and
the fewer netgroups announced it. In a full store the info-hash with most peers gives up one, and at
a full info-hash the netgroup with most peers there (`store_shares.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final

from ...config import ServingConfig
from ...endpoints import Endpoint, Scope
from ...ids import NodeId, shared_prefix_bits
from ..addressing.policy import AddressPolicy
from ..contract.bounded import Sizes
from ..contract.times import FOREVER
from .fair_shares import MAX_RECHARGES, NO_ROOM_FOR_INFO_HASH, Holder, ShareRule, holder_at
from .peer_rings import Announce, PeerRings
from .store_shares import StoreShareRule

ANNOUNCERS_COUNTED: Final = 16
"""The netgroups that announced an info-hash are counted up to this number."""
HEAP_SLACK: Final = 64
"""Entries of info-hashes that are gone, which the queue of expiries may hold beside twice as many
as there are info-hashes."""


class Swarm:
    """The peers of one info-hash, in the order of their announces, which is that of their expiry.
    ``closeness``: the leading bits that it shares with an own ID; ``netgroups``: some that have
    announced it.
    """

    __slots__ = ("closeness", "netgroups", "peers", "rings")

    def __init__(self, closeness: int) -> None:
        self.closeness = closeness
        self.netgroups: tuple[bytes, ...] = ()
        self.peers: dict[Endpoint, Announce] = {}
        self.rings = PeerRings()

    @property
    def worth(self) -> int:
        return self.closeness + len(self.netgroups).bit_length()

    def add(self, peer: Endpoint, announce: Announce) -> None:
        self.peers[peer] = announce
        self.rings.added(peer, announce)
        netgroup = announce.netgroup
        if netgroup not in self.netgroups and len(self.netgroups) < ANNOUNCERS_COUNTED:
            self.netgroups = (*self.netgroups, netgroup)

    def remove(self, peer: Endpoint) -> Announce:
        announce = self.peers.pop(peer)
        self.rings.removed(peer, announce)
        return announce

    @property
    def expires_at(self) -> float:
        return next(iter(self.peers.values())).expires_at


class PeerStore:
    """All announces have the same lifetime: each info-hash has them in the order of expiry, and is
    itself in a heap by its first expiry, or earlier.
    """

    __slots__ = (
        "_config",
        "_count",
        "_expiries",
        "_in_netgroup",
        "_in_subnet",
        "_own_ids",
        "_ranked_by",
        "_scopes",
        "_share_of_keys",
        "_shares",
        "_sizes",
        "_swarms",
        "deadline",
    )

    def __init__(
        self,
        config: ServingConfig,
        scopes: AddressPolicy,
        shares: StoreShareRule,
        share_of_keys: ShareRule,
        own_ids: Callable[[], Iterable[NodeId]],
    ) -> None:
        self._config = config
        self._scopes = scopes
        self._shares = shares
        self._share_of_keys = share_of_keys
        self._own_ids = own_ids
        self._ranked_by: tuple[NodeId, ...] = ()
        self._swarms: dict[NodeId, Swarm] = {}
        self._sizes: Sizes[NodeId] = Sizes()  # peers by info-hash
        self._count = 0
        self._in_subnet: dict[bytes, int] = {}
        self._in_netgroup: dict[bytes, int] = {}
        self._expiries: list[tuple[float, NodeId]] = []
        self.deadline = FOREVER
        """When the first peer expires, or earlier."""

    def __len__(self) -> int:
        return self._count

    @property
    def info_hashes(self) -> int:
        return len(self._swarms)

    def known(self, now: float) -> list[NodeId]:
        """The info-hashes that have peers."""
        self.expire(now)
        return list(self._swarms)

    def add(self, info_hash: NodeId, peer: Endpoint, now: float) -> str | None:
        """Stores or renews a peer; returns the reason of a refusal, or None."""
        self.expire(now)
        swarm = self._swarms.get(info_hash)
        if swarm is not None and peer in swarm.peers:
            announce = swarm.peers.pop(peer)
            announce.expires_at = now + self._config.peer_lifetime_s
            swarm.peers[peer] = announce
            return None
        announce = self._announce(peer, now)
        refusal = self._make_room(info_hash, announce.holder, swarm)
        if refusal is not None:
            return refusal
        self._put(info_hash, peer, announce)
        return None

    def holds(self, info_hash: NodeId) -> bool:
        """Whether the info-hash has any peer, expired ones included."""
        return info_hash in self._swarms

    def count_of(self, info_hash: NodeId) -> int:
        """How many peers the info-hash has, expired ones included."""
        swarm = self._swarms.get(info_hash)
        return len(swarm.peers) if swarm is not None else 0

    def sample(self, info_hash: NodeId, asker: Endpoint, count: int, now: float) -> list[Endpoint]:
        """At most ``count`` peers of the asker's family that may be sent to it. If there are more,
        the store share rule selects.
        """
        self.expire(now)
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return []
        scope = self._scopes.of(asker)
        scopes = (scope, Scope.PUBLIC) if scope is not Scope.PUBLIC else (scope,)
        if len(swarm.peers) > count:
            return self._shares.select(
                swarm.peers, swarm.rings, info_hash, asker, scopes, count, now
            )
        return [
            peer
            for peer, announce in swarm.peers.items()
            if len(peer) == len(asker) and announce.scope in scopes
        ]

    def held(self, info_hash: NodeId, now: float) -> list[Endpoint]:
        """All peers of the info-hash, for the operator of this node."""
        self.expire(now)
        swarm = self._swarms.get(info_hash)
        return list(swarm.peers) if swarm is not None else []

    def expire(self, now: float) -> None:
        while self.deadline <= now:
            _, info_hash = heappop(self._expiries)
            swarm = self._swarms.get(info_hash)
            if swarm is not None:
                self._expire(info_hash, swarm, now)
            self.deadline = self._expiries[0][0] if self._expiries else FOREVER

    def inconsistencies(self) -> Iterator[str]:
        """What contradicts itself, as `core/self_check.py` reports it."""
        count = 0
        in_subnet: dict[bytes, int] = {}
        in_netgroup: dict[bytes, int] = {}
        for info_hash, swarm in self._swarms.items():
            count += len(swarm.peers)
            if len(swarm.peers) != self._sizes.of(info_hash) or not swarm.peers:
                yield f"the peers of an info-hash are miscounted: {len(swarm.peers)}"
            if len(swarm.peers) > self._config.max_peers_per_info_hash:
                yield f"an info-hash has too many peers: {len(swarm.peers)}"
            for each in swarm.peers.values():
                in_subnet[each.subnet] = in_subnet.get(each.subnet, 0) + 1
                in_netgroup[each.netgroup] = in_netgroup.get(each.netgroup, 0) + 1
        if count != self._count:
            yield f"the stored peers are miscounted: {self._count}, not {count}"
        if in_subnet != self._in_subnet or in_netgroup != self._in_netgroup:
            yield "the stored peers of subnets or netgroups are miscounted: "
        if count > self._config.max_peers_stored:
            yield f"too many peers are stored: {count}"
        if len(self._swarms) > self._config.max_info_hashes:
            yield f"too many info-hashes are stored: {len(self._swarms)}"
        # The queue is cleared when the next info-hash comes; until then, some may have gone.
        if len(self._expiries) > 2 * self._config.max_info_hashes + HEAP_SLACK + 1:
            yield f"expiries of info-hashes that are gone are kept: {len(self._expiries)}"

    # --- inside -----------------------------------------------------------------------------------

    def _announce(self, peer: Endpoint, now: float) -> Announce:
        holder = holder_at(peer, self._scopes)
        return Announce(now + self._config.peer_lifetime_s, self._scopes.of(peer), holder)

    def _expire(self, info_hash: NodeId, swarm: Swarm, now: float) -> None:
        expired = []
        for peer, announce in swarm.peers.items():
            if announce.expires_at > now:
                break
            expired.append(peer)
        self._remove(info_hash, swarm, expired)
        if swarm.peers:
            heappush(self._expiries, (swarm.expires_at, info_hash))

    def _put(self, info_hash: NodeId, peer: Endpoint, announce: Announce) -> None:
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            swarm = self._swarms[info_hash] = Swarm(self._closeness(info_hash))
            self._share_of_keys.charge(info_hash, announce.holder)
            self._expect(announce.expires_at, info_hash)
        swarm.add(peer, announce)
        self._count += 1
        self._sizes.change(info_hash, 1)
        subnet, netgroup = announce.subnet, announce.netgroup
        self._in_subnet[subnet] = self._in_subnet.get(subnet, 0) + 1
        self._in_netgroup[netgroup] = self._in_netgroup.get(netgroup, 0) + 1

    def _expect(self, expires_at: float, info_hash: NodeId) -> None:
        """Info-hashes that were removed leave their entries in the heap until these are due."""
        if len(self._expiries) > 2 * len(self._swarms) + HEAP_SLACK:
            self._expiries = [
                (swarm.expires_at, each) for each, swarm in self._swarms.items() if swarm.peers
            ]
            heapify(self._expiries)
        heappush(self._expiries, (expires_at, info_hash))
        self.deadline = self._expiries[0][0]

    def _remove(self, info_hash: NodeId, swarm: Swarm, peers: Iterable[Endpoint]) -> None:
        for peer in peers:
            announce = swarm.remove(peer)
            self._count -= 1
            self._sizes.change(info_hash, -1)
            for prefix, counts in (
                (announce.subnet, self._in_subnet),
                (announce.netgroup, self._in_netgroup),
            ):
                counts[prefix] -= 1
                if not counts[prefix]:
                    del counts[prefix]
        if not swarm.peers:
            self._share_of_keys.release(info_hash)
            del self._swarms[info_hash]
            return
        holder = self._share_of_keys.holder_of(info_hash)
        if holder is not None and all(
            each.subnet != holder.subnet or each.netgroup != holder.netgroup
            for each in swarm.peers.values()
        ):
            self._share_of_keys.charge(info_hash, next(iter(swarm.peers.values())).holder)

    # --- where there is no room -------------------------------------------------------------------

    def _make_room(self, info_hash: NodeId, holder: Holder, swarm: Swarm | None) -> str | None:
        """Removes what must give way to a new peer. Returns the reason of a refusal, or None."""
        config = self._config
        if self._in_subnet.get(holder.subnet, 0) >= config.max_stored_per_subnet:
            return "store-subnet"
        if self._in_netgroup.get(holder.netgroup, 0) >= config.max_stored_per_netgroup:
            return "store-netgroup"
        if swarm is None:
            refusal = self._make_room_for_key(info_hash, holder)
            if refusal is not None:
                return refusal
        elif (
            crowd := self._shares.crowd(
                swarm.peers, holder, is_full=len(swarm.peers) >= config.max_peers_per_info_hash
            )
        ) is not None:
            if crowd.gives is None:
                return crowd.reason
            self._remove(info_hash, swarm, [crowd.gives])
        if self._count < config.max_peers_stored:
            return None
        return self._take_from_the_largest(0 if swarm is None else len(swarm.peers))

    def _make_room_for_key(self, info_hash: NodeId, holder: Holder) -> str | None:
        self._rank_by_own_ids()
        rule, config = self._share_of_keys, self._config
        worth = self._closeness(info_hash) + 1
        reason = NO_ROOM_FOR_INFO_HASH
        for _ in range(MAX_RECHARGES):
            is_full = len(self._swarms) >= config.max_info_hashes
            crowd = rule.crowd(holder, is_full=is_full)
            if crowd is None:
                return None
            reason = crowd.reason
            if not crowd.keys:
                break
            least = min(crowd.keys, key=lambda each: self._swarms[each].worth)
            swarm = self._swarms[least]
            if rule.recharge(least, {each.holder: None for each in swarm.peers.values()}):
                continue
            if not crowd.yields and swarm.worth >= worth:
                break
            self._remove(least, swarm, list(swarm.peers))
        return reason

    def _take_from_the_largest(self, size: int) -> str | None:
        """Takes a peer from the info-hash that has most of them, for one that has ``size``."""
        largest = self._sizes.largest()
        if largest is None or not self._shares.may_displace(size, self._sizes.of(largest)):
            return "store-full"
        swarm = self._swarms[largest]
        self._remove(largest, swarm, [self._shares.most_crowded(swarm.peers)])
        return None

    def _closeness(self, info_hash: NodeId) -> int:
        return max((shared_prefix_bits(info_hash, each) for each in self._ranked_by), default=0)

    def _rank_by_own_ids(self) -> None:
        """Ranks all info-hashes anew when an own ID has changed: it follows the address."""
        if (own_ids := tuple(self._own_ids())) != self._ranked_by:
            self._ranked_by = own_ids
            for info_hash, swarm in self._swarms.items():
                swarm.closeness = self._closeness(info_hash)
