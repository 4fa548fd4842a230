"""A fixed choice among endpoints for each asker, without sorting them for each.

Attack: an answer that sorts all that is stored, by a rank that differs for each asker, costs this
node 25 to 70 times as much as a find_node, for one short query. Defence: the order is kept. All
endpoints, and the groups (prefixes) that they belong to, lie on a ring in the order of a keyed hash
that nobody else knows; an asker has a point on the ring, and gets what follows that point. An
answer then costs what it holds, and an endpoint that comes or goes costs one insertion, however
often somebody makes it come and go.

The first endpoint of each group comes before the second of any: if half of all endpoints are in 20
groups, an answer names no more of them than of 20 others.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from ...endpoints import Endpoint

RANK_BYTES: Final = 8
"""Bytes of a place on the ring."""


class GroupedRing:
    """``secret``: at most 64 bytes, known to this node alone; another secret is another order."""

    __slots__ = ("_groups", "_keyed", "_order")

    def __init__(self, secret: bytes) -> None:
        self._keyed = blake2b(key=secret, digest_size=RANK_BYTES)
        self._order: list[bytes] = []  # rank and group, sorted
        self._groups: dict[bytes, list[bytes]] = {}  # rank and endpoint, sorted

    def add(self, endpoint: Endpoint, group: bytes) -> None:
        """The endpoint must not be on the ring."""
        members = self._groups.get(group)
        if members is None:
            members = self._groups[group] = []
            insort(self._order, self._rank(group) + group)
        insort(members, self._rank(endpoint) + endpoint)

    def remove(self, endpoint: Endpoint, group: bytes) -> None:
        """The endpoint must be on the ring."""
        members = self._groups[group]
        del members[bisect_left(members, self._rank(endpoint) + endpoint)]
        if not members:
            del self._groups[group]
            del self._order[bisect_left(self._order, self._rank(group) + group)]

    def choose(
        self, asker: bytes, count: int, accepts: Callable[[Endpoint], bool] | None = None
    ) -> list[Endpoint]:
        """At most ``count`` endpoints, without those that ``accepts`` refuses: always the same for
        the same ``asker``, for example a prefix, as long as they stay. An endpoint or a group that
        comes or goes changes little more than its own place.
        """
        point = self._rank(b"asker" + asker)
        order, size = self._order, len(self._order)
        chosen: list[Endpoint] = []
        # The members of each group, and where the choice in it begins.
        groups: list[tuple[list[bytes], int]] = []
        turn = 0
        begin = bisect_left(order, point)
        for place in range(begin, begin + size):
            members = self._groups[order[place if place < size else place - size][RANK_BYTES:]]
            first = bisect_left(members, point) if len(members) > 1 else 0
            self._take(members, first, chosen, accepts)
            if len(chosen) == count:
                return chosen
            if len(members) > 1:
                groups.append((members, first))
        while groups:
            turn += 1
            for members, first in groups:
                self._take(members, first + turn, chosen, accepts)
                if len(chosen) == count:
                    return chosen
            groups = [each for each in groups if len(each[0]) > turn + 1]
        return chosen

    def _take(
        self,
        members: list[bytes],
        place: int,
        chosen: list[Endpoint],
        accepts: Callable[[Endpoint], bool] | None,
    ) -> None:
        endpoint = Endpoint(members[place % len(members)][RANK_BYTES:])
        if accepts is None or accepts(endpoint):
            chosen.append(endpoint)

    def _rank(self, of: bytes) -> bytes:
        digest = self._keyed.copy()
        digest.update(of)
        return digest.digest()
