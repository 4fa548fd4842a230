"""Token buckets per address prefix, bounded in number by eviction; each call is O(1).

`PrefixLimiter` is for single costly actions (slow decodes, gossip, checks of signatures), behind
the limits on all traffic: it is exact, and evicts the prefix that was unused for longest. The
limits on all traffic use `Budget` (`budget.py`), which evicts nothing, because a flood of forged
sources would make this limiter forget.
"""

from __future__ import annotations

from ..contract.bounded import put_newest


class PrefixLimiter:
    """A token bucket for each prefix: ``rate`` tokens a second, ``burst`` at most. Beyond
    ``max_prefixes`` the bucket that was unused for longest is evicted.
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
        """Takes a token from the bucket of ``prefix``. Returns whether there was one."""
        tokens, since = self._buckets.get(prefix, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        granted = tokens >= 1.0
        put_newest(self._buckets, prefix, (tokens - 1.0 if granted else tokens, now), self._max)
        return granted
