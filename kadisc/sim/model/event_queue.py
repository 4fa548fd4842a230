"""The event queue: what is to happen, ordered by time and then by when it was pushed.

A single heap would do, but in a world of 100,000 nodes it holds 300,000 items all over the memory,
and each push and pop looks at 18 of them. Nearly all events are due within a few hundred
milliseconds. So time is cut into slots: an item for a later slot is only appended to the list of
that slot. When the slot begins, its list becomes a heap of some hundred items, small enough to stay
in the cache.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf
from typing import Any, Final, TypeAlias

from .host import Host

Item: TypeAlias = tuple[float, int, "Host | None", Any, Any, Any]
"""Delivery: (when, order, host, payload, source, destination). Tick: (when, order, host, None,
None, None). Action: (when, order, None, what to call, its arguments, None). No two items have the
same time and order.
"""

SLOTS_PER_S: Final = 64
"""A power of two, so that a time and its slot agree to the last bit."""


class EventQueue:
    __slots__ = ("_current", "_numbers", "_slots", "_until")

    def __init__(self) -> None:
        self._until = -inf  # where the current slot ends, in slots
        self._current: list[Item] = []  # a heap
        self._slots: dict[int, list[Item]] = {}
        self._numbers: list[int] = []  # of the slots to come that hold something, a heap

    def __len__(self) -> int:
        return len(self._current) + sum(map(len, self._slots.values()))

    def push(self, item: Item) -> None:
        at = item[0] * SLOTS_PER_S
        if at < self._until:
            heappush(self._current, item)
            return
        number = int(at)
        slot = self._slots.get(number)
        if slot is None:
            self._slots[number] = [item]
            heappush(self._numbers, number)
        else:
            slot.append(item)

    def pop(self, end: float) -> Item | None:
        """The next item, or None if it is due after ``end``."""
        current = self._current
        while not current:
            if not self._numbers or self._numbers[0] > end * SLOTS_PER_S:
                return None
            number = heappop(self._numbers)
            self._until = number + 1.0
            current = self._current = self._slots.pop(number)
            heapify(current)
        if current[0][0] > end:
            return None
        return heappop(current)
