"""The pace of queries to new addresses."""

from __future__ import annotations

import pytest

from kadisc.config import QueryConfig
from kadisc.core.rpc.pacer import MAPPING_S, MAX_MAPPINGS, Pacer, Unpaced
from tests.support.world import address

CONFIG = QueryConfig()


def test_a_burst_is_admitted_and_then_a_steady_rate() -> None:
    pacer = Pacer(CONFIG)
    assert sum(pacer.admit(address(n), 0) for n in range(1000)) == CONFIG.new_address_burst
    admitted = sum(pacer.admit(address(20_000 + ms), ms / 1000) for ms in range(10_001))
    assert admitted == pytest.approx(10 * CONFIG.new_address_rate, abs=1)


def test_a_query_is_admitted_at_the_announced_time() -> None:
    pacer, now = Pacer(CONFIG), 123456.789
    for number in range(500):
        if not pacer.admit(address(number), now):
            assert pacer.next_at() > now
            now = pacer.next_at()
            assert pacer.admit(address(number), now)
    assert now - 123456.789 == pytest.approx(
        (500 - CONFIG.new_address_burst) / CONFIG.new_address_rate, rel=0.01
    )


def test_a_long_pause_saves_up_no_more_than_a_burst() -> None:
    pacer = Pacer(CONFIG)
    pacer.admit(address(0), 0)
    assert sum(pacer.admit(address(n), 1e6) for n in range(1000)) == CONFIG.new_address_burst


def test_unpaced_admits_all_queries_at_once() -> None:
    unpaced = Unpaced()
    assert all(unpaced.admit(address(n), 0) for n in range(10_000))
    assert unpaced.next_at() == float("inf")


def test_a_second_query_to_an_address_costs_nothing_while_its_mapping_lasts() -> None:
    pacer = Pacer(CONFIG)
    assert pacer.admit(address(0), 0.0)
    for number in range(1, 1000):
        pacer.admit(address(number), 0.0)
    burst = int(CONFIG.new_address_burst)
    assert not pacer.admit(address(burst), 0.0)
    assert all(pacer.admit(address(number), 0.0) for number in range(burst))
    assert pacer.has_mapping(address(0), MAPPING_S - 0.01)
    assert not pacer.has_mapping(address(0), MAPPING_S)


def test_few_addresses_are_remembered() -> None:
    pacer = Pacer(CONFIG)
    for number in range(500):
        pacer.admit(address(number), number / CONFIG.new_address_rate)
    now = 500 / CONFIG.new_address_rate
    assert sum(pacer.has_mapping(address(n), now) for n in range(500)) <= MAX_MAPPINGS
