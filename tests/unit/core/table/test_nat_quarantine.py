"""An endpoint that queried the node lately is suspect: its answer may come through its own NAT
mapping.
"""

from __future__ import annotations

import pytest

from kadisc.core.baselines.table import NoQuarantine
from kadisc.core.table import nat_quarantine as quarantine
from kadisc.core.table.nat_quarantine import InboundMemory
from kadisc.endpoints import make_endpoint
from tests.support.contacts import address6
from tests.support.world import address

SILENCE_S = 200.0


def test_a_querier_is_suspect_for_one_to_three_times_the_silence() -> None:
    for start in (0, 50, 199, 250):
        memory = InboundMemory(SILENCE_S)
        memory.contacted_us(address(9), 0)
        memory.contacted_us(address(1), start)
        assert memory.is_suspect(address(1), start + SILENCE_S - 0.1)
        assert not memory.is_suspect(address(1), start + 3 * SILENCE_S)


def test_a_memory_that_is_read_often_expires_too() -> None:
    memory = InboundMemory(SILENCE_S)
    memory.contacted_us(address(1), 0)
    suspect = [now for now in range(1000) if memory.is_suspect(address(1), now)]
    assert suspect == list(range(int(3 * SILENCE_S)))[: len(suspect)]
    assert SILENCE_S <= len(suspect) <= 2 * SILENCE_S


def test_each_query_renews_the_suspicion() -> None:
    memory = InboundMemory(SILENCE_S)
    for now in range(0, 2000, 150):
        memory.contacted_us(address(1), now)
        assert memory.is_suspect(address(1), now + 149)


def test_other_endpoints_are_not_suspect() -> None:
    memory = InboundMemory(SILENCE_S)
    memory.contacted_us(address(1), 0)
    memory.contacted_us(address6(1), 0)
    assert not memory.is_suspect(address(2), 1)
    assert not memory.is_suspect(address(1, port=1), 1), "another port is another mapping"
    assert memory.is_suspect(address6(1), 1)


def test_loopback_is_never_suspect() -> None:
    memory = InboundMemory(SILENCE_S)
    for host in ("127.0.0.1", "127.9.9.9", "::1"):
        memory.contacted_us(make_endpoint(host, 1), 0)
        assert not memory.is_suspect(make_endpoint(host, 1), 1)


def test_a_flood_of_queriers_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MAX_SOURCES", 100)
    memory = InboundMemory(SILENCE_S)
    for number in range(2000):
        memory.contacted_us(address(number), 0)
        assert memory.is_suspect(address(number), 0)
    assert sum(memory.is_suspect(address(number), 1) for number in range(2000)) <= 200


def test_without_quarantine_no_endpoint_is_suspect() -> None:
    off = NoQuarantine()
    off.contacted_us(address(1), 0)
    assert not off.is_suspect(address(1), 0)
    off.fell(address(1), 0)
    off.fell(address(1), 0)
    assert not off.has_fallen(address(1))
    assert off.contacted_us(address(1), 0)


def test_after_two_falls_its_queries_make_an_endpoint_a_candidate_no_more() -> None:
    memory = InboundMemory(SILENCE_S)
    assert memory.contacted_us(address(1), 0)
    assert not memory.has_fallen(address(1))
    memory.fell(address(1), 300)
    assert memory.has_fallen(address(1))
    assert memory.contacted_us(address(1), 301), "a node that restarted is silent once"
    memory.fell(address(1), 600)
    assert not memory.contacted_us(address(1), 601)
    assert not memory.contacted_us(address(1), 300 + quarantine.FALLEN_S - 1)
    assert memory.contacted_us(address(2), 601), "another endpoint has not fallen"
    assert memory.contacted_us(address(1), 601 + 2 * quarantine.FALLEN_S)


def test_falls_that_are_far_apart_bar_nothing() -> None:
    memory = InboundMemory(SILENCE_S)
    memory.fell(address(1), 0)
    memory.fell(address(1), 2 * quarantine.FALLEN_S + 1)
    assert memory.contacted_us(address(1), 2 * quarantine.FALLEN_S + 2)


def test_the_falls_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MAX_FALLEN", 10)
    memory = InboundMemory(SILENCE_S)
    for number in range(100):
        for now in (0, 1):
            memory.fell(address(number), now)
    barred = [number for number in range(100) if not memory.contacted_us(address(number), 2)]
    assert 99 in barred and len(barred) <= 20
