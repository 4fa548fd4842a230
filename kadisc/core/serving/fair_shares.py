"""Shares of a store: which announcer each stored key is charged to, and which key goes first when
there is no room.

Attack: addresses in a few subnets fill a bounded store with keys that they choose themselves, as
close to the own ID as they like, and renew them for ever; then later announcers are refused.
Closeness alone is no defence, because an info-hash costs nothing to choose. Defence: a key is
charged to one of its announcers. A subnet and a netgroup have a share each, and where there is no
room, the most crowded netgroup gives up a key, of its most crowded subnet (max-min fairness:
Bertsekas and Gallager 1992, section 6.5.2). So an announcer of another netgroup has a place however
many keys others store, as long as the netgroups that fill the store have more keys each than it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from ...endpoints import Endpoint, ip_of, netgroup_prefix, subnet_prefix
from ...ids import NodeId
from ..addressing.policy import AddressPolicy
from ..contract.bounded import Sizes

MAX_RECHARGES: Final = 32
"""Keys that one announce may charge to others of their announcers before it is refused."""

NO_ROOM: Final = "store-full"
NO_ROOM_FOR_INFO_HASH: Final = "store-info-hashes"
"""The reasons of a refusal where a store is full."""


class Holder(NamedTuple):
    """An announcer: its /24 and its /16 (IPv6 /48 and /32)."""

    subnet: bytes
    netgroup: bytes


def holder_at(endpoint: Endpoint, policy: AddressPolicy) -> Holder:
    """Endpoints that are not public count by address: one host has 65,535 ports."""
    if policy.is_budgeted_alone(endpoint):
        return Holder(ip_of(endpoint), ip_of(endpoint))
    if policy.counts_alone(endpoint):
        return Holder(subnet_prefix(endpoint), netgroup_prefix(endpoint))
    return Holder(policy.subnet(endpoint), policy.netgroup(endpoint))


class Crowd(NamedTuple):
    """The keys of which one must go before another is stored. ``yields``: one of them must go
    whatever it is worth; otherwise only one that is worth less than the new one. ``reason``: why
    the new one is refused if none goes.
    """

    keys: list[NodeId]
    yields: bool
    reason: str


class ShareRule(Protocol):
    def charge(self, key: NodeId, holder: Holder) -> None: ...

    def release(self, key: NodeId) -> None: ...

    def holder_of(self, key: NodeId) -> Holder | None: ...

    def crowd(self, holder: Holder, *, is_full: bool) -> Crowd | None: ...

    def recharge(self, key: NodeId, announcers: Iterable[Holder]) -> bool: ...


class FairShares:
    """``per_subnet``, ``per_netgroup``: the shares. ``full``: the reason of a refusal where the
    store is full.
    """

    __slots__ = ("_by_netgroup", "_full", "_holders", "_per_netgroup", "_per_subnet", "_sizes")

    def __init__(self, per_subnet: int, per_netgroup: int, full: str) -> None:
        self._per_subnet = per_subnet
        self._per_netgroup = per_netgroup
        self._full = full
        self._holders: dict[NodeId, Holder] = {}
        self._by_netgroup: dict[bytes, list[NodeId]] = {}
        """Nearly all netgroups have one or two keys: lists, because dicts take twice the memory."""
        self._sizes: Sizes[bytes] = Sizes()

    def charge(self, key: NodeId, holder: Holder) -> None:
        """Charges a key to a holder, and no longer to the one before, if there is one."""
        self.release(key)
        self._holders[key] = holder
        self._by_netgroup.setdefault(holder.netgroup, []).append(key)
        self._sizes.change(holder.netgroup, 1)

    def release(self, key: NodeId) -> None:
        """The key has left the store. Without effect on a key that is not in it."""
        holder = self._holders.pop(key, None)
        if holder is None:
            return
        keys = self._by_netgroup[holder.netgroup]
        keys.remove(key)
        if not keys:
            del self._by_netgroup[holder.netgroup]
        self._sizes.change(holder.netgroup, -1)

    def holder_of(self, key: NodeId) -> Holder | None:
        return self._holders.get(key)

    def crowd(self, holder: Holder, *, is_full: bool) -> Crowd | None:
        """What stands in the way of another key of ``holder``; None if nothing does. ``is_full``:
        whether the store has no place left.
        """
        own = self._in_subnet(holder)
        in_netgroup = self._sizes.of(holder.netgroup)
        if own >= self._per_subnet:
            return Crowd(self._keys_of(holder), False, "store-subnet")
        if in_netgroup >= self._per_netgroup:
            return self._within(holder.netgroup, own, "store-netgroup")
        if not is_full:
            return None
        largest = self._sizes.largest()
        if largest is not None and in_netgroup + 1 < self._sizes.of(largest):
            return Crowd(self._most_crowded(largest), True, self._full)
        if in_netgroup:
            return self._within(holder.netgroup, own, self._full)
        return Crowd(list(self._holders), False, self._full)

    def recharge(self, key: NodeId, announcers: Iterable[Holder]) -> bool:
        """Charges a key that is to go to the least crowded of its announcers instead, if that is
        less crowded than its holder. Otherwise a crowd that announces an info-hash first could
        take it along, with the peers of all others.
        """
        holder = self._holders[key]
        least = min(announcers, key=self._crowding, default=holder)
        in_netgroup, in_subnet = self._crowding(least)
        if in_subnet >= self._per_subnet or in_netgroup >= self._per_netgroup:
            return False
        before = self._crowding(holder)
        if in_netgroup + 1 < before[0] or (
            in_subnet + 1 < before[1] and least.subnet != holder.subnet
        ):
            self.charge(key, least)
            return True
        return False

    def _crowding(self, holder: Holder) -> tuple[int, int]:
        return self._sizes.of(holder.netgroup), self._in_subnet(holder)

    def _in_subnet(self, holder: Holder) -> int:
        return len(self._keys_of(holder))

    def _keys_of(self, holder: Holder) -> list[NodeId]:
        holders = self._holders
        keys = self._by_netgroup.get(holder.netgroup, ())
        return [key for key in keys if holders[key].subnet == holder.subnet]

    def _most_crowded(self, netgroup: bytes) -> list[NodeId]:
        """The keys of the subnet that has most of them."""
        subnets: dict[bytes, list[NodeId]] = {}
        for key in self._by_netgroup[netgroup]:
            subnets.setdefault(self._holders[key].subnet, []).append(key)
        return max(subnets.values(), key=lambda keys: len(keys))

    def _within(self, netgroup: bytes, own: int, reason: str) -> Crowd:
        keys = self._most_crowded(netgroup)
        return Crowd(keys, own + 1 < len(keys), reason)
