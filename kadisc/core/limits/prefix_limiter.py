"""Budgets per address prefix, bounded in number and O(1) a packet."""

from __future__ import annotations


class PrefixLimiter:
    """A token bucket for each prefix; the one that was unused longest is forgotten when there are
    too many.
    """

    __slots__ = ("_buckets", "_burst", "_max", "_rate")

    def __init__(self, rate: float, burst: float, max_prefixes: int) -> None:
        self._rate = rate
        self._burst = burst
        self._max = max_prefixes
        self._buckets: dict[bytes, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, prefix: bytes, now: float) -> bool:
        tokens, since = self._buckets.pop(prefix, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        granted = tokens >= 1.0
        self._buckets[prefix] = (tokens - 1.0 if granted else tokens, now)
        if len(self._buckets) > self._max:
            del self._buckets[next(iter(self._buckets))]
        return granted
