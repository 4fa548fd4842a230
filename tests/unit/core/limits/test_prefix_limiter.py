"""Token buckets per prefix: they are independent of each other, and their number is bounded."""

from __future__ import annotations

import pytest

from kadisc.core.limits.prefix_limiter import PrefixLimiter


def test_a_burst_and_then_a_steady_rate() -> None:
    limiter = PrefixLimiter(rate=2.0, burst=5.0, max_prefixes=10)
    assert [limiter.take(b"a", 0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [limiter.take(b"a", 0.4), limiter.take(b"a", 0.5), limiter.take(b"a", 0.5)] == [
        False,
        True,
        False,
    ]
    assert sum(limiter.take(b"a", 0.5 + command / 100) for command in range(1001)) == pytest.approx(
        20, abs=1
    )


def test_the_buckets_of_two_prefixes_are_independent() -> None:
    limiter = PrefixLimiter(rate=1.0, burst=2.0, max_prefixes=10)
    assert [limiter.take(b"a", 0) for _ in range(3)] == [True, True, False]
    assert limiter.take(b"b", 0)


def test_a_long_pause_refills_no_more_than_a_burst() -> None:
    limiter = PrefixLimiter(rate=1.0, burst=2.0, max_prefixes=10)
    limiter.take(b"a", 0)
    assert [limiter.take(b"a", 1e6) for _ in range(3)] == [True, True, False]


def test_beyond_its_size_the_bucket_unused_for_longest_is_evicted() -> None:
    limiter = PrefixLimiter(rate=0.0, burst=1.0, max_prefixes=3)
    for prefix in (b"a", b"b", b"c"):
        assert limiter.take(prefix, 0)
    assert not limiter.take(b"a", 1), "used again: now the latest"
    assert limiter.take(b"d", 2)
    assert len(limiter) == 3
    assert not limiter.take(b"a", 3)
    for number in range(1000):
        limiter.take(number.to_bytes(2, "big"), 4)
        assert len(limiter) == 3
