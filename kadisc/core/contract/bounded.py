"""Collections of bounded size: the oldest entry makes room for a new one, or one of the largest
group does.
"""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


def put_newest(mapping: dict[K, V], key: K, value: V, max_size: int) -> None:
    """Stores ``value`` as the newest entry, also if ``key`` is there already. Beyond
    ``max_size`` the oldest entry is dropped. A plain dict keeps its keys in the order of insertion.
    """
    mapping.pop(key, None)
    mapping[key] = value
    if len(mapping) > max_size:
        del mapping[next(iter(mapping))]


class Sizes(Generic[K]):
    """How many members each name has, and the name that has the most."""

    __slots__ = ("_named", "_sizes")

    def __init__(self) -> None:
        self._sizes: dict[K, int] = {}
        self._named: dict[int, dict[K, None]] = {}  # names by size

    def of(self, name: K) -> int:
        return self._sizes.get(name, 0)

    def change(self, name: K, by: int) -> None:
        before = self._sizes.pop(name, 0)
        if before:
            alike = self._named[before]
            del alike[name]
            if not alike:
                del self._named[before]
        if after := before + by:
            self._sizes[name] = after
            self._named.setdefault(after, {})[name] = None

    def largest(self) -> K | None:
        """Of several names of the same size the first that reached it."""
        return next(iter(self._named[max(self._named)])) if self._named else None
