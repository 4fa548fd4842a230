"""The items (BEP 44) that this node stores for others, within bounds of number and size. An item is
removed two hours after its last put.

Attack: values cost nothing to make, and their targets can be brute-forced until they are next to
the node's own ID, so one attacker could fill the store. Defence: an item is charged to one of those
that put it, and each subnet and each netgroup has few places; in a full store the most crowded
netgroup gives way (`fair_shares.py`). In the crowd that must give up an item the one of the lowest
rank goes: an item ranks higher the closer its target is to the own ID (lookups for it arrive here)
and the more netgroups put it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ...config import StoreConfig
from ...endpoints import Endpoint
from ...ids import NodeId, shared_prefix_bits
from ...wire.items import Item
from ..addressing.policy import AddressPolicy
from ..contract.times import FOREVER
from .fair_shares import MAX_RECHARGES, NO_ROOM, Holder, ShareRule, holder_at

OwnIds = Callable[[], Iterable[NodeId]]

ITEM_BYTES: Final = 400
"""Memory of an item besides its value and salt: key, signature, dict entries."""


@dataclass(slots=True, eq=False)
class ItemEntry:
    """``announcers``: some that put it, at most one of each netgroup."""

    item: Item
    announcers: dict[bytes, Holder]
    rank: int
    expires_at: float

    @property
    def size(self) -> int:
        return ITEM_BYTES + len(self.item.value) + len(self.item.salt)


class ItemStore:
    """All items have the same lifetime, so one dict in order of their puts is also in order of
    expiry.
    """

    def __init__(
        self, config: StoreConfig, scopes: AddressPolicy, own_ids: OwnIds, shares: ShareRule
    ) -> None:
        self._config = config
        self._scopes = scopes
        self._own_ids = own_ids
        self._shares = shares
        self._ranked_by: tuple[NodeId, ...] = ()
        self._stored: dict[NodeId, ItemEntry] = {}
        self.size = 0
        """Bytes of all items, as `ItemEntry.size` counts them."""
        self.deadline = FOREVER
        """When the first item expires."""

    def __len__(self) -> int:
        return len(self._stored)

    def get(self, target: NodeId, now: float) -> Item | None:
        self.expire(now)
        stored = self._stored.get(target)
        return stored.item if stored is not None else None

    def put(self, target: NodeId, item: Item, source: Endpoint, now: float) -> str | None:
        """Stores, replaces or renews an item; returns the reason of a refusal, or None. The caller
        has checked the signature, and that the item is not older than the stored one.
        """
        self.expire(now)
        self._rank_by_own_ids()
        before = self._stored.get(target)
        holder = holder_at(source, self._scopes)
        announcers = before.announcers if before is not None else {}
        if len(announcers) < self._config.announcers_counted:
            announcers.setdefault(holder.netgroup, holder)
        stored = ItemEntry(
            item,
            announcers,
            self._rank(target, len(announcers)),
            now + self._config.item_lifetime_s,
        )
        if before is not None:
            # Whoever puts it now may have more room for it than the one that it is charged to.
            self._shares.recharge(target, [holder])
        refusal = self._make_room(target, stored, holder, before)
        if refusal is not None:
            return refusal
        if before is not None:
            self._drop(target)
        self._stored[target] = stored
        self.size += stored.size
        self._update_deadline()
        return None

    def expire(self, now: float) -> None:
        while self.deadline <= now:
            target = next(iter(self._stored))
            self._shares.release(target)
            self._drop(target)
            self._update_deadline()

    def inconsistencies(self) -> Iterator[str]:
        """What contradicts itself, as `core/self_check.py` reports it."""
        if self.size != sum(stored.size for stored in self._stored.values()):
            yield f"the bytes of the stored items are miscounted: {self.size}"
        if len(self._stored) > self._config.max_items:
            yield f"too many items are stored: {len(self._stored)}"
        if self.size > self._config.max_bytes:
            yield f"the stored items take too many bytes: {self.size}"

    # --- inside -----------------------------------------------------------------------------------

    def _make_room(
        self, target: NodeId, new: ItemEntry, holder: Holder, before: ItemEntry | None
    ) -> str | None:
        """Charges the target, and removes what must give way to it. Returns the reason of a
        refusal, and then all is as before, or None.
        """
        shares = self._shares
        charged = shares.holder_of(target) or holder
        items = len(self._stored) + 1 - (before is not None)
        size = self.size + new.size - (before.size if before is not None else 0)
        shares.release(target)
        victims: dict[NodeId, Holder] = {}
        refusal: str | None = NO_ROOM
        for _ in range(MAX_RECHARGES):
            is_full = items > self._config.max_items or size > self._config.max_bytes
            crowd = shares.crowd(charged, is_full=is_full)
            if crowd is None:
                refusal = None
                break
            refusal = crowd.reason
            least = min(crowd.keys, key=lambda each: self._stored[each].rank, default=None)
            if least is None:
                break
            victim = self._stored[least]
            if shares.recharge(least, victim.announcers.values()):
                continue
            if not crowd.yields and victim.rank >= new.rank:
                break
            victims[least] = shares.holder_of(least) or charged
            shares.release(least)
            items -= 1
            size -= victim.size
        if refusal is None:
            for each in victims:
                self._drop(each)
            shares.charge(target, charged)
            return None
        for each, theirs in victims.items():
            shares.charge(each, theirs)
        if before is not None:
            shares.charge(target, charged)
        return refusal

    def _drop(self, target: NodeId) -> None:
        self.size -= self._stored.pop(target).size

    def _update_deadline(self) -> None:
        self.deadline = next(iter(self._stored.values())).expires_at if self._stored else FOREVER

    def _rank(self, target: NodeId, announcers: int) -> int:
        closeness = max(
            (shared_prefix_bits(target, own_id) for own_id in self._ranked_by), default=0
        )
        return closeness + announcers.bit_length()

    def _rank_by_own_ids(self) -> None:
        """Ranks all items anew when an own ID has changed: an ID follows the external address."""
        if (own_ids := tuple(self._own_ids())) == self._ranked_by:
            return
        self._ranked_by = own_ids
        for target, stored in self._stored.items():
            stored.rank = self._rank(target, len(stored.announcers))
