"""Attacks on a node by its traffic: each succeeds with its defence off and fails with it on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.contract.events import Outcome
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import make_endpoint
from kadisc.ids import random_id
from kadisc.wire import krpc
from kadisc.wire.messages import FindNode, GetPeers
from tests.support.attack import ASKER, handed_out, known, pong, query, started, surrounded
from tests.support.world import CONFIG, Host, World, address, synthetic, true_closest, without


@pytest.mark.parametrize("defended", [True, False])
def test_an_answer_is_not_the_whole_table(defended: bool) -> None:
    world = World(seed=1)
    config = CONFIG if defended else without("bounded_answers")
    victim = synthetic(world, 200, config)[0]
    longest = 0
    for message in (
        FindNode(b"aa", 1, 2, read_only=True),
        GetPeers(b"aa", 1, 2, frozenset((b"n4", b"n6")), read_only=True),
    ):
        victim.node.receive(krpc.encode(message), ASKER, world.now)
        longest = max(longest, *(len(payload) for payload, _ in victim.node.drain_outbox()))
    if defended:
        assert longest <= 1024
    else:
        assert longest > 2009


def fastest_second(world: World, host: Host) -> int:
    """The most distinct addresses that the host sent to within any one second."""
    assert world.sent is not None
    out = [
        (at, destination) for at, source, destination, _ in world.sent if source == host.endpoint
    ]
    return max((len({d for t, d in out if at <= t < at + 1.0}) for at, _ in out), default=0)


@pytest.mark.parametrize("defended", [True, False])
def test_a_burst_of_lookups_does_not_fill_the_nat_table_of_the_router(defended: bool) -> None:
    world = World(seed=2)
    hosts = synthetic(world, 500, CONFIG)
    config = CONFIG if defended else without("paced_queries")
    contacts = [entry.contact for entry in hosts[0].node.dhts[hosts[0].family].table]
    busy = world.add(address(5000), config)
    for contact in contacts:
        busy.node.dhts[busy.family].table.offer(contact, world.now - 1000.0)
    world.sent = []
    operations = [world.lookup(busy, world.rng.getrandbits(160)) for _ in range(40)]
    results = [world.result(busy, operation, within_s=120.0) for operation in operations]
    assert all(event.outcome.value == "done" for event in results)
    burst = CONFIG.query.new_address_burst
    rate = CONFIG.query.new_address_rate
    if defended:
        assert fastest_second(world, busy) <= burst + 2 * rate
        destinations = {
            destination for _, source, destination, _ in world.sent if source == busy.endpoint
        }
        assert len(destinations) / world.now <= 1.5 * rate
    else:
        assert fastest_second(world, busy) > 200


def behind_a_restricted_nat(world: World, host: Host, mapping_s: float = 30.0) -> None:
    """The host receives only from endpoints that it sent to within the last ``mapping_s``."""
    opened: dict[bytes, float] = {}
    receive, drain = host.node.receive, host.node.drain_outbox

    def filtered(payload: bytes, source: bytes, now: float) -> None:
        if now < opened.get(source, float("-inf")):
            receive(payload, source, now)  # type: ignore[arg-type]

    def recorded() -> list[object]:
        datagrams = drain()
        opened.update((destination, world.now + mapping_s) for _, destination in datagrams)
        return datagrams  # type: ignore[return-value]

    host.node.receive = filtered  # type: ignore[method-assign,assignment]
    host.node.drain_outbox = recorded  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("defended", [True, False])
def test_a_node_that_answers_only_through_its_own_nat_mapping_is_not_in_answers(
    defended: bool,
) -> None:
    world = World(seed=3)
    victim, honest = surrounded(
        world, CONFIG if defended else without("inbound_quarantine"), neighbours=20
    )
    world.run(600.0)
    natted = [world.add(address(number)) for number in range(200, 215)]
    for host in natted:
        behind_a_restricted_nat(world, host)
        world.join(host, [victim])
        world.run(1.0)
    reachable = world.add(address(300))
    world.join(reachable, [victim])
    world.run(20.0)
    shown = handed_out(world, victim)
    assert len({host.contact for host in honest} & shown) == 20
    assert ({host.contact for host in natted} & shown == set()) is defended
    for host in natted:
        world.kill(host)
    world.run(1200.0)
    assert reachable.contact in handed_out(world, victim), (
        "an honest new node is in answers after some minutes"
    )


@pytest.mark.parametrize("defended", [True, False])
def test_a_broken_link_does_not_empty_the_table(defended: bool) -> None:
    world = World(seed=4)
    victim, honest = surrounded(
        world, CONFIG if defended else without("offline_detection"), neighbours=20
    )
    before = len(known(victim))
    for host in honest:
        host.up = False
    world.run(2 * 3600.0)
    if not defended:
        assert len(known(victim)) < before / 4
        return
    assert len(known(victim)) >= before - CONFIG.maintenance.offline_failures
    for host in honest:
        host.up = True
        world.flush(host)
    world.join(victim, [])  # the shell joins again while the node is offline
    world.run(60.0)
    assert victim.node.snapshot(world.now).dhts[0].online
    assert len(known(victim)) >= before - CONFIG.maintenance.offline_failures


def colluders_beside(world: World, target: int, honest: list[Host], config: CoreConfig) -> Host:
    """40 colluders in one /24 with IDs next to the target; the honest node closest to it has them
    in its table. Returns the node that looks up the target.
    """
    colluders = [
        world.add(
            make_endpoint(f"80.80.80.{last}", 6881), own_id=target ^ (1 << (100 + last % 20)) ^ last
        )
        for last in range(1, 41)
    ]
    for host in colluders:
        table = host.node.dhts[host.family].table
        for other in colluders:
            table.offer(other.contact, world.now)
    nearest = min((host for host in honest if host.up), key=lambda host: host.id ^ target)
    nearest.node.dhts[nearest.family].table._diversity = NoDiversityCaps()
    for host in colluders:
        nearest.node.dhts[nearest.family].table.offer(host.contact, world.now)
    asker = world.add(address(4000), config)
    for host in world.rng.sample(honest, 60):
        asker.node.dhts[asker.family].table.offer(host.contact, world.now)
    return asker


@pytest.mark.parametrize("defended", [True, False])
def test_one_subnet_cannot_fill_the_result_of_a_lookup(defended: bool) -> None:
    world = World(seed=5)
    honest = synthetic(world, 300, CONFIG)
    target = random_id(world.rng)
    asker = colluders_beside(world, target, honest, CONFIG if defended else without("lookup_caps"))
    event = world.result(asker, world.lookup(asker, target))
    found = [node.contact.id for node in event.result.closest]  # type: ignore[attr-defined]
    expected = sorted((host.id for host in honest), key=lambda node_id: node_id ^ target)[:7]
    assert true_closest(honest, target, 7, asker) == expected
    if defended:
        assert found[1:] == expected
    else:
        assert not set(found) & set(expected)


def test_a_flood_of_unsorted_messages_uses_up_only_the_budget_of_its_subnet() -> None:
    """Unsorted messages need the slow decoder: a /24 that floods them loses access to it, another
    does not.
    """
    world = World(seed=6)
    victim = started(world)
    unsorted_query = b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee"
    for last in range(90):
        world.inject(victim, make_endpoint("80.80.80.80", 1000 + last), unsorted_query)
    assert victim.node.counters.accepted == {"query.ping": int(CONFIG.serving.slow_decode_burst)}
    assert (
        victim.node.counters.dropped["slow-decode-budget"] == 90 - CONFIG.serving.slow_decode_burst
    )
    world.inject(victim, make_endpoint("81.80.80.80", 1000), unsorted_query)
    assert victim.node.counters.accepted == {
        "query.ping": int(CONFIG.serving.slow_decode_burst) + 1
    }


UNSORTED = b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789e%be"


def slow_decodes(victim: Host, world: World, payload: bytes, seconds: int, per_s: int) -> int:
    """How many datagrams, forged in the name of as many /24s, cost a pass of the slow decoder."""
    passes = 0

    def counted(datagram: bytes) -> krpc.Message:
        nonlocal passes
        passes += 1
        return decode_slowly(datagram)

    decode_slowly = krpc.decode_slowly
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(krpc, "decode_slowly", counted)
        for number in range(seconds * per_s):
            source = make_endpoint(f"{11 + number % 80}.{number // 80 % 250}.{number % 7}.7", 7)
            victim.node.receive(payload, source, world.now + number / per_s)
    victim.node.drain_outbox()
    return passes


@pytest.mark.parametrize("defended", [True, False])
@pytest.mark.parametrize(
    "extra",
    [b"", b"1:xl" + b"0:" * 900 + b"e", b"1:xl" + b"le" * 940 + b"i%de" % 10**30 + b"e", b"0:"],
    ids=["short", "strings", "int", "broken"],
)
def test_slow_decoding_is_limited_in_all_and_to_the_length_of_queries(
    extra: bytes, defended: bool
) -> None:
    world = World(seed=6)
    victim = started(
        world, without("charged_time") if defended else without("slow_decode_total", "charged_time")
    )
    payload = UNSORTED % extra
    passes = slow_decodes(victim, world, payload, seconds=2, per_s=1000)
    if not defended:
        assert passes == 2000
    elif len(payload) > 512:
        assert passes == 0
    else:
        most = CONFIG.serving.all_slow_decode_burst + 2 * CONFIG.serving.all_slow_decodes_per_s
        assert passes == pytest.approx(most, rel=0.01)


def test_no_flood_keeps_a_node_from_the_answers_of_clients_that_do_not_sort_their_keys() -> None:
    """The unsorted answer to get_peers is longer than a query. It is awaited, so that the flood of
    others takes nothing from its budget.
    """
    world = World(seed=6)
    victim = started(world)
    slow_decodes(victim, world, UNSORTED % b"", seconds=2, per_s=1000)
    assert victim.node.counters.dropped["slow-decode-budget"] > 1000
    there = address(5)
    operation = victim.node.ping(there, world.now)
    [(payload, _)] = victim.node.drain_outbox()
    tid = krpc.decode(payload).tid
    peers = b"".join(b"6:" + bytes((1, 2, 3, number, 0, 9)) for number in range(1, 120))
    answer = b"d1:y1:r1:t4:%b1:rd2:id20:abcdefghij01234567896:valuesl%beee" % (tid, peers)
    assert len(answer) > 900
    world.inject(victim, there, answer)
    event = world.result(victim, operation)
    assert event.outcome is Outcome.DONE


def test_unsolicited_packets_reset_no_failure_count() -> None:
    """Forged queries in the name of a dead contact do not keep it in the table."""
    world = World(seed=7)
    victim, honest = surrounded(world, neighbours=20)
    dead = honest[5]
    assert dead.contact in known(victim)
    world.kill(dead)
    for _ in range(600):
        world.inject(victim, dead.endpoint, query(dead.id))
        world.inject(victim, dead.endpoint, pong(b"abcd", dead.id, [Contact(5, address(9))]))
        world.run(2.0)
    assert dead.contact not in known(victim)


def test_reported_private_addresses_are_never_contacted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(seed=8)
    victim = started(world)
    traps = [
        Contact(random_id(world.rng), make_endpoint(host, 80))
        for host in ("127.0.0.1", "192.168.1.1", "10.0.0.1", "169.254.1.1", "0.0.0.0", "224.0.0.1")
    ]
    liar = world.add(address(7), replace(CONFIG))
    table = liar.node.dhts[liar.family].table
    for trap in traps:
        table.offer(trap, world.now)
    world.sent = []
    usual, lies = RoutingTable.closest, [table.at(trap.endpoint) for trap in traps]
    monkeypatch.setattr(
        RoutingTable, "closest", lambda self, *args: lies if self is table else usual(self, *args)
    )
    world.join(victim, [liar])
    world.run(30.0)
    contacted = {
        destination for _, source, destination, _ in world.sent if source == victim.endpoint
    }
    assert contacted == {liar.endpoint}
    assert victim.node.counters.refused["reported-contact-unusable"] >= len(traps)
