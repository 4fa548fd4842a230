"""A dict that forgets: what was written one to two turns ago is gone."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Generations(Generic[Key, Value]):
    """``turn_s``: the length of a turn in seconds of the world's clock."""

    __slots__ = ("_ends_at", "_new", "_old", "_turn_s")

    def __init__(self, turn_s: float) -> None:
        self._turn_s = turn_s
        self._ends_at = turn_s
        self._new: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def get(self, key: Key) -> Value | None:
        found = self._new.get(key)
        return self._old.get(key) if found is None else found

    def put(self, key: Key, value: Value, now: float) -> None:
        if now >= self._ends_at:
            self._old = self._new if now < self._ends_at + self._turn_s else {}
            self._new = {}
            self._ends_at = now + self._turn_s
        self._new[key] = value
