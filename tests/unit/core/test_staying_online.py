"""A node takes itself to be offline when it is, and only then: whatever strangers name or send, and
however many contacts leave, a node with one living contact stays online and sends little more than
before.
"""

from __future__ import annotations

import random

import pytest

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.contract.events import CameOnline, ContactRemoved, WentOffline
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.ids import random_id
from kadisc.wire import compact, krpc
from kadisc.wire.messages import FindNode, Query, Reply
from tests.support.scripted import ScriptedPeer, put_scripted
from tests.support.traffic import datagrams_of, flaps, wasted_windows, watch_candidates
from tests.support.world import CONFIG, Host, World, address, synthetic, without

HALF_AN_HOUR = 1800.0


def where(number: int, netgroup: int | None) -> Endpoint:
    """In one /16, or in as many as there are nodes."""
    return address(number) if netgroup is None else make_endpoint(f"45.{netgroup}.{number}.7", 6881)


def community(
    world: World, nodes: int, netgroup: int | None = None, config: CoreConfig = CONFIG
) -> list[Host]:
    """A few nodes that joined one after the other, each by the first."""
    hosts: list[Host] = []
    for number in range(nodes):
        hosts.append(world.add(where(number + 1, netgroup), config))
        world.join(hosts[-1], hosts[:1])
        world.run(2.0)
    world.run(HALF_AN_HOUR)
    return hosts


def dead_endpoint(rng: random.Random) -> Endpoint:
    a, b, c = rng.randrange(60, 90), rng.randrange(250), rng.randrange(250)
    return make_endpoint(f"{a}.{b}.{c}.9", 6881)


def liar(
    world: World, endpoint: Endpoint, seed: int, names: int = 70
) -> tuple[ScriptedPeer, Contact]:
    """Answers every query with endpoints where nobody is."""
    rng = random.Random(seed)
    own_id = random_id(rng)

    def answer(query: Query) -> Reply:
        dead = [Contact(random_id(rng), dead_endpoint(rng)) for _ in range(names)]
        return Reply(query.tid, own_id, nodes=b"".join(map(compact.pack_contact, dead)))

    return put_scripted(world, endpoint, answer), Contact(own_id, endpoint)


def called_by_strangers(world: World, hosts: list[Host], every_s: float, until: float) -> None:
    """Queries from endpoints where nobody receives."""
    rng = random.Random(7)

    def call() -> None:
        for host in hosts:
            query = FindNode(b"aa", random_id(rng), random_id(rng))
            world.inject(host, dead_endpoint(rng), krpc.encode(query))
        if world.now + every_s < until:
            world.at(world.now + every_s, call)

    world.at(world.now + every_s, call)


@pytest.mark.parametrize("netgroup", [7, None], ids=["one netgroup", "many netgroups"])
@pytest.mark.parametrize("every_s", [1.0, 30.0])
def test_nodes_that_silent_strangers_call_stay_online(netgroup: int | None, every_s: float) -> None:
    world = World(5, one_way_s=0.02)
    hosts = community(world, 5, netgroup)
    before = datagrams_of(world, hosts, HALF_AN_HOUR)
    world.sent = []
    watched = [watch_candidates(host) for host in hosts]
    called_by_strangers(world, hosts, every_s, world.now + HALF_AN_HOUR)
    after = datagrams_of(world, hosts, HALF_AN_HOUR)
    for host, candidates in zip(hosts, watched, strict=True):
        assert wasted_windows(world, host, candidates, few=60) == []
    answers = HALF_AN_HOUR / every_s * len(hosts)
    assert flaps(hosts) == 0
    assert after - answers <= 2 * before


@pytest.mark.parametrize("netgroup", [7, None], ids=["one netgroup", "many netgroups"])
@pytest.mark.parametrize("first", [0, 1, 3])
def test_two_survivors_of_five_stay_online(netgroup: int | None, first: int) -> None:
    world = World(6, one_way_s=0.02)
    hosts = community(world, 5, netgroup)
    survivors = hosts[first : first + 2]
    before = datagrams_of(world, survivors, HALF_AN_HOUR)
    for host in hosts:
        host.up = host in survivors
    after = datagrams_of(world, survivors, HALF_AN_HOUR)
    assert flaps(survivors) == 0
    assert after <= 2 * before
    for host in survivors:
        assert [entry.id for entry in host.node.dhts[host.family].table] == [
            each.id for each in survivors if each is not host
        ]


