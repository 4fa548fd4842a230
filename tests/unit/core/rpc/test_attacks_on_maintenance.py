"""Attacks by contacts whose answers cause further queries: another ID each time, two IDs in turn,
errors alone. Maintenance begins at most once in ten seconds at one endpoint, such contacts leave
the table, and lookups are as fast as without them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import cycle

import pytest

from kadisc.config import CLIENT_VERSION, CoreConfig
from kadisc.contacts import Contact
from kadisc.core.contract.events import LookupKind
from kadisc.core.contract.queries import Priority, SendQuery
from kadisc.core.dht import Dht
from kadisc.core.rpc.endpoint_spacing import SPACING_S, EndpointSpacing
from kadisc.endpoints import Endpoint, Family
from kadisc.ids import random_id
from kadisc.wire.messages import Error, FindNode, Get, GetPeers, Ping, Query, Reply
from tests.support.community import introduce, knows, member, peer_network
from tests.support.maintenance import watching_maintenance
from tests.support.scripted import ScriptedPeer, put_scripted
from tests.support.world import CONFIG, Host, World, address, lookups, synthetic, without

UNSPACED = without("spaced_maintenance")
Conduct = Callable[[random.Random, int], Callable[[Query], Reply | Error]]


def changing(rng: random.Random, first: int) -> Callable[[Query], Reply]:
    """Another ID in each answer."""
    return lambda query: Reply(query.tid, random_id(rng), nodes=b"", version=CLIENT_VERSION)


def alternating(rng: random.Random, first: int) -> Callable[[Query], Reply]:
    ids = cycle([first, random_id(rng)])
    return lambda query: Reply(query.tid, next(ids), nodes=b"", version=CLIENT_VERSION)


def in_pairs(rng: random.Random, first: int) -> Callable[[Query], Reply]:
    """Each ID twice, so that each counts."""
    ids = iter(lambda: random_id(rng), None)
    twice = (node_id for each in ids for node_id in (each, each))
    return lambda query: Reply(query.tid, next(twice), nodes=b"", version=CLIENT_VERSION)


def refusing(rng: random.Random, first: int) -> Callable[[Query], Error]:
    return lambda query: Error(query.tid, rng.choice([201, 202, 203, 204]), "busy")


def honest(rng: random.Random, first: int) -> Callable[[Query], Reply]:
    return lambda query: Reply(query.tid, first, nodes=b"", version=CLIENT_VERSION)


CONDUCTS = [changing, alternating, in_pairs, refusing]


def with_contacts(
    conduct: Conduct, count: int, config: CoreConfig = CONFIG, *, nodes: int = 60
) -> tuple[World, list[Host], Dht, list[ScriptedPeer]]:
    """A settled world, and ``count`` more contacts in the table of its first node."""
    world = World(3, one_way_s=0.01)
    hosts = synthetic(world, nodes, config=config)
    host, rng = hosts[0], random.Random(5)
    dht = host.node.dhts[Family.IPV4]
    added = []
    for number in range(count):
        first, endpoint = random_id(rng), address(9000 + number)
        added.append(put_scripted(world, endpoint, conduct(rng, first)))
        dht.table.offer(Contact(first, endpoint), world.now)
    for entry in dht.table:
        dht.parts.revalidation.plan(entry)
    world.flush(host)
    return world, hosts, dht, added


@pytest.mark.parametrize("conduct", CONDUCTS)
@pytest.mark.parametrize("count", [1, 20, 150])
def test_no_contact_is_asked_by_maintenance_twice_in_ten_seconds(
    conduct: Conduct, count: int
) -> None:
    with watching_maintenance() as oracle:
        world, hosts, _, added = with_contacts(conduct, count)
        world.run(120)
        lookups(world, hosts[:1], 40, spacing_s=0.5)
        world.run(300)
    assert sum(len(each.queries) for each in added) > count / 4
    assert oracle.most() <= 1
    assert oracle.closest_s() >= SPACING_S - 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("conduct", CONDUCTS)
def test_a_thousand_such_contacts_are_asked_no_more_often(conduct: Conduct) -> None:
    with watching_maintenance() as oracle:
        world, hosts, _, _ = with_contacts(conduct, 1000)
        world.run(300)
        lookups(world, hosts[:1], 200, spacing_s=0.5)
        world.run(600)
    assert oracle.most() <= 1


def test_without_spacing_the_answers_of_one_contact_cause_queries_without_pause() -> None:
    with watching_maintenance() as oracle:
        world, *_ = with_contacts(in_pairs, 1, UNSPACED)
        world.run(600)
    assert oracle.most() > 1


def test_honest_nodes_are_checked_as_often_with_spacing_as_without() -> None:
    checks = []
    for config in (CONFIG, UNSPACED):
        world, hosts, _, _ = with_contacts(honest, 0, config)
        world.run(900)
        checks.append(sum(host.node.counters.checks_sent for host in hosts))
    assert checks[0] == pytest.approx(checks[1], rel=0.03)


@pytest.mark.parametrize("conduct", [changing, refusing])
def test_a_contact_of_that_kind_leaves_the_table_after_two_spaced_failures(
    conduct: Conduct,
) -> None:
    world, _, dht, added = with_contacts(conduct, 1)
    world.run(120, until=lambda: bool(added[0].queries))
    world.run(0.1)
    entry = dht.table.at(address(9000))
    assert entry is not None
    assert not entry.returnable, "after the first failure it is not handed out"
    world.run(240)
    assert dht.table.at(address(9000)) is None


def test_a_restarted_node_is_known_under_its_new_id_within_seconds() -> None:
    world, hosts, dht, _ = with_contacts(honest, 0)
    restarted, rng = hosts[7], random.Random(9)
    if dht.table.at(restarted.endpoint) is None:
        dht.table.offer(restarted.contact, world.now)
    new_id = random_id(rng)
    world.hosts[restarted.endpoint] = fresh = Host(
        put_scripted(world, restarted.endpoint, honest(rng, new_id)),  # type: ignore[arg-type]
        restarted.endpoint,
    )
    world.ping(hosts[0], fresh.endpoint)
    world.run(1)
    entry = dht.table.at(restarted.endpoint)
    assert entry is None or entry.id == new_id or not entry.returnable
    world.run(20)
    entry = dht.table.at(restarted.endpoint)
    assert entry is not None
    assert entry.id == new_id


@pytest.mark.parametrize(
    "count",
    [pytest.param(1, marks=pytest.mark.real), 20, pytest.param(150, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("conduct", [changing, pytest.param(refusing, marks=pytest.mark.real)])
def test_lookups_are_as_fast_as_without_such_contacts(conduct: Conduct, count: int) -> None:
    """As soon as each has had its turn to be checked: 150 are seven in ten of this table, and the
    budget of checks takes as many times four seconds.
    """

    def took_s(how: Conduct) -> float:
        world, hosts, _, _ = with_contacts(how, count)
        world.run(1800)
        finished = lookups(world, hosts[:1], 100, spacing_s=0.5)
        return sum(event.result.elapsed_s for _, event in finished) / len(finished)

    assert took_s(conduct) <= 1.1 * took_s(honest)


def test_checks_and_gossip_together_begin_at_most_once_in_ten_seconds() -> None:
    with watching_maintenance() as oracle:
        world, rng = World(4, one_way_s=0.02), random.Random(6)
        members = [member(world, number) for number in range(10)]
        for conduct in CONDUCTS:
            put_scripted(
                world, address(9000 + CONDUCTS.index(conduct)), conduct(rng, random_id(rng))
            )
        for each in members:
            world.join(each, [members[0], *(address(9000 + n) for n in range(len(CONDUCTS)))])
            world.run(1)
        for each in members:
            introduce(world, each, *(address(9000 + n) for n in range(len(CONDUCTS))))
        for each in members:
            peer_network(each).set_services({"eth": 1}, world.now)  # all are told at once
            world.flush(each)
        world.run(600)
    assert all(len(knows(each)) == 9 for each in members)
    assert oracle.most() <= 1


# --- errors to other methods ----------------------------------------------------------------------


def test_an_old_node_that_does_not_know_other_methods_keeps_its_place() -> None:
    def old(rng: random.Random, first: int) -> Callable[[Query], Reply | Error]:
        def answer(query: Query) -> Reply | Error:
            if isinstance(query, FindNode):
                return Reply(query.tid, first, nodes=b"")
            return Error(query.tid, 204, "Method Unknown")

        return answer

    world, hosts, dht, added = with_contacts(old, 1)
    place = dht.table.at(address(9000))
    assert place is not None
    for _ in range(20):
        world.ping(hosts[0], address(9000))
        world.lookup(hosts[0], place.id ^ 1, kind=LookupKind.GET_PEERS)
        world.lookup(hosts[0], place.id ^ 1, kind=LookupKind.GET)
        world.run(15)
    assert {type(query) for _, query in added[0].queries} >= {Ping, FindNode, GetPeers, Get}
    assert dht.table.at(address(9000)) is place
    assert place.returnable


# --- the component --------------------------------------------------------------------------------


def command(endpoint: Endpoint, owner: object = None) -> SendQuery:
    return SendQuery(
        endpoint,
        None,
        FindNode(b"", 1, 2),
        owner,  # type: ignore[arg-type]
        priority=Priority.MAINTENANCE,
        spaced=True,
    )


def test_what_comes_too_soon_waits_for_its_turn_and_other_endpoints_do_not() -> None:
    spacing = EndpointSpacing(10.0)
    first, second, third = (command(address(1)) for _ in range(3))
    assert not spacing.must_wait(first, 100.0)
    spacing.sent(first, 100.0)
    assert spacing.must_wait(second, 101.0)
    assert spacing.must_wait(third, 102.0)
    assert not spacing.must_wait(command(address(2)), 102.0)
    assert (len(spacing), spacing.deadline) == (2, 110.0)
    assert spacing.freed(109.9) == []
    assert spacing.freed(110.0) == [second, third]
    spacing.sent(second, 110.0)
    assert spacing.must_wait(third, 110.0)
    assert spacing.deadline == 120.0


def test_a_longer_timeout_spaces_further_so_that_one_query_is_under_way() -> None:
    spacing = EndpointSpacing(30.0)
    spacing.sent(command(address(1)), 0.0)
    assert spacing.must_wait(command(address(1)), 29.0)
    assert spacing.deadline == 30.0


def test_what_an_owner_does_not_want_any_more_does_not_wait() -> None:
    spacing, owner = EndpointSpacing(10.0), object()
    spacing.sent(command(address(1)), 0.0)
    assert spacing.must_wait(command(address(1), owner), 1.0)
    assert spacing.must_wait(command(address(1)), 2.0)
    spacing.drop(owner)
    assert len(spacing.freed(10.0)) == 1


def test_the_memory_of_endpoints_is_bounded() -> None:
    spacing = EndpointSpacing(10.0)
    for number in range(10_000):
        spacing.sent(command(address(number)), number / 10_000)
    assert not spacing.must_wait(command(address(1)), 1.0), "the oldest made room"
    assert spacing.must_wait(command(address(9_999)), 1.0)
