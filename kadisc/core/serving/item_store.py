"""The items (BEP 44) that are kept here for others, bounded in every direction, each forgotten two
hours after it was put last.

The attack: values cost nothing to make, and their targets can be ground until they lie next to our
ID, so whoever puts enough of them would have the store for himself. So an item counts for the
network that put it first, and one network has few places. Beyond that an item is worth more the
closer it is to us (whoever looks for it comes here) and the more networks put it; at a bound the
one worth least goes, if it is worth less than the newcomer, and else the newcomer is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

from ...config import StoreConfig
from ...endpoints import Endpoint
from ...ids import NodeId, shared_prefix_bits
from ...wire.items import Item
from ..addressing.policy import AddressPolicy

OwnIds = Callable[[], Iterable[NodeId]]


ITEM_BYTES: Final = 400
"""What an item takes beside its value and salt: key, signature, places in dicts."""


@dataclass(slots=True, eq=False)
class Kept:
    """``charged``: the /24 and the /16 (IPv6 /48 and /32) that put it first; ``announcers``: the
    /16s that put it.
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
    """All items live equally long, so one dict in order of their puts is also in order of expiry.
    Items of one rank are in that order too: those to go are found by looking at the lowest ranks
    there are, of some 170.
    """

    def __init__(self, config: StoreConfig, scopes: AddressPolicy, own_ids: OwnIds) -> None:
        self._config = config
        self._scopes = scopes
        self._own_ids = own_ids
        self._ranked_by: tuple[NodeId, ...] = ()
        self._kept: dict[NodeId, Kept] = {}
        self._by_rank: dict[int, dict[NodeId, None]] = {}
        self._charges: Counter[bytes] = Counter()
        self.size = 0
        """Bytes in all."""
        self.deadline = inf
        """When the first of them is to be forgotten."""

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, target: NodeId, now: float) -> Item | None:
        self.expire(now)
        kept = self._kept.get(target)
        return kept.item if kept is not None else None

    def put(self, target: NodeId, item: Item, source: Endpoint, now: float) -> str | None:
        """Stores, replaces or renews; returns why not, or None. Whether the item is genuine, and
        later than the one here, is for others to say.
        """
        self.expire(now)
        self._follow_own_ids()
        before, netgroup = self._kept.get(target), self._scopes.netgroup(source)
        charged = before.charged if before is not None else (self._scopes.subnet(source), netgroup)
        if before is None and (refusal := self._refusal(*charged)) is not None:
            return refusal
        announcers = {netgroup} if before is None else before.announcers
        if len(announcers) < self._config.announcers_counted:
            announcers.add(netgroup)
        kept = Kept(
            item,
            charged,
            announcers,
            self._rank(target, len(announcers)),
            now + self._config.item_lifetime_s,
        )
        if (victims := self._worth_less(kept, before, target)) is None:
            return "store-full"
        for victim in victims:
            self._forget(victim)
        if before is not None:
            self._forget(target)
        self._put_in(target, kept)
        return None

    def expire(self, now: float) -> None:
        while self.deadline <= now:
            self._forget(next(iter(self._kept)))

    # --- inside -----------------------------------------------------------------------------------

    def _refusal(self, subnet: bytes, netgroup: bytes) -> str | None:
        if self._charges[subnet] >= self._config.items_per_subnet:
            return "store-subnet"
        return "store-wide" if self._charges[netgroup] >= self._config.items_per_netgroup else None

    def _worth_less(
        self, newcomer: Kept, before: Kept | None, target: NodeId
    ) -> list[NodeId] | None:
        """Whom to forget so that there is room, those worth least first; None if that would take
        one worth as much as the newcomer.
        """
        items = len(self._kept) + 1 - (before is not None)
        size = self.size + newcomer.size - (before.size if before is not None else 0)
        victims: list[NodeId] = []
        for each in self._lower_than(newcomer.rank):
            if items <= self._config.max_items and size <= self._config.max_bytes:
                break
            if each != target:
                victims.append(each)
                items, size = items - 1, size - self._kept[each].size
        return (
            victims if items <= self._config.max_items and size <= self._config.max_bytes else None
        )

    def _lower_than(self, rank: int) -> Iterator[NodeId]:
        for each in sorted(self._by_rank):
            if each >= rank:
                return
            yield from self._by_rank[each]

    def _put_in(self, target: NodeId, kept: Kept) -> None:
        self._kept[target] = kept
        self._by_rank.setdefault(kept.rank, {})[target] = None
        self._charges.update(kept.charged)
        self.size += kept.size
        self._look_at_first()

    def _forget(self, target: NodeId) -> None:
        kept = self._kept.pop(target)
        same_rank = self._by_rank[kept.rank]
        del same_rank[target]
        if not same_rank:
            del self._by_rank[kept.rank]
        for prefix in kept.charged:
            self._charges[prefix] -= 1
            if not self._charges[prefix]:
                del self._charges[prefix]
        self.size -= kept.size
        self._look_at_first()

    def _look_at_first(self) -> None:
        self.deadline = next(iter(self._kept.values())).expires_at if self._kept else inf

    def _rank(self, target: NodeId, announcers: int) -> int:
        return (
            max((shared_prefix_bits(target, own_id) for own_id in self._ranked_by), default=0)
            + announcers.bit_length()
        )

    def _follow_own_ids(self) -> None:
        """Our IDs follow our addresses, and what is close to us follows them."""
        if (own_ids := tuple(self._own_ids())) == self._ranked_by:
            return
        self._ranked_by = own_ids
        self._by_rank.clear()
        for target, kept in self._kept.items():
            kept.rank = self._rank(target, len(kept.announcers))
            self._by_rank.setdefault(kept.rank, {})[target] = None
