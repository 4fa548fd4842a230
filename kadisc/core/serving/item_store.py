"""The items (BEP 44) that this node stores for others, within bounds of number and size. An item is
removed two hours after its last put.

Attack: values cost nothing to make, and their targets can be brute-forced until they are next to
the node's own ID, so one attacker could fill the store. Defence: an item counts for the subnet and
the netgroup that put it first, and each of those has few places. Beyond that an item ranks higher
the closer its target is to the own ID (lookups for it arrive here) and the more netgroups put it.
At a bound the item of the lowest rank is removed if it ranks lower than the new one; otherwise the
new one is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ...config import StoreConfig
from ...endpoints import Endpoint
from ...ids import NodeId, shared_prefix_bits
from ...wire.items import Item
from ..addressing.policy import AddressPolicy
from ..contract.times import FOREVER

OwnIds = Callable[[], Iterable[NodeId]]

ITEM_BYTES: Final = 400
"""Memory of an item besides its value and salt: key, signature, dict entries."""


@dataclass(slots=True, eq=False)
class ItemEntry:
    """``charged``: the /24 and the /16 (IPv6 /48 and /32) that put it first; ``announcers``: the
    /16s (/32s) that put it.
    """

    item: Item
    charged: tuple[bytes, bytes]
    announcers: set[bytes]
    rank: int
    expires_at: float

    @property
    def size(self) -> int:
        return ITEM_BYTES + len(self.item.value) + len(self.item.salt)


class ItemStore:
    """All items have the same lifetime, so one dict in order of their puts is also in order of
    expiry. Items of one rank are in that order too: items to evict are found from the lowest rank
    upwards, of some 170 ranks.
    """

    def __init__(self, config: StoreConfig, scopes: AddressPolicy, own_ids: OwnIds) -> None:
        self._config = config
        self._scopes = scopes
        self._own_ids = own_ids
        self._ranked_by: tuple[NodeId, ...] = ()
        self._stored: dict[NodeId, ItemEntry] = {}
        self._by_rank: dict[int, dict[NodeId, None]] = {}
        self._charges: Counter[bytes] = Counter()
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
        netgroup = self._scopes.netgroup(source)
        charged = before.charged if before is not None else (self._scopes.subnet(source), netgroup)
        if before is None and (refusal := self._refusal(*charged)) is not None:
            return refusal
        announcers = {netgroup} if before is None else before.announcers
        if len(announcers) < self._config.announcers_counted:
            announcers.add(netgroup)
        stored = ItemEntry(
            item,
            charged,
            announcers,
            self._rank(target, len(announcers)),
            now + self._config.item_lifetime_s,
        )
        if (victims := self._victims_for(stored, before, target)) is None:
            return "store-full"
        for victim in victims:
            self._remove(victim)
        if before is not None:
            self._remove(target)
        self._add(target, stored)
        return None

    def expire(self, now: float) -> None:
        while self.deadline <= now:
            self._remove(next(iter(self._stored)))

    # --- inside -----------------------------------------------------------------------------------

    def _refusal(self, subnet: bytes, netgroup: bytes) -> str | None:
        if self._charges[subnet] >= self._config.items_per_subnet:
            return "store-subnet"
        if self._charges[netgroup] >= self._config.items_per_netgroup:
            return "store-netgroup"
        return None

    def _victims_for(
        self, new: ItemEntry, before: ItemEntry | None, target: NodeId
    ) -> list[NodeId] | None:
        """The items to remove so that ``new`` has room, lowest rank first; None if there is no room
        without items that rank as high as ``new``.
        """
        max_items = self._config.max_items
        max_bytes = self._config.max_bytes
        items = len(self._stored) + 1 - (before is not None)
        size = self.size + new.size - (before.size if before is not None else 0)
        victims: list[NodeId] = []
        for each in self._ranked_below(new.rank):
            if items <= max_items and size <= max_bytes:
                break
            if each != target:
                victims.append(each)
                items -= 1
                size -= self._stored[each].size
        return victims if items <= max_items and size <= max_bytes else None

    def _ranked_below(self, rank: int) -> Iterator[NodeId]:
        for each in sorted(self._by_rank):
            if each >= rank:
                return
            yield from self._by_rank[each]

    def _add(self, target: NodeId, stored: ItemEntry) -> None:
        self._stored[target] = stored
        self._by_rank.setdefault(stored.rank, {})[target] = None
        self._charges.update(stored.charged)
        self.size += stored.size
        self._update_deadline()

    def _remove(self, target: NodeId) -> None:
        stored = self._stored.pop(target)
        same_rank = self._by_rank[stored.rank]
        del same_rank[target]
        if not same_rank:
            del self._by_rank[stored.rank]
        for prefix in stored.charged:
            self._charges[prefix] -= 1
            if not self._charges[prefix]:
                del self._charges[prefix]
        self.size -= stored.size
        self._update_deadline()

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
        self._by_rank.clear()
        for target, stored in self._stored.items():
            stored.rank = self._rank(target, len(stored.announcers))
            self._by_rank.setdefault(stored.rank, {})[target] = None
