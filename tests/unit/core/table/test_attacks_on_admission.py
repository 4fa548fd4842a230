"""Attacks on admission to the routing table: each succeeds with its defence off and fails with it
on, and honest nodes are unharmed.
"""

from __future__ import annotations

import pytest

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.limits.contacted import ContactedHosts
from kadisc.core.limits.reserve import HostSample
from kadisc.endpoints import make_endpoint, subnet_prefix
from kadisc.ids import random_id, random_id_in_bucket
from tests.support.attack import handed_out, known, pong, query, started, surrounded
from tests.support.world import CONFIG, Host, World, address, without

SILENT, HONEST = 500, 100


def flood_of_silent_sources(config: CoreConfig) -> tuple[World, Host, set[Contact], set[Contact]]:
    """500 sources send two queries each and never answer; so do 100 honest nodes that answer."""
    world = World(seed=2)
    victim = started(world, config)
    silent = {Contact(random_id(world.rng), address(1000 + number)) for number in range(SILENT)}
    honest = {world.add(address(number)).contact for number in range(1, HONEST + 1)}
    callers = sorted(silent | honest, key=lambda contact: contact.endpoint) * 2
    world.rng.shuffle(callers)
    for contact in callers:
        world.inject(victim, contact.endpoint, query(contact.id))
        world.run(0.05)
    world.run(240.0)
    return world, victim, silent, honest


def test_sources_that_never_answer_are_in_no_answer_and_honest_ones_are_admitted() -> None:
    world, victim, silent, honest = flood_of_silent_sources(CONFIG)
    assert not handed_out(world, victim) & silent
    assert not known(victim) & silent
    assert known(victim) == honest
    assert handed_out(world, victim) <= honest


def test_without_verified_admission_silent_sources_are_sent_in_answers() -> None:
    world, victim, silent, _ = flood_of_silent_sources(without("verified_admission"))
    assert len(handed_out(world, victim) & silent) > SILENT / 5


@pytest.mark.parametrize("defended", [True, False])
def test_an_unsolicited_pong_adds_no_contact(defended: bool) -> None:
    world = World(seed=4)
    victim = started(world, CONFIG if defended else without("exact_matching"))
    liar = Contact(random_id(world.rng), address(7))
    for tid in (b"pn\0\0", b"fn\0\0", b"aa", b"\0\x01", b""):
        world.inject(victim, liar.endpoint, pong(tid, liar.id))
    world.run(5.0)
    if defended:
        assert known(victim) == handed_out(world, victim) == set()
        assert victim.node.counters.dropped == {"unmatched-reply": 5}
    else:
        assert known(victim) == handed_out(world, victim) == {liar}


@pytest.mark.parametrize("defended", [True, False])
def test_a_guessed_transaction_id_from_another_address_matches_no_query(defended: bool) -> None:
    """The victim queries an honest node; an attacker that cannot see the query answers first, from
    its own address, with likely transaction IDs.
    """
    world = World(seed=5)
    victim = started(world, CONFIG if defended else without("exact_matching"))
    honest = started(world, number=1)
    liar = Contact(random_id(world.rng), address(7))
    operation = victim.node.join([honest.endpoint], world.now, family=victim.family)
    world.flush(victim)
    for guess in range(1, 300):
        world.inject(victim, liar.endpoint, pong(guess.to_bytes(2, "big"), liar.id))
    world.result(victim, operation)
    world.run(1.0)
    if defended:
        assert known(victim) == {honest.contact}
    else:
        assert liar in known(victim)


def test_transaction_ids_are_long_and_unpredictable() -> None:
    world = World(seed=6)
    victim = started(world)
    world.sent = []
    for number in range(200):
        world.ping(victim, address(50 + number))
    world.run(5.0)
    tids = [
        payload.partition(b"1:t4:")[2][:4]
        for _, source, _, payload in world.sent
        if source == victim.endpoint
    ]
    first_bytes = {tid[0] for tid in tids}
    assert all(len(tid) == 4 for tid in tids)
    assert len(set(tids)) == 200  # a retransmission repeats its ID
    assert len(first_bytes) > 50


@pytest.mark.parametrize("defended", [True, False])
def test_a_query_that_claims_a_known_id_moves_no_contact(defended: bool) -> None:
    world = World(seed=7)
    victim, honest = surrounded(
        world,
        CONFIG if defended else without("verified_admission", "ping_before_evict"),
        neighbours=10,
    )
    stolen, thief = honest[3].contact, address(99)
    assert stolen in known(victim)
    for _ in range(20):
        world.inject(victim, thief, query(stolen.id))
        world.run(1.0)
    if defended:
        assert stolen in known(victim)
        assert Contact(stolen.id, thief) not in handed_out(world, victim)
    else:
        assert stolen not in known(victim)
        assert Contact(stolen.id, thief) in handed_out(world, victim)


def test_a_node_that_answers_with_a_stolen_id_does_not_displace_the_live_contact() -> None:
    world = World(seed=7)
    victim, honest = surrounded(world, neighbours=10)
    stolen = honest[3].contact
    thief = world.add(address(99), own_id=stolen.id)
    world.join(thief, [victim])
    world.run(120.0)
    assert stolen in known(victim)
    assert thief.contact not in known(victim)


@pytest.mark.parametrize("defended", [True, False])
def test_forged_addresses_cannot_use_up_the_places_of_a_subnet(defended: bool) -> None:
    """The attacker forges queries from addresses in the /24 of an honest node, until the caps of
    that subnet are used up.
    """
    world = World(seed=8)
    victim = started(world, CONFIG if defended else without("verified_admission"))
    neighbour = make_endpoint("80.80.80.80", 6881)
    honest = world.add(neighbour)
    for _ in range(10):
        for last in range(1, 60):
            world.inject(
                victim, make_endpoint(f"80.80.80.{last}", 6881), query(random_id(world.rng))
            )
        world.join(honest, [victim])
        world.run(10.0)
    assert (honest.contact in known(victim)) is defended


