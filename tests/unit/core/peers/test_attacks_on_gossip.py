"""Attacks on gossip and records: each succeeds with its defence off and fails with it on."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.peers import FirstComeCandidates
from kadisc.core.limits.budget import CellHash
from kadisc.core.peers.candidates import Candidate, CandidateRule, GossipCandidates
from kadisc.core.peers.tombstones import Tombstones
from kadisc.endpoints import Endpoint, ip_of, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.gossip import NamedPeer
from kadisc.wire.messages import FindNode, Gossip, Ping, Query
from tests.support.attack import known
from tests.support.community import (
    TAG,
    Stranger,
    identity,
    introduce,
    knows,
    lost,
    member,
    peer_network,
    pull,
    push,
    record_fields,
    refused,
    stranger,
)
from tests.support.world import CONFIG, Host, World, address, without

ON_OFF = pytest.mark.parametrize("defended", [True, False])
NO_FEELERS = replace(
    CONFIG,
    book=replace(CONFIG.book, feeler_interval_s=1e9),
    gossip=replace(CONFIG.gossip, reseed_every_rounds=1_000),
)
"""A book that probes no entry of its own, so that only reports lead to checks."""


def victim_of(world: World, defended: bool, *defences: str, config: CoreConfig = CONFIG) -> Host:
    return member(world, 1, config=config if defended else without(*defences, config=config))


def with_peers(world: World, us: Host, count: int, first: int = 300) -> list[Stranger]:
    """Honest peers that the victim knows, so that it has not too few."""
    others = [stranger(world, first + number) for number in range(count)]
    for start in range(0, count, 20):
        introduce(world, us, *(each.endpoint for each in others[start : start + 20]))
    assert {each.endpoint for each in others} <= knows(us)
    return others


def queries_to(one: Stranger) -> int:
    return sum(isinstance(query, Gossip | Ping) for query, _ in one.heard)


# --- Records --------------------------------------------------------------------------------------


@ON_OFF
def test_an_old_record_does_not_verify_the_node_that_has_its_address_now(
    defended: bool,
) -> None:
    world = World(seed=1)
    us = victim_of(world, defended, "record_rules")
    owner, old, new = identity(7), address(2), address(3)
    at_home = stranger(world, 2, record=record_fields(owner, old, 1), signs_as=owner)
    introduce(world, us, old)
    moved = stranger(world, 3, record=record_fields(owner, new, 2), signs_as=owner)
    introduce(world, us, new)
    assert (old, "moved") in lost(us)
    moved.answers = at_home.answers = False
    world.run(300.0)
    assert knows(us) == set()
    at_home.answers, at_home.proves = (
        True,
        False,
    )  # another node has the address now, and has kept the old record
    push(world, at_home, us)
    world.run(60.0)
    assert (old in knows(us)) is not defended
    assert not defended or refused(us)["record-sequence-lower"] >= 1


@ON_OFF
def test_a_node_cannot_take_the_key_of_another(defended: bool) -> None:
    world = World(seed=2)
    us = victim_of(world, defended, "record_rules", "key_proofs")
    forged = record_fields(identity(8), address(2)) | {b"k": identity(7).public_key}
    stranger(world, 2, record=forged)
    introduce(world, us, address(2))
    assert (peer_network(us).why(identity(7).public_key, world.now) is not None) is not defended
    assert not defended or refused(us)["record-signature"] == 1


@ON_OFF
def test_a_valid_record_of_another_address_proves_nothing(defended: bool) -> None:
    """A mirror repeats the answers of an honest peer from its own address."""
    world = World(seed=3)
    us = victim_of(world, defended, "record_rules", "key_proofs")
    stranger(world, 2, record=record_fields(identity(7), address(77)))
    introduce(world, us, address(2))
    assert (knows(us) == {address(2)}) is not defended
    assert not defended or peer_network(us).unproven_record(identity(7).public_key) is not None


def test_a_record_without_an_address_and_without_a_proof_of_key_moves_no_peer() -> None:
    world = World(seed=4)
    us = member(world, 1, config=without("key_proofs"))
    stranger(world, 2, record=record_fields(identity(7), address(2), 1))
    introduce(world, us, address(2))
    stranger(world, 3, record=record_fields(identity(7), None, 9))
    introduce(world, us, address(3))
    assert knows(us) == {address(2)}
    assert refused(us)["record-unplaced"] == 1


def test_bad_pushed_records_are_refused_with_a_reason_and_lead_to_no_query() -> None:
    world = World(seed=5)
    us = member(world, 1)
    sender = stranger(world, 2)
    own = sender.who
    bad = {
        "record-elsewhere": record_fields(own, address(99)),
        "record-network": record_fields(own, sender.endpoint, tag=bytes(20)),
        "record-oversize": record_fields(own, sender.endpoint, extra={b"x": bytes(300)}),
        "record-contradictory": record_fields(own, sender.endpoint, extra={b"p6": 5}),
        "record-signature": record_fields(own, sender.endpoint) | {b"sig": bytes(64)},
        "record-own": record_fields(identity(2), sender.endpoint),
    }
    for record in bad.values():
        push(world, sender, us, record)
        world.run(50.0)
    push(world, sender, us, sender.record, token=b"made up!")
    world.run(50.0)
    assert {
        reason: refused(us).get(reason) for reason in (*bad, "push-without-token")
    } == dict.fromkeys((*bad, "push-without-token"), 1)
    assert queries_to(sender) == 0
    assert peer_network(us).unproven_record(own.public_key) is not None, (
        "kept for callers that ask for it"
    )


# --- What answers name ----------------------------------------------------------------------------


@ON_OFF
def test_peers_are_named_only_to_a_node_that_has_shown_a_token(defended: bool) -> None:
    world = World(seed=6)
    us = victim_of(world, defended, "gossip_tokens")
    with_peers(world, us, 12)
    query = krpc.encode(Gossip(b"spoo", 5, TAG, 16))
    us.node.receive(query, address(50), world.now)
    [(payload, _)] = us.node.drain_outbox()
    assert (len(payload) <= len(query)) is defended
    assert (b"5:peers" in payload) is not defended


@ON_OFF
def test_a_token_is_valid_for_one_address_and_port(defended: bool) -> None:
    world = World(seed=7)
    us = victim_of(world, defended, "gossip_tokens")
    with_peers(world, us, 12)
    asker = stranger(world, 50)
    assert pull(world, asker, us)
    neighbour = Endpoint(asker.endpoint[:4] + b"\1\1")
    us.node.receive(
        krpc.encode(Gossip(b"spoo", 5, TAG, 16, token=asker.tokens[us.endpoint])),
        neighbour,
        world.now,
    )
    [(payload, _)] = us.node.drain_outbox()
    assert (b"5:peers" in payload) is not defended


@ON_OFF
def test_asking_often_does_not_reveal_all_known_peers(defended: bool) -> None:
    world = World(seed=8)
    us = victim_of(world, defended, "fixed_samples")
    with_peers(world, us, 40)
    asker = stranger(world, 50)
    told = {named.contact.endpoint for _ in range(30) for named in pull(world, asker, us)}
    assert (len(told) <= 2 * CONFIG.gossip.pull_entries) is defended
    assert defended or len(told) >= 34


def test_no_number_of_queries_ranks_the_known_peers_more_than_once_a_second() -> None:
    """An answer that ranks all known peers costs as much as 60 of those to find_node."""
    world = World(seed=8)
    us = victim_of(world, True, "fixed_samples")
    with_peers(world, us, 40)
    selection, ranked = peer_network(us)._selection, []
    tiers = selection.answer_tiers
    selection.answer_tiers = lambda: ranked.append(world.now) or tiers()
    askers = [stranger(world, 50 + number) for number in range(20)]
    began = world.now
    for _ in range(3):
        for asker in askers:
            assert pull(world, asker, us)
    assert len(ranked) <= 1 + (world.now - began)


@ON_OFF
def test_other_nodes_are_not_told_of_a_peer_that_answers_only_through_its_own_nat_mapping(
    defended: bool,
) -> None:
    world = World(seed=9)
    us = victim_of(world, defended, "inbound_quarantine")
    with_peers(world, us, 12)
    behind_nat = stranger(world, 2)
    push(world, behind_nat, us)
    world.run(130.0)
    assert behind_nat.endpoint in knows(us)
    told = {
        named.contact.endpoint
        for number in range(60, 70)
        for named in pull(world, stranger(world, number), us)
    }
    assert (behind_nat.endpoint in told) is not defended
    given = {peer.endpoint: peer for peer in peer_network(us).peers(50, world.now)}
    assert given[behind_nat.endpoint].reachable == ("unknown" if defended else "yes")
    # It was silent for long enough and then answered a query: any node can reach it.
    world.run(700.0)
    told = {
        named.contact.endpoint
        for number in range(70, 90)
        for named in pull(world, stranger(world, number), us)
    }
    assert behind_nat.endpoint in told


# --- Pushes and reports ---------------------------------------------------------------------------


@ON_OFF
def test_a_flood_of_pushes_from_one_network_does_not_crowd_out_the_others(defended: bool) -> None:
    world = World(seed=10)
    us = victim_of(world, defended, "push_reservoir")
    with_peers(world, us, 20)
    world.run(700.0)  # by then its rounds are slow
    honest = [stranger(world, 20 + number) for number in range(4)]
    flooders = [
        stranger(world, 500 + number, at=make_endpoint(f"80.80.{number}.7", 6881))
        for number in range(20)
    ]
    for each in honest:
        push(world, each, us)
    for _ in range(5):
        for each in flooders:
            push(world, each, us)
    world.run(150.0)
    assert sum(queries_to(each) > 0 for each in honest) == (4 if defended else 0)
    assert (sum(queries_to(each) > 0 for each in flooders) <= 4) is defended


def named(endpoints: list[Endpoint], *, ttl: int = 4, age: int = 0) -> list[NamedPeer]:
    return [
        NamedPeer(Contact(number << 100, endpoint), ttl, age)
        for number, endpoint in enumerate(endpoints, start=1)
    ]


def queue_of(defended: bool, rng: random.Random) -> CandidateRule:
    if defended:
        scopes = AddressPolicy(False)
        return GossipCandidates(CONFIG.gossip, rng, scopes, CellHash(bytes(16), 16, scopes))
    return FirstComeCandidates(CONFIG.gossip)


def candidate(endpoint: Endpoint, source: bytes) -> Candidate:
    return Candidate(endpoint, 5, source, endpoint, 3, 1e9)


@ON_OFF
def test_one_source_does_not_fill_the_queue(defended: bool) -> None:
    rng, config = random.Random(1), CONFIG.gossip
    queue = queue_of(defended, rng)
    for number in range(2000):
        queue.add(candidate(address(number), b"liar"), config.candidates_per_source)
    for number in range(2000, 2010):
        queue.add(candidate(address(number), b"true"), config.candidates_per_source)
    drawn = [queue.draw(0.0, lambda each: True) for _ in range(20)]
    assert sum(each is not None and each.source == b"true" for each in drawn) == (
        10 if defended else 0
    )
    assert len(queue) <= config.max_candidates


@ON_OFF
def test_many_sources_do_not_direct_checks_at_one_network(defended: bool) -> None:
    """A hundred liars, each in a network of its own, name endpoints in one /24 for two hours."""
    rng, config = random.Random(1), CONFIG.gossip
    queue = queue_of(defended, rng)
    checks = 0
    for second in range(7200):
        target = make_endpoint(f"80.80.80.{rng.randrange(1, 255)}", rng.randrange(1, 65536))
        queue.add(candidate(target, b"liar %d" % rng.randrange(100)), config.candidates_per_source)
        checks += queue.draw(float(second), lambda each: True) is not None
    assert (checks <= 3 * config.checks_per_subnet_per_hour) is defended
    assert defended or checks == 7200


@ON_OFF
def test_a_node_whose_reports_lead_nowhere_is_asked_less_and_less(defended: bool) -> None:
    """A partner names sixteen peers that do not exist in every answer, other ones each time."""
    world = World(seed=11)
    us = victim_of(world, defended, "gossip_backoff")
    liar = stranger(world, 2)
    made_up = iter(range(1000, 40_000))
    liar.when_asked = lambda query, source: setattr(
        liar, "peers", named([address(next(made_up)) for _ in range(16)])
    )
    introduce(world, us, liar.endpoint)
    world.run(3600.0)
    asked = sum(query.want > 0 for query in liar.gossip())
    pings = us.node.counters.queries_sent["ping"]
    assert (asked <= 10) is defended
    assert (pings <= 150) is defended


@ON_OFF
def test_dead_peers_are_not_brought_back_by_reports(defended: bool) -> None:
    """Five partners, each in a network of its own, keep naming a peer that is gone."""
    world = World(seed=12)
    us = victim_of(world, defended, "tombstones", config=NO_FEELERS)
    dead = stranger(world, 3)
    reporters = [stranger(world, 300 + number, peers=named([dead.endpoint])) for number in range(5)]
    introduce(world, us, dead.endpoint, *(each.endpoint for each in reporters))
    assert dead.endpoint in knows(us)
    dead.answers = False
    world.run(300.0)
    assert (dead.endpoint, "silent") in lost(us)
    dead.heard.clear()
    for _ in range(6):
        world.run(300.0)
        peer_network(us).report([dead.endpoint], "elsewhere", world.now)
    assert (not dead.heard) is defended


def test_a_tombstone_is_on_one_port_and_ends_at_the_first_answer() -> None:
    """Reports of a peer's address with wrong ports do not block the peer. If tombstones were on
    addresses alone, they would.
    """
    honest, wrong = address(5), Endpoint(address(5)[:4] + b"\1\1")
    for place, blocked in ((bytes, False), (ip_of, True)):
        tombstones = Tombstones(CONFIG.gossip, place)
        for _ in range(2):
            tombstones.failed(wrong, 0.0)
        assert tombstones.blocks(wrong, 1.0)
        assert tombstones.blocks(honest, 1.0) is blocked
    tombstones.clear(wrong)
    assert not tombstones.blocks(wrong, 1.0)


def test_a_tombstone_blocks_reports_alone() -> None:
    """An outage gives live peers a tombstone: their own pushes bring them back at once."""
    world = World(seed=13)
    us = member(world, 1)
    other = stranger(world, 2)
    introduce(world, us, other.endpoint)
    other.answers = False
    world.run(300.0)
    assert knows(us) == set()
    introduce(world, us, other.endpoint)
    assert refused(us)["tombstone"] >= 1
    other.answers = True
    push(world, other, us)
    world.run(30.0)
    assert knows(us) == {other.endpoint}


@ON_OFF
def test_one_source_fills_at_most_an_eighth_of_a_bucket(defended: bool) -> None:
    world = World(seed=14)
    us = victim_of(world, defended, "bucket_quota", config=NO_FEELERS)
    world.join(us)
    others = [stranger(world, 300 + number) for number in range(60)]
    for start in range(0, 60, 20):
        introduce(world, us, *(each.endpoint for each in others[start : start + 20]))
    world.run(60.0)
    table = us.node.dhts[us.family].table
    shares = [(len(bucket.entries), max(1, bucket.capacity // 8)) for bucket in table.buckets()]
    assert len(known(us)) > 0
    assert all(count <= share for count, share in shares) is defended


@ON_OFF
def test_reports_that_were_relayed_too_often_or_are_too_old_are_not_taken(defended: bool) -> None:
    world = World(seed=15)
    us = member(world, 1)
    fresh = named([address(900)], ttl=15)  # more than any node may state
    stale = [*named([address(901)], ttl=0), *named([address(902)], age=6)]
    stranger(world, 2, peers=stale if defended else fresh)
    reported = [stranger(world, number) for number in (900, 901, 902)]
    introduce(world, us, address(2))
    world.run(60.0)
    assert [queries_to(each) > 0 for each in reported] == (
        [False] * 3 if defended else [True, False, False]
    )
    if not defended:
        relayed_ttls = [
            each.ttl
            for each in pull(world, stranger(world, 50), us)
            if each.contact.endpoint == address(900)
        ]
        assert relayed_ttls == [CONFIG.gossip.max_ttl - 1]


def test_lookups_do_not_start_mostly_from_slots() -> None:
    world = World(seed=16)
    us = member(world, 1)
    others = with_peers(world, us, 30)
    table = us.node.dhts[us.family].table
    for _ in range(CONFIG.gossip.sample_age_rounds + 1):
        peer_network(us).components.view.round(world.now)
    from_table = len(table.closest(5, 16))
    world.lookup(us, 5)
    asked = [each for each in others if any(isinstance(query, FindNode) for query, _ in each.heard)]
    lookups = us.node._lookups
    join = lookups.for_join(us.node._operations.new_id(), us.family, world.now)
    contacts = lookups.first_contacts(join, world.now)
    assert len(asked) <= from_table + 8
    assert len(contacts) <= from_table + from_table // 2


def asked_of(one: Stranger, kind: type[Query]) -> int:
    return sum(isinstance(query, kind) for query, _ in one.heard)


def test_a_checked_address_gets_no_long_query_before_it_shows_that_it_speaks_gossip() -> None:
    """A report of 27 bytes must not send 450 bytes to an address that was made up."""
    world = World(seed=17)
    us = member(world, 1)
    silent = stranger(world, 900, answers=False)
    stranger(world, 2, peers=named([silent.endpoint]))
    introduce(world, us, address(2))
    world.run(900.0)
    assert asked_of(silent, Ping) >= 1
    assert asked_of(silent, Gossip) == 0
    assert sum(size for _, size in silent.heard) < 4 * 100
