"""A fixed choice among endpoints for each asker, without sorting them for each.

Attack: an answer that sorts all that is stored, by a rank that differs for each asker, costs this
node 25 to 70 times as much as a find_node, for one short query. Defence: the order is kept. All
endpoints, and the groups (prefixes) that they belong to, lie on a ring in the order of a keyed hash
that no other node knows; an asker has a point on the ring, and gets what follows that point. An
answer then costs what it holds, and an endpoint that comes or goes costs one insertion, however
often an attacker makes it come and go.

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
        self._order: list[bytes] = []  # rank and name of each group, sorted
        self._groups: dict[bytes, list[bytes]] = {}  # by that: rank and endpoint of each, sorted

    def add(self, endpoint: Endpoint, group: bytes) -> None:
        """The endpoint must not be on the ring."""
        key = self._rank(group) + group
        members = self._groups.get(key)
        if members is None:
            members = self._groups[key] = []
            insort(self._order, key)
        insort(members, self._rank(endpoint) + endpoint)

    def remove(self, endpoint: Endpoint, group: bytes) -> None:
        """The endpoint must be on the ring."""
        key = self._rank(group) + group
        members = self._groups[key]
        del members[bisect_left(members, self._rank(endpoint) + endpoint)]
        if not members:
            del self._groups[key]
            del self._order[bisect_left(self._order, key)]

    def choose(
        self, asker: bytes, count: int, accepts: Callable[[Endpoint], bool] | None = None
    ) -> list[Endpoint]:
        """At most ``count`` endpoints, without those that ``accepts`` refuses: always the same for
        the same ``asker``, for example a prefix, as long as they stay. An endpoint or a group that
        comes or goes changes little more than its own place.
        """
        point = self._rank(b"asker" + asker)
        order, groups = self._order, self._groups
        chosen: list[Endpoint] = []
        # The groups with more members, and where the choice in each begins.
        more: list[tuple[list[bytes], int]] = []
        begin = bisect_left(order, point)
        for place in range(begin - len(order), begin):  # a negative one counts from the end
            members = groups[order[place]]
            first = 0
            if len(members) > 1:
                first = bisect_left(members, point)
                more.append((members, first))
            endpoint = Endpoint(members[first if first < len(members) else 0][RANK_BYTES:])
            if accepts is None or accepts(endpoint):
                chosen.append(endpoint)
                if len(chosen) == count:
                    return chosen
        turn = 0
        while more:
            turn += 1
            for members, first in more:
                endpoint = Endpoint(members[(first + turn) % len(members)][RANK_BYTES:])
                if accepts is None or accepts(endpoint):
                    chosen.append(endpoint)
                    if len(chosen) == count:
                        return chosen
            more = [each for each in more if len(each[0]) > turn + 1]
        return chosen

    def _rank(self, of: bytes) -> bytes:
        digest = self._keyed.copy()
        digest.update(of)
        return digest.digest()
