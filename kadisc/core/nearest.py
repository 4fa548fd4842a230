"""The nearest of many by XOR distance, without a look at all of them.

IDs in numeric order are the leaves of a binary tree in order: those that share a prefix stand together. So the nearest to a target are found by going
down that tree, each time into the half that agrees with the target in the next bit, and into the other half only if the first did not hold
enough. Where few are left they are simply sorted. For 8 of 128 this takes a fifth of the time of sorting all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TypeVar

from ..ids import NodeId

T = TypeVar("T")
FEW = 16
"""So many are sorted as they are: finding the middle of fewer costs more than it saves."""


def nearest_first(ids: Sequence[NodeId], things: Sequence[T], target: NodeId, bit: int) -> Iterator[list[T]]:
    """All ``things``, those whose ``ids`` are nearest to ``target`` first, a few at a time, so that whoever has enough can stop. ``ids`` ascend,
    ``things`` are parallel to them; all ``ids`` agree in the bits above ``bit`` (counted from 0 at the right)."""
    ranges = [(0, len(ids), bit)]
    while ranges:
        low, high, bit = ranges.pop()
        if high - low <= FEW or bit < 0:
            yield [things[index] for _, index in sorted([(ids[index] ^ target, index) for index in range(low, high)])]
            continue
        middle = bisect_left(ids, (ids[low] >> bit | 1) << bit, low, high)
        zeros, ones = (low, middle, bit - 1), (middle, high, bit - 1)
        ranges += (zeros, ones) if target >> bit & 1 else (ones, zeros)
