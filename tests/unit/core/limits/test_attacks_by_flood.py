"""Floods of forged datagrams: each attack succeeds with its defence off and fails with it on."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.core.contract.events import Outcome, PingFinished
from kadisc.core.core import Core
from kadisc.endpoints import Endpoint, family_of, ip_of, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import AnnouncePeer, Error, FindNode, GetPeers, Gossip, Ping
from tests.support.attack import pong, surrounded
from tests.support.community import TAG, Stranger, member, stranger
from tests.support.contacts import address6
from tests.support.world import CONFIG, Host, World, address, synthetic, without

ATTACKERS_ID = 0x1234


def forged(name: Endpoint, number: int) -> Endpoint:
    """Other ports of the same address, and other addresses of the same /24, in turn."""
    last, port = (name[3], 10_000 + number % 20_000) if number % 2 else (number // 2 % 256, 6881)
    return Endpoint(name[:3] + bytes((last,)) + port.to_bytes(2, "big"))


def flood(
    world: World, victim: Host, names: list[Endpoint], seconds: int, per_s: int = 400
) -> dict[Endpoint, int]:
    """Sends forged queries and answers in the name of each of ``names``. Returns the bytes that
    each endpoint is sent because of them. Datagrams to hosts of the world are delivered.
    """
    sent: dict[Endpoint, int] = defaultdict(int)
    payloads = [
        krpc.encode(FindNode(b"aa", ATTACKERS_ID, 7, read_only=True)),
        krpc.encode(GetPeers(b"aa", ATTACKERS_ID, 7, read_only=True)),
        pong(b"abcd", ATTACKERS_ID),
        krpc.encode(Ping(b"aa", ATTACKERS_ID, read_only=True)),
    ]
    for number in range(seconds * per_s):
        for name in names:
            victim.node.receive(
                payloads[number // 2 % len(payloads)], forged(name, number), world.now
            )
        for payload, destination in victim.node.drain_outbox():
            sent[destination] += len(payload)
            if destination in world.hosts:
                world.send(victim.endpoint, destination, payload)
        world.run(1.0 / per_s)
    return sent


@pytest.mark.parametrize("defended", [True, False])
def test_a_spoofer_does_not_silence_an_honest_node(defended: bool) -> None:
    """With a limit by unproven source, the attacker that forges the source chooses which node is
    silenced.
    """
    world = World(seed=1)
    victim, honest = surrounded(
        world, CONFIG if defended else without("proven_sources"), neighbours=5
    )
    friend, stranger = honest[3], world.add(address(77))
    names = [friend.endpoint, stranger.endpoint]
    flood(world, victim, names, seconds=5)
    asked = [world.ping(victim, name) for name in names for _ in range(5)]
    asking = [world.ping(friend, victim.endpoint) for _ in range(20)]
    flood(world, victim, names, seconds=12, per_s=200)
    answered = [outcome_of(victim, operation) for operation in asked]
    served = [outcome_of(friend, operation) for operation in asking]
    if defended:
        assert answered == [Outcome.DONE] * 10, (
            "one had proved itself, the other was only asked: both answers are accepted"
        )
        assert served == [Outcome.DONE] * 20, (
            "its queries are accepted, because it has answered before"
        )
        assert victim.node.counters.dropped["limit.network"] > 1000
    else:
        assert Outcome.NO_ANSWER in answered
        assert served.count(Outcome.NO_ANSWER) > 5


def outcome_of(host: Host, operation: int) -> Outcome:
    [outcome] = [
        event.outcome
        for event in host.events
        if isinstance(event, PingFinished) and event.operation == operation
    ]
    return outcome


@pytest.mark.parametrize("defended", [True, False])
def test_a_silenced_new_node_is_accepted_once_it_has_answered(defended: bool) -> None:
    """Before it has proved itself, a new node shares the budget of its address with the attacker
    that forges it. One answer to a query of the victim is enough.
    """
    world = World(seed=2)
    victim, _ = surrounded(world, CONFIG if defended else without("proven_sources"), neighbours=3)
    newcomer = world.add(address(78))
    flood(world, victim, [newcomer.endpoint], seconds=3)
    world.ping(victim, newcomer.endpoint)
    flood(world, victim, [newcomer.endpoint], seconds=1)
    asking = [world.ping(newcomer, victim.endpoint) for _ in range(10)]
    flood(world, victim, [newcomer.endpoint], seconds=12, per_s=200)
    served = [outcome_of(newcomer, operation) for operation in asking]
    assert (served == [Outcome.DONE] * 10) is defended


@pytest.mark.parametrize("defended", [True, False])
def test_forged_queries_cause_no_flood_to_the_forged_address(defended: bool) -> None:
    """Amplification: forged queries in the name of a host send it and its subnet no more than their
    budgets.
    """
    world = World(seed=3)
    config = CONFIG if defended else without("traffic_limits")
    reflector = synthetic(world, 60, config)[0]
    seconds, name = 10, address(500)
    sent = flood(world, reflector, [name], seconds)
    to_address = sum(
        size for destination, size in sent.items() if ip_of(destination) == ip_of(name)
    )
    to_network = sum(size for destination, size in sent.items() if destination[:3] == name[:3])
    limits = config.limits
    for_address = limits.host_reply_burst_bytes + limits.host_reply_bytes_per_s * seconds
    for_network = limits.subnet_reply_burst_bytes + limits.subnet_reply_bytes_per_s * seconds
    assert to_address > 1000
    assert (to_address <= for_address and to_network <= for_network) is defended


def test_all_kinds_of_queries_share_one_budget() -> None:
    """Queries of every kind, announces with invented tokens, gossip and malformed queries: the
    limit is on the sum, not on each kind.
    """
    world = World(seed=4)
    limits = CoreConfig().limits
    config = CoreConfig(
        limits=type(limits)(
            host_queries_per_s=1e6,
            host_query_burst=1e6,
            subnet_queries_per_s=1e6,
            subnet_query_burst=1e6,
        )
    )
    reflector, name = synthetic(world, 60, config)[0], address(500)
    messages = [
        krpc.encode(FindNode(b"aa", 1, 7, frozenset((b"n4", b"n6")))),
        krpc.encode(GetPeers(b"aa", 2, 7)),
        krpc.encode(AnnouncePeer(b"aa", 3, 7, 99, b"made up!")),
        krpc.encode(Gossip(b"aa", 4, 7, 16)),
        b"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe",
        b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee",
        pong(b"abcd", 5),
    ]
    sent = 0
    for number in range(4000):
        reflector.node.receive(messages[number % len(messages)], name, number / 400)
        reflector.node.tick(number / 400)
        sent += sum(
            len(payload)
            for payload, destination in reflector.node.drain_outbox()
            if destination == name
        )
    budget = (
        limits.host_reply_burst_bytes
        + limits.host_query_burst_bytes
        + 10 * (limits.host_reply_bytes_per_s + limits.host_query_bytes_per_s)
    )
    assert 0.5 * budget < sent <= budget
    assert reflector.node.counters.refused["reply-bytes.address"] > 0


def test_a_gossip_token_proves_the_endpoint_that_it_was_sent_to() -> None:
    """As the tokens of announce and put do: a flood in the name of an honest peer uses up the
    budget of its address, but the peer itself is exempt by its token.
    """
    world = World(seed=6)
    limits = CONFIG.limits
    config = replace(
        CONFIG,
        limits=replace(
            limits, host_queries_per_s=1e6, host_query_burst=1e6, subnet_query_burst=1e6
        ),
    )
    us, honest, neighbour = (
        member(world, 1, config=config),
        stranger(world, 2),
        stranger(world, 3, at=forged(address(2), 1)),
    )
    get_token = krpc.encode(Gossip(b"get!", honest.id, TAG, 0, pad=400))
    world.inject(us, honest.endpoint, get_token)
    world.inject(us, neighbour.endpoint, get_token)
    world.run(0.2)
    token = honest.tokens[us.endpoint]
    for number in range(1000):
        world.inject(us, forged(honest.endpoint, 2 * number + 3), get_token)
    assert us.node.counters.refused["reply-bytes.address"] > 0

    def answers(to: Stranger, token: bytes | None) -> int:
        before = us.node.counters.sent
        us.node.receive(
            krpc.encode(Gossip(b"more", to.id, TAG, 16, token=token, pad=400)),
            to.endpoint,
            world.now,
        )
        return us.node.counters.sent - before

    assert answers(honest, None) == 0, "it might be forged"
    assert answers(honest, b"made up!") == 0
    assert answers(neighbour, token) == 0, "it was sent to another port"
    assert [answers(honest, token) for _ in range(20)] == [1] * 20
    assert answers(honest, None) == 1, "now its endpoint is proven"
    assert answers(neighbour, None) == 0


def test_a_flood_of_forged_sources_takes_bounded_memory() -> None:
    world = World(seed=5)
    victim = synthetic(world, 20, CONFIG)[0]
    traffic = victim.node._receiver._traffic
    payload = krpc.encode(Ping(b"aa", ATTACKERS_ID, read_only=True))
    for number in range(200_000):
        source = Endpoint(
            bytes((11 + number % 89,)) + world.rng.getrandbits(24).to_bytes(3, "big") + b"\x1a\xe1"
        )
        victim.node.receive(payload, source, number / 50_000)
        if number % 1000 == 0:
            victim.node.drain_outbox()
    counters = victim.node.counters
    assert counters.received == sum(counters.accepted.values()) + sum(counters.dropped.values())
    assert counters.dropped["limit.total"] > 180_000
    assert len(traffic.queries) + len(traffic.replies) <= 8 * 2**CONFIG.limits.cell_bits  # type: ignore[attr-defined]
    assert (
        counters.accepted["query.ping"]
        <= CONFIG.limits.total_query_burst + 4 * CONFIG.limits.total_queries_per_s
    )


def asked(endpoint: Endpoint) -> tuple[Core, bytes]:
    """A core that has just pinged ``endpoint``, and the transaction ID of its ping."""
    family = family_of(endpoint)
    node = Core(CONFIG, random.Random(1), {family: 1 << 150}, 0.0)
    node.ping(endpoint, 0.0)
    [(payload, _)] = node.drain_outbox()
    return node, krpc.decode(payload).tid


QUERIES: list[Callable[[bytes, int], bytes]] = [
    lambda tid, number: krpc.encode(FindNode(tid, 7, number)),
    lambda tid, number: krpc.encode(GetPeers(tid, 7, number)),
    lambda tid, number: krpc.encode(Ping(tid, 7, version=b"KD\0\1")),
    lambda tid, number: krpc.encode(Gossip(tid, 7, TAG, 16, pad=400)),
    # Ends as a reply does.
    lambda tid, number: (
        b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t4:" + tid + b"1:y1:q1:z6:1:y1:re"
    ),
    lambda tid, number: b"d1:y1:q1:t4:" + tid + b"1:q4:ping1:ad2:id20:abcdefghij0123456789ee",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("where", [address(5), address6(5)])
def test_queries_with_an_awaited_transaction_id_are_limited_as_any_other(
    query: Callable[[bytes, int], bytes], where: Endpoint
) -> None:
    """Whoever was asked something knows a transaction ID that this node waits for."""
    node, tid = asked(where)
    for number in range(1000):
        node.receive(query(tid, number), where, 0.1 + number / 1000)
    limits = CONFIG.limits
    accepted = sum(node.counters.accepted.values())
    assert accepted <= limits.host_query_burst + limits.host_queries_per_s + 1
    assert node.counters.dropped["limit.address"] >= 850


@pytest.mark.parametrize("where", [address(5), address6(5)])
def test_an_awaited_answer_is_accepted_during_a_flood_in_the_name_of_its_sender(
    where: Endpoint,
) -> None:
    node, tid = asked(where)
    for number in range(1000):
        node.receive(krpc.encode(FindNode(b"aa", 7, number)), where, 0.1 + number / 1000)
    assert node.counters.dropped["limit.address"] >= 850
    node.receive(pong(tid, 7), where, 1.2)
    [finished] = [each for each in node.drain_events() if isinstance(each, PingFinished)]
    assert finished.outcome is Outcome.DONE


@pytest.mark.parametrize("host", ["45.1.1.1", "2a01:1:1:1::1"])
def test_a_token_proves_no_other_endpoint_than_the_one_that_received_it(host: str) -> None:
    """One token for 40 ports made one host 40 proven endpoints."""
    ports = [make_endpoint(host, 1000 + number) for number in range(40)]
    node = Core(CONFIG, random.Random(1), {family_of(ports[0]): 1 << 150}, 0.0)
    node.receive(krpc.encode(GetPeers(b"aa", 7, 99)), ports[0], 0.0)
    token = krpc.decode(node.drain_outbox()[-1][0]).token
    for source in ports:
        node.receive(krpc.encode(AnnouncePeer(b"aa", 7, 99, 80, token)), source, 1.0)
    refusals = [krpc.decode(payload) for payload, _ in node.drain_outbox()]
    assert [each.code for each in refusals if isinstance(each, Error)] == [203] * 39
    assert node.counters.accepted["query.announce_peer"] == 40
    for number in range(2000):
        node.receive(krpc.encode(FindNode(b"aa", 7, number)), ports[1 + number % 39], 20.0)
    limits = CONFIG.limits
    assert node.counters.accepted["query.find_node"] <= limits.host_query_burst