@pytest.mark.parametrize("liars", [1, 2])
@pytest.mark.parametrize("netgroup", [7, None], ids=["one netgroup", "many netgroups"])
def test_dead_names_in_each_answer_leave_a_node_online(netgroup: int | None, liars: int) -> None:
    world = World(3, one_way_s=0.02)
    hosts = community(world, 12, netgroup)
    before = datagrams_of(world, hosts, HALF_AN_HOUR)
    world.sent = []
    watched = [watch_candidates(host) for host in hosts]
    for number in range(liars):
        _, contact = liar(world, where(100 + number, netgroup), number)
        for host in hosts:
            host.node.dhts[host.family].table.offer(contact, world.now)
            plan_checks(world, host)
    after = datagrams_of(world, hosts, HALF_AN_HOUR)
    assert flaps(hosts) == 0
    assert after <= 2 * before
    for host, candidates in zip(hosts, watched, strict=True):
        assert wasted_windows(world, host, candidates) == []


def test_without_shares_of_candidates_most_checks_are_wasted_on_dead_names() -> None:
    world = World(3, one_way_s=0.02)
    hosts = community(world, 12, None, without("candidate_shares"))
    before = datagrams_of(world, hosts, 600.0)
    world.sent = []
    watched = [watch_candidates(host) for host in hosts]
    _, contact = liar(world, where(100, None), 1)
    for host in hosts:
        host.node.dhts[host.family].table.offer(contact, world.now)
        plan_checks(world, host)
    after = datagrams_of(world, hosts, 600.0)
    assert flaps(hosts) == 0, "what was never there says nothing of the own connection"
    assert after > 5 * before
    world.run(300.0)
    assert wasted_windows(world, hosts[3], watched[3])


@pytest.mark.real
def test_a_tenth_of_the_population_that_leaves_at_once_takes_no_node_offline() -> None:
    world = World(8, one_way_s=0.02)
    hosts = synthetic(world, 60)
    for host in hosts:
        plan_checks(world, host)
    world.run(600)
    left, stayed = hosts[::10], [host for host in hosts if host not in hosts[::10]]
    before = datagrams_of(world, stayed, HALF_AN_HOUR)
    for host in left:
        world.kill(host)
    after = datagrams_of(world, stayed, HALF_AN_HOUR)
    assert flaps(stayed) == 0
    assert after <= 2 * before


def plan_checks(world: World, host: Host) -> None:
    """As if the entries of the table had been verified just now."""
    dht = host.node.dhts[host.family]
    for entry in dht.table:
        dht.parts.revalidation.plan(entry)
    world.flush(host)


def when(host: Host, kind: type) -> bool:
    return any(isinstance(event, kind) for event in host.events)


@pytest.mark.parametrize("nodes", [3, 5, 12, pytest.param(60, marks=pytest.mark.real)])
@pytest.mark.parametrize("refused", [False, True], ids=["lost", "refused"])
def test_a_pulled_cable_is_noticed_within_a_minute(nodes: int, refused: bool) -> None:
    world = World(9, one_way_s=0.02)
    if nodes == 60:
        hosts = synthetic(world, nodes)
        plan_checks(world, hosts[0])
        world.run(600)
    else:
        hosts = community(world, nodes)
    host = hosts[-1]
    host.events.clear()
    contacts = {entry.contact for entry in host.node.dhts[host.family].table}
    down = world.refused if refused else world.cut_off
    down.add(host.endpoint)
    world.run(60.0, until=lambda: when(host, WentOffline))
    assert when(host, WentOffline)
    world.run(3600.0)
    down.clear()
    world.run(15.0, until=lambda: when(host, CameOnline))
    assert when(host, CameOnline)
    assert not when(host, ContactRemoved)
    assert {entry.contact for entry in host.node.dhts[host.family].table} >= contacts
