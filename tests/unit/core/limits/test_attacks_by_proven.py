"""Floods from endpoints that have proved that they receive: each attack succeeds without the
budgets of proven endpoints and fails with them.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.core import Core
from kadisc.core.limits.proven_budget import FREE_SHARE
from kadisc.endpoints import Endpoint, Family, family_of, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import AnnouncePeer, FindNode, GetPeers, Reply
from tests.support.contacts import address6
from tests.support.world import CONFIG, address, without

ONE_HOST = [make_endpoint("45.1.1.1", 1000 + number) for number in range(40)]
ONE_SUBNET = [make_endpoint(f"45.1.1.{number}", 7) for number in range(1, 41)]
ONE_NETGROUP = [make_endpoint(f"45.1.{number}.1", 7) for number in range(1, 41)]
ONE_HOST6 = [make_endpoint(f"2a01:1:1:1::{number:x}", 7) for number in range(1, 41)]
ONE_SUBNET6 = [make_endpoint(f"2a01:1:1:{number:x}::1", 7) for number in range(1, 41)]
ONE_NETGROUP6 = [make_endpoint(f"2a01:1:{number:x}::1", 7) for number in range(1, 41)]


def prove(node: Core, endpoint: Endpoint, now: float) -> None:
    """Announces a peer from ``endpoint``, with a token that was sent there."""
    info_hash = int.from_bytes(endpoint, "big")
    node.receive(krpc.encode(GetPeers(b"aa", 7, info_hash)), endpoint, now)
    answers = [krpc.decode(payload) for payload, to in node.drain_outbox() if to == endpoint]
    [token] = [each.token for each in answers if isinstance(each, Reply)]
    node.receive(krpc.encode(AnnouncePeer(b"aa", 7, info_hash, 80, token or b"")), endpoint, now)


@pytest.mark.parametrize("defended", [True, False])
@pytest.mark.parametrize(
    ("flooding", "most"),
    [
        (ONE_HOST, 100_000),
        (ONE_HOST6, 100_000),
        (ONE_SUBNET, 400_000),
        (ONE_SUBNET6, 400_000),
        (ONE_NETGROUP, 1_000_000),
        (ONE_NETGROUP6, 1_000_000),
    ],
)
def test_proven_endpoints_of_one_network_share_their_bytes(
    flooding: list[Endpoint], most: int, defended: bool
) -> None:
    """Each has proved itself, and asks as often as one endpoint may."""
    config = CONFIG if defended else without("proven_budgets")
    node = Core(config, random.Random(1), {family_of(flooding[0]): 1 << 150}, 0.0)
    for number in range(30):
        contact = Contact((1 << 159) + (number << 100), address(500 + number))
        if len(flooding[0]) == 18:
            contact = Contact((1 << 159) + (number << 100), address6(500 + number))
        node.dhts[contact.family].table.offer(contact, 0.0)
    for source in flooding:
        prove(node, source, 0.0)
    node.drain_outbox()
    sent, seconds, per_s = 0, 5, 4500
    for number in range(seconds * per_s):
        source, now = flooding[number % 40], 20.0 + number / per_s
        node.receive(krpc.encode(FindNode(b"aa", 7, number << 130)), source, now)
        sent += sum(len(payload) for payload, to in node.drain_outbox() if to in flooding)
    assert (sent / seconds <= most) is defended


@pytest.mark.parametrize("defended", [True, False])
def test_a_flood_of_a_whole_netgroup_of_proven_endpoints_leaves_others_their_answers(
    defended: bool,
) -> None:
    """The node is modelled as one that serves 10,000 datagrams a second: what comes beyond that is
    lost in the buffer of its socket, whoever sent it. What it drops unread costs it a seventh.
    """
    config = CONFIG if defended else without("proven_budgets")
    node = Core(config, random.Random(1), {Family.IPV4: 1 << 150}, 0.0)
    flooding = [
        make_endpoint(f"45.1.{number % 250}.{number // 250 + 1}", 7) for number in range(1000)
    ]
    honest = make_endpoint("62.1.1.1", 6881)
    for source in (*flooding, honest):
        node._receiver._traffic.proved(source, 19.0)
    rng, free_at, answered, asked, per_s = random.Random(2), 20.0, 0, 0, 16_000
    for number in range(4 * per_s):
        now = 20.0 + number / per_s
        is_honest = rng.random() < 0.005
        source = honest if is_honest else flooding[number % 1000]
        asked += is_honest
        if free_at - now > 0.02:
            continue  # the buffer is full
        before = node.counters.accepted.get("query.find_node", 0)
        node.receive(krpc.encode(FindNode(b"aa", 7, number)), source, now)
        served = node.counters.accepted.get("query.find_node", 0) - before
        free_at = max(free_at, now) + (1.0 if served else 0.15) / 10_000
        answered += any(to == honest for _, to in node.drain_outbox())
    assert "limit.total" not in node.counters.dropped, "all of them are proven"
    assert (answered >= 0.95 * asked) is defended


def charged(config: CoreConfig, sources: list[Endpoint], *, proven: bool) -> tuple[float, Core]:
    """The seconds of processor time that queries of 0.5 ms took in two seconds, of 10,000 that were
    asked for.
    """
    node = Core(config, random.Random(1), {family_of(sources[0]): 1 << 150}, 0.0)
    traffic, taken_s = node._receiver._traffic, 0.0
    for number in range(20_000):
        source, now = sources[number % len(sources)], 20.0 + number / 10_000
        if proven:
            traffic.proved(source, now)
        taken_s += 0.0005 * (traffic.charge(0.0005, source, now) is None)
    return taken_s, node


LIMITS = CONFIG.limits


@pytest.mark.parametrize(
    ("sources", "share"),
    [
        (ONE_HOST, LIMITS.proven_host_time_share),
        (ONE_HOST6, LIMITS.proven_host_time_share),
        (ONE_SUBNET, LIMITS.proven_subnet_time_share),
        (ONE_NETGROUP, LIMITS.proven_netgroup_time_share),
        (ONE_NETGROUP6, LIMITS.proven_netgroup_time_share),
        ([address(number) for number in range(400)], LIMITS.proven_total_time_share),
    ],
)
def test_proven_endpoints_share_the_processor_time_that_they_may_take(
    sources: list[Endpoint], share: float
) -> None:
    taken_s, _ = charged(CONFIG, sources, proven=True)
    free_s = 2 * FREE_SHARE * LIMITS.proven_host_time_share
    assert 2 * share <= taken_s <= share * (2 + LIMITS.proven_burst_s) + free_s + 0.001
    assert charged(without("proven_budgets"), sources, proven=True)[0] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("sources", "share"),
    [
        (ONE_HOST, LIMITS.host_time_share),
        (ONE_SUBNET6, LIMITS.subnet_time_share),
        ([address(number) for number in range(400)], LIMITS.total_time_share),
    ],
)
def test_strangers_share_the_processor_time_that_they_may_take(
    sources: list[Endpoint], share: float
) -> None:
    taken_s, _ = charged(CONFIG, sources, proven=False)
    assert 2 * share <= taken_s <= share * (2 + LIMITS.time_burst_s) + 0.001
    assert charged(without("traffic_limits"), sources, proven=False)[0] == pytest.approx(10.0)


def test_lifted_limits_count_what_they_would_refuse() -> None:
    taken_s, node = charged(replace(CONFIG, unlimited=True), ONE_HOST, proven=True)
    assert taken_s == pytest.approx(10.0)
    assert node.counters.refused["time-lifted"] > 15_000
    for number in range(5000):
        node.receive(krpc.encode(FindNode(b"aa", 7, number)), ONE_HOST[number % 40], 23.0)
    assert node.counters.accepted["query.find_node"] == 5000
    assert node.counters.refused["limit-lifted"] > 2000
    assert node.counters.refused["bytes-lifted"] > 0
