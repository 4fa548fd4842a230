"""When beacons are sent, and what floods and forgeries of them achieve; without I/O."""

from __future__ import annotations

import random
import socket
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kadisc.net.lan.beacons import (
    MAX_NODES,
    MAX_PER_S,
    MAX_USED,
    Beacons,
    LanNews,
    LanNode,
    Transmission,
)
from kadisc.wire.beacon import BEACON_BYTES, beacon_for, encode_beacon

TAG, OTHER = bytes(range(20)), bytes(20)
INTERVAL_S = 60.0


def machine(now: float = 0.0, *, lifted: bool = False) -> Beacons:
    return Beacons(TAG, 6881, INTERVAL_S, random.Random(1), now, lifted=lifted)


def beacon(
    number: int, *, tag: bytes = TAG, port: int = 6881, asks: bool = False, leaving: bool = False
) -> bytes:
    nonce = number.to_bytes(8, "big")
    return encode_beacon(beacon_for(tag, nonce, port, asks=asks, leaving=leaving))


def hear(beacons: Beacons, host: str, payload: bytes, now: float, *, port: int = 40_000) -> LanNews:
    return beacons.received(payload, (host, port), socket.inet_aton(host), "eth0", now)


def sent_until(beacons: Beacons, end: float) -> list[tuple[float, Transmission]]:
    sent = []
    while (now := beacons.next_deadline()) <= end:
        sent += [(now, each) for each in beacons.due(now)]
    return sent


def used(beacons: Beacons) -> list[LanNode]:
    return [node for node in beacons.nodes if node.is_used]


def test_three_beacons_ask_at_the_start_and_the_last_one_is_broadcast_too() -> None:
    sent = sent_until(machine(), 2.0)
    assert [(at, each.broadcast, each.to) for at, each in sent] == [
        (0.0, False, None),
        (0.25, False, None),
        (1.0, True, None),
    ]
    assert all(each.payload[22] == 1 for _, each in sent)


def test_then_one_a_minute_asks_nobody() -> None:
    late = [(at, each) for at, each in sent_until(machine(), 3600.0) if at > 1.0]
    assert 50 <= len(late) <= 75
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(late)]
    assert min(gaps) >= 0.8 * INTERVAL_S
    assert max(gaps) <= 1.2 * INTERVAL_S
    assert not any(each.broadcast or each.payload[22] for _, each in late)


def test_a_new_node_that_asks_gets_one_beacon_as_long_as_its_own() -> None:
    beacons = machine()
    sent_until(beacons, 5.0)
    for at in (5.0, 5.3, 6.0):  # all three beacons of its start
        hear(beacons, "192.168.1.9", beacon(1, asks=True), at)
    answers = [each for each in sent_until(beacons, 7.0) if each[1].to is not None]
    assert [each.to for _, each in answers] == [("192.168.1.9", 40_000)]
    assert answers[0][0] <= 5.05
    assert len(answers[0][1].payload) == BEACON_BYTES


def test_new_nonces_are_answered_once_in_ten_seconds() -> None:
    beacons = machine()
    sent_until(beacons, 5.0)
    for number in range(100):
        hear(beacons, "192.168.1.9", beacon(number, asks=True), 5.0 + number / 10)
    answers = [each for _, each in sent_until(beacons, 15.5) if each.to is not None]
    assert len(answers) == 1
    assert beacons.counters["answer-withheld"] > 0


def test_the_own_beacons_are_no_nodes() -> None:
    beacons = machine()
    own = [each.payload for _, each in sent_until(beacons, 2.0)]
    beacons.begin(2.0)  # and those from before a change of network, which are still on their way
    assert not any(hear(beacons, "192.168.1.2", each, 2.0).found for each in own)
    assert beacons.counters["dropped.own"] == 3


def test_a_node_that_leaves_or_falls_silent_is_lost() -> None:
    beacons = machine()
    assert hear(beacons, "192.168.1.9", beacon(1), 1.0).found
    assert hear(beacons, "192.168.1.8", beacon(2), 1.0).found
    wrong = hear(beacons, "192.168.1.9", beacon(3, leaving=True), 2.0)  # not its nonce
    assert not wrong.lost
    assert [
        each.nonce[-1] for each in hear(beacons, "192.168.1.9", beacon(1, leaving=True), 3.0).lost
    ] == [1]
    assert not beacons.expire(200.0).lost
    assert [each.nonce[-1] for each in beacons.expire(1.0 + 4 * INTERVAL_S).lost] == [2]


def test_a_flood_is_read_at_twenty_a_second_and_memory_is_bounded() -> None:
    beacons = machine()
    for number in range(20_000):
        host = f"192.168.{number % 7}.{number % 250}"
        hear(beacons, host, beacon(number), number / 2000, port=1024 + number % 50_000)
    assert beacons.counters["taken"] <= 11 * MAX_PER_S
    assert beacons.counters["dropped.rate"] > 19_000
    assert len(list(beacons.nodes)) <= MAX_NODES


def test_ports_of_one_host_shut_nobody_out() -> None:
    beacons = machine()
    now = 0.0
    for port in range(2000):
        now += 0.3
        hear(beacons, "192.168.1.66", beacon(port, port=1024 + port), now, port=1024 + port)
    assert len(used(beacons)) == 1
    for number in range(MAX_USED - 1):
        now += 0.3
        assert hear(beacons, f"192.168.1.{number + 1}", beacon(10_000 + number), now).found
    assert len(used(beacons)) == MAX_USED


def test_nodes_of_the_own_network_take_the_places_of_others() -> None:
    beacons = machine()
    for number in range(MAX_USED + 2):
        hear(beacons, f"192.168.1.{number + 1}", beacon(number, tag=OTHER), float(number))
    assert not any(each.is_member for each in used(beacons))
    news = hear(beacons, "192.168.1.200", beacon(99), 30.0)
    assert len(news.found) == len(news.lost) == 1
    assert news.found[0].is_member
    assert not news.lost[0].is_member
    assert len(used(beacons)) == MAX_USED


def test_in_a_network_of_this_link_alone_all_are_used() -> None:
    beacons = machine(lifted=True)
    for number in range(40):
        hear(
            beacons, f"192.168.1.{number // 2 + 1}", beacon(number, port=7000 + number), number / 2
        )
    assert len(used(beacons)) == 40


@given(
    st.lists(st.tuples(st.binary(max_size=30), st.integers(0, 255), st.floats(0, 1)), max_size=60)
)
def test_no_bytes_raise_or_grow(heard: list[tuple[bytes, int, float]]) -> None:
    beacons, now = machine(), 0.0
    for payload, host, pause_s in heard:
        now += pause_s
        hear(beacons, f"10.0.0.{host}", payload, now)
        beacons.due(now)
    assert len(list(beacons.nodes)) <= MAX_NODES
