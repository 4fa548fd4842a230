"""Dictionaries of bounded size: the oldest entry makes room for a new one."""

from __future__ import annotations

from typing import TypeVar

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