@pytest.mark.parametrize("defended", [True, False])
def test_reported_contacts_do_not_make_the_node_flood_one_subnet(defended: bool) -> None:
    """A contact reports 200 addresses in the /24 of a third party as its neighbours."""
    world = World(seed=9)
    config = CONFIG if defended else without("checks_in_flight_caps", "candidate_shares")
    victim = started(world, config)
    stranger = [
        Contact(
            random_id_in_bucket(victim.id, 0, world.rng), make_endpoint(f"80.80.80.{last}", 6881)
        )
        for last in range(1, 201)
    ]
    liar = address(7)
    world.sent = []
    for start in range(0, 200, 16):
        world.inject(victim, liar, query(5))  # so that the victim queries the liar in the end
        victim.node.ping(liar, world.now)
        for payload, destination in victim.node.drain_outbox():
            tid = payload.partition(b"1:t4:")[2][:4]
            if destination == liar and payload.endswith(b"1:y1:qe"):
                victim.node.receive(pong(tid, 5, stranger[start : start + 16]), liar, world.now)
        world.flush(victim)
        world.run(0.5)
    world.run(1.0)
    contacted = {
        destination
        for _, source, destination, _ in world.sent
        if source == victim.endpoint and destination[:3] == subnet_prefix(stranger[0].endpoint)
    }
    if defended:
        assert len(contacted) <= 4
    else:
        assert len(contacted) > 20


@pytest.mark.parametrize("defended", [True, False])
def test_one_operator_has_few_entries_in_the_table(defended: bool) -> None:
    """70 live nodes in one /24 query the victim; so do 20 honest ones."""
    world = World(seed=10)
    config = CONFIG if defended else without("diversity_caps", "checks_in_flight_caps")
    victim = started(world, config)
    sybils = [world.add(make_endpoint(f"80.80.80.{last}", 6881)) for last in range(1, 71)]
    honest = [world.add(address(number)) for number in range(1, 21)]
    for host in world.rng.sample(sybils + honest, len(sybils) + len(honest)):
        world.join(host, [victim])
        world.run(0.2)
    world.run(60.0)
    taken = sum(host.contact in known(victim) for host in sybils)
    if defended:
        assert taken <= CONFIG.table.per_subnet_in_table
        assert all(host.contact in known(victim) for host in honest)
    else:
        assert taken > 30


@pytest.mark.parametrize("defended", [True, False])
def test_new_nodes_displace_no_live_incumbent(defended: bool) -> None:
    """Attackers that answer correctly try to enter a full bucket."""
    world = World(seed=11)
    victim = started(world, CONFIG if defended else without("ping_before_evict"))
    incumbents = [
        world.add(address(number), own_id=random_id_in_bucket(victim.id, 5, world.rng))
        for number in range(1, 9)
    ]
    for host in incumbents:
        world.join(host, [victim])
        world.run(1.0)
    assert {host.contact for host in incumbents} <= known(victim)
    attackers = [
        world.add(address(number), own_id=random_id_in_bucket(victim.id, 5, world.rng))
        for number in range(100, 140)
    ]
    for host in attackers:
        world.join(host, [victim])
        world.join(victim, [host])  # a lookup of the victim that queries and so verifies them
        world.run(2.0)
    world.run(120.0)
    left = sum(host.contact in known(victim) for host in incumbents)
    if defended:
        assert left == 8
    else:
        assert left < 4


@pytest.mark.parametrize("defended", [True, False])
def test_an_empty_table_is_not_filled_by_the_first_nodes_that_query_it(defended: bool) -> None:
    """Eclipse at a restart: live attackers query a node that has just started and has not reached a
    bootstrap node yet.
    """
    world = World(seed=12)
    honest = [started(world, number=1)]
    for number in range(2, 17):
        honest.append(world.add(address(number)))
        world.join(honest[-1], honest[:1])
        world.run(0.2)
    attackers = [world.add(address(number)) for number in range(100, 130)]
    victim = world.add(address(0), CONFIG if defended else without("first_lookup_first"))
    for host in attackers:
        world.join(host, [victim])
        world.run(0.2)
    early = known(victim) & {host.contact for host in attackers}
    assert (early == set()) is defended
    world.join(victim, honest[:1])
    world.run(60.0)
    assert len(known(victim) & {host.contact for host in honest}) >= 12


@pytest.mark.parametrize("defended", [True, False])
def test_names_that_were_held_back_are_still_those_of_the_node_that_named_them(
    defended: bool,
) -> None:
    """While the node leaves a share of all hosts alone, a contact names endpoints without a node.
    Afterwards few of them are checked: what was held back has the share of who named it.
    """
    world = World(seed=11)
    victim, _ = surrounded(world, CONFIG if defended else without("candidate_shares"))
    dht = victim.node.dhts[victim.family]
    every_host = HostSample(bytes((255,)) + bytes(range(8)))
    contacted = ContactedHosts(17, bytes(range(1, 17)), 330.0)
    dht.parts.reserve.begin(every_host, contacted, world.now + 60.0)
    liar, dead = address(7000), [address(8000 + number) for number in range(200)]
    named = [Contact(random_id_in_bucket(victim.id, 0, world.rng), each) for each in dead]
    held = sum(dht.parts.holds_back(contact, world.now, liar) for contact in named)
    assert held > 190
    world.sent = []
    world.run(180.0)
    asked = {destination for _, source, destination, _ in world.sent if source == victim.endpoint}
    assert (len(asked & set(dead)) <= 12) is defended
