"""Random datagrams and times, for any input that hypothesis makes. What a live core does under
random calls, answers, restarts and configurations is the subject of `tests/fuzz`.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.config import CoreConfig
from kadisc.core.contract.events import Finished
from kadisc.core.core import Core
from kadisc.endpoints import Endpoint, Family, make_endpoint
from kadisc.errors import DecodeError
from kadisc.wire import krpc
from tests.support.contacts import OWN_ID, address6
from tests.support.world import address

LAN = [
    make_endpoint(host, 1)
    for host in ("127.0.0.1", "192.168.1.1", "169.254.1.1", "192.0.2.1", "::1", "fd00::1")
]
ODD = [Endpoint(address(1)[:4] + b"\0\0"), Endpoint(b"\xe0\0\0\1\0\1"), Endpoint(bytes(18))]
ENDPOINTS = [*map(address, range(12)), *map(address6, range(6)), *LAN, *ODD]


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from(ENDPOINTS)), max_size=30))
def test_random_datagrams_raise_nothing_and_do_not_change_the_table(
    datagrams: list[tuple[bytes, Endpoint]],
) -> None:
    node = Core(CoreConfig(), random.Random(1), dict.fromkeys(Family, OWN_ID), 0.0)
    for payload, source in datagrams:
        node.receive(payload, source, 0.0)
    assert (
        node.counters.received
        == len(datagrams)
        == sum(node.counters.accepted.values()) + sum(node.counters.dropped.values())
    )
    assert [len(dht.table) for dht in node.dhts.values()] == [0, 0]
    for payload, _ in node.drain_outbox():
        with pytest.raises(DecodeError):
            krpc.decode(payload[:-1])


@given(
    st.lists(st.floats(0.0, 50.0, allow_subnormal=False), min_size=1, max_size=60),
    st.floats(0, 1e8),
    st.integers(0, 9),
)
def test_every_query_ends_at_whatever_times_the_clock_is_read(
    waits: list[float], start: float, pings: int
) -> None:
    """In spite of the rounding of floats, every operation ends and every deadline advances."""
    node = Core(CoreConfig(), random.Random(1), {Family.IPV4: OWN_ID}, start)
    now = start
    for number in range(pings):
        node.ping(address(number), now)
    for wait in waits:
        now += wait
        node.tick(now)
        assert node.next_deadline() > now
    ticks = 0
    while (deadline := node.next_deadline()) < float("inf"):
        node.tick(deadline)
        assert node.next_deadline() > deadline
        ticks += 1
        assert ticks <= 3 * pings
    assert (node.operations_in_flight, node.queries_in_flight) == (0, 0)
    assert len([event for event in node.drain_events() if isinstance(event, Finished)]) == pings
