"""Budgets per prefix: nobody spends another's, and their number is bounded (trap 7)."""

from __future__ import annotations

import pytest

from kadisc.core.limits.prefix_limiter import PrefixLimiter


def test_a_burst_and_then_a_steady_rate() -> None:
    budget = PrefixLimiter(rate=2.0, burst=5.0, max_prefixes=10)
    assert [budget.take(b"a", 0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [budget.take(b"a", 0.4), budget.take(b"a", 0.5), budget.take(b"a", 0.5)] == [
        False,
        True,
        False,
    ]
    assert sum(budget.take(b"a", 0.5 + command / 100) for command in range(1001)) == pytest.approx(
        20, abs=1
    )


def test_nobody_spends_anothers() -> None:
    budget = PrefixLimiter(rate=1.0, burst=2.0, max_prefixes=10)
    assert [budget.take(b"a", 0) for _ in range(3)] == [True, True, False]
    assert budget.take(b"b", 0)


def test_a_long_rest_saves_up_no_more_than_a_burst() -> None:
    budget = PrefixLimiter(rate=1.0, burst=2.0, max_prefixes=10)
    budget.take(b"a", 0)
    assert [budget.take(b"a", 1e6) for _ in range(3)] == [True, True, False]


def test_a_flood_of_prefixes_is_forgotten_the_longest_unused_first() -> None:
    budget = PrefixLimiter(rate=0.0, burst=1.0, max_prefixes=3)
    for prefix in (b"a", b"b", b"c"):
        assert budget.take(prefix, 0)
    assert not budget.take(b"a", 1), "used again: now the latest"
    assert budget.take(b"d", 2)
    assert len(budget) == 3
    assert not budget.take(b"a", 3)
    for number in range(1000):
        budget.take(number.to_bytes(2, "big"), 4)
        assert len(budget) == 3
