"""The pace of queries to new addresses."""

from __future__ import annotations

import pytest

from kadisc.config import QueryConfig
from kadisc.core.rpc.pacer import Pacer, Unpaced

CONFIG = QueryConfig()


def test_a_burst_is_admitted_and_then_a_steady_rate() -> None:
    pacer = Pacer(CONFIG)
    assert sum(pacer.admit(0) for _ in range(1000)) == CONFIG.new_address_burst
    admitted = sum(pacer.admit(ms / 1000) for ms in range(10_001))
    assert admitted == pytest.approx(10 * CONFIG.new_address_rate, abs=1)


def test_a_query_is_admitted_at_the_announced_time() -> None:
    pacer, now = Pacer(CONFIG), 123456.789
    for _ in range(500):
        if not pacer.admit(now):
            assert pacer.next_at() > now
            now = pacer.next_at()
            assert pacer.admit(now)
    assert now - 123456.789 == pytest.approx(
        (500 - CONFIG.new_address_burst) / CONFIG.new_address_rate, rel=0.01
    )


def test_a_long_pause_saves_up_no_more_than_a_burst() -> None:
    pacer = Pacer(CONFIG)
    pacer.admit(0)
    assert sum(pacer.admit(1e6) for _ in range(1000)) == CONFIG.new_address_burst


def test_unpaced_admits_all_queries_at_once() -> None:
    unpaced = Unpaced()
    assert all(unpaced.admit(0) for _ in range(10_000))
    assert unpaced.next_at() == float("inf")
