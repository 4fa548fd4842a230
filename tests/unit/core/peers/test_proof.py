"""Proof of key: a copy of a record, a replayed signature and a relayed challenge prove nothing, in
both families; nodes that cannot prove their keys stay partners; honest nodes notice nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kadisc.config import CLIENT_VERSION, CoreConfig, LimitsConfig
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.limits.budget import CellHash
from kadisc.core.peers.exchange import pad
from kadisc.core.peers.proof import PROOF_LASTS_S, SigningBudget
from kadisc.core.peers.unproven_peers import ENOUGH_PROVEN
from kadisc.endpoints import Endpoint, Family, family_of, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import Gossip, Reply
from tests.support.community import (
    TAG,
    Stranger,
    identity,
    introduce,
    knows,
    lost,
    member,
    of_both_families,
    peer_network,
    pull,
    record_fields,
    refused,
    stranger,
    verified,
)
from tests.support.world import CONFIG, Host, World, address, without

ON_OFF = pytest.mark.parametrize("defended", [True, False], ids=["on", "off"])
THERE = make_endpoint("2c0f:1:1:1::1", 6881)
"""Where the thief is in IPv6."""


def configured(defended: bool) -> CoreConfig:
    return CONFIG if defended else without("key_proofs")


def proven(host: Host) -> set[Endpoint]:
    return {known.peer.endpoint for known in peer_network(host).verifier.known}


def unproven(host: Host) -> set[Endpoint]:
    return {known.peer.endpoint for known in peer_network(host).verifier.unproven}


def forget_address(host: Host) -> None:
    """The node does not know its own address any more, and has a record without one."""
    dht = host.node.dhts[Family.IPV4]
    dht.parts.address = ExternalAddress(CONFIG.address, None, None, Confidence.UNKNOWN)


def relay_to(
    world: World, owner: Host, proofs: list[bytes | None]
) -> Callable[[Stranger, Gossip, Endpoint], bytes | None]:
    """Passes each challenge on to the owner of the record, from the endpoint of the thief."""

    def relay(thief: Stranger, query: Gossip, source: Endpoint) -> bytes | None:
        asked = Gossip(b"rlay", thief.id, TAG, 0, challenge=query.challenge, asked=query.asked)
        asked.version = CLIENT_VERSION
        pad(asked, 480)
        world.flush(owner)
        owner.node.receive(krpc.encode(asked), thief.endpoint, world.now)
        for payload, destination in owner.node.drain_outbox():
            reply = krpc.decode(payload)
            if destination == thief.endpoint and isinstance(reply, Reply) and reply.news:
                proofs.append(reply.news.proof)
        return proofs[-1] if proofs else None

    return relay


def thief_with(
    world: World,
    number: int,
    record: dict[bytes, object],
    *,
    at: Endpoint | None = None,
    proof: Callable[[Stranger, Gossip, Endpoint], bytes | None] = lambda thief, query, source: None,
) -> Stranger:
    thief = stranger(world, number, at=at, record=record)
    thief.proof = lambda query, source: proof(thief, query, source)  # type: ignore[method-assign]
    return thief


# --- attacks --------------------------------------------------------------------------------------


@ON_OFF
@pytest.mark.parametrize("signs", [True, False], ids=["signs with another key", "no proof"])
def test_a_copied_record_proves_no_peer_over_the_other_family(defended: bool, signs: bool) -> None:
    world = World(1)
    host = of_both_families(world, configured(defended))
    owner = stranger(world, 1)
    stranger(world, 2, at=THERE, record=owner.record, proves=signs)
    introduce(world, host, owner.endpoint)
    introduce(world, host, THERE)
    assert knows(host) == ({owner.endpoint} if defended else {owner.endpoint, THERE})
    network = peer_network(host)
    assert network.feedback(owner.who.public_key, "bad", world.now)
    of_thief = network.why(THERE, world.now)
    held_back = of_thief is not None and of_thief.held_back_s > 0
    assert held_back is not defended, "one verdict for the owner and the thief"


@ON_OFF
def test_a_copied_record_without_an_address_proves_no_peer(defended: bool) -> None:
    """The thief is met first, and then the owner, which proves its key at once."""
    world = World(2)
    host = member(world, 1, config=configured(defended))
    world.flush(host)
    owner = stranger(world, 50)
    owner.record = record_fields(owner.who, None, 5)
    thief = stranger(world, 51, record=owner.record, proves=False)
    introduce(world, host, thief.endpoint)
    introduce(world, host, owner.endpoint)
    world.run(30)
    assert knows(host) == {owner.endpoint if defended else thief.endpoint}


@pytest.mark.parametrize("placed", [True, False], ids=["address in the record", "none"])
@pytest.mark.parametrize("there", [None, THERE], ids=["IPv4", "IPv6"])
def test_a_proof_of_another_exchange_is_refused(placed: bool, there: Endpoint | None) -> None:
    world = World(3)
    host = of_both_families(world)
    owner = stranger(world, 1)
    if not placed:
        owner.record = record_fields(owner.who, None, 5)
    seen: list[bytes | None] = []
    honest = owner.proof

    def noted(query: Gossip, source: Endpoint) -> bytes | None:
        seen.append(honest(query, source))
        return seen[-1]

    owner.proof = noted  # type: ignore[method-assign]
    introduce(world, host, owner.endpoint)
    assert proven(host) == {owner.endpoint}
    assert seen[0] is not None
    thief = thief_with(world, 2, owner.record, at=there, proof=lambda *_: seen[0])
    introduce(world, host, thief.endpoint)
    assert proven(host) == {owner.endpoint}
    if there is not None or not placed:
        assert refused(host)["proof-invalid"] >= 1
    assert thief.endpoint not in unproven(host)


@pytest.mark.parametrize("knows_itself", [True, False], ids=["owner knows itself", "it does not"])
def test_a_challenge_that_is_passed_on_to_the_owner_proves_nothing(knows_itself: bool) -> None:
    world = World(4)
    host = of_both_families(world)
    owner = member(world, 7)
    if not knows_itself:
        forget_address(owner)
    world.flush(owner)
    world.run(1.0)
    record = peer_network(owner).components.own_record.fields
    proofs: list[bytes | None] = []
    thief = thief_with(world, 2, record, at=make_endpoint("45.200.1.1", 6881))
    relay = relay_to(world, owner, proofs)
    thief.proof = lambda query, source: relay(thief, query, source)  # type: ignore[method-assign]
    introduce(world, host, thief.endpoint)
    world.run(60.0)
    assert thief.endpoint not in proven(host)
    assert thief.endpoint not in knows(host)
    if knows_itself:
        assert set(proofs) <= {None}, "the owner signs for no other endpoint than its own"
    else:
        assert any(proofs), "the signature is valid, and made for the relay as the querier"


@ON_OFF
def test_a_relay_to_a_dual_stack_owner_is_not_proven_in_the_other_family(defended: bool) -> None:
    world = World(5)
    host = of_both_families(world, configured(defended))
    owner = member(world, 7)
    world.flush(owner)
    world.run(1.0)
    record = peer_network(owner).components.own_record.fields
    proofs: list[bytes | None] = []
    thief = thief_with(world, 2, record, at=THERE)
    relay = relay_to(world, owner, proofs)
    # The owner has no IPv6: the thief asks it from an IPv4 endpoint, and so for another `to`.
    thief.proof = lambda query, source: relay(stranger(world, 3), query, source)  # type: ignore[method-assign]
    introduce(world, host, owner.endpoint, THERE)
    assert (THERE in knows(host)) is not defended
    assert owner.endpoint in knows(host)


def test_an_owner_that_moves_is_proven_at_its_new_endpoint_without_an_address_in_its_record() -> (
    None
):
    world = World(6)
    host = member(world, 1)
    owner = identity(7)
    record = record_fields(owner, None, 5)
    before = stranger(world, 2, record=record, signs_as=owner)
    introduce(world, host, before.endpoint)
    before.answers = False
    after = stranger(world, 3, record=record, signs_as=owner)
    introduce(world, host, after.endpoint)
    assert proven(host) == {after.endpoint}
    assert (before.endpoint, "moved") in lost(host)


# --- what a query costs ---------------------------------------------------------------------------


def first_query(source: Endpoint, to: Endpoint, size: int = 480) -> Gossip:
    query = Gossip(b"frst", 7, TAG, 0, challenge=bytes(16), asked=to, version=CLIENT_VERSION)
    pad(query, size)
    return query


def answer_to(host: Host, query: Gossip, source: Endpoint, now: float = 1.0) -> tuple[Reply, int]:
    host.node.drain_outbox()
    host.node.receive(krpc.encode(query), source, now)
    [(payload, _)] = host.node.drain_outbox()
    reply = krpc.decode(payload)
    assert isinstance(reply, Reply)
    return reply, len(payload)


@pytest.mark.parametrize("size", [480, 470, 450, 400, 300, 280])
@pytest.mark.parametrize("family", list(Family))
def test_an_answer_without_a_token_is_never_longer_than_its_query(
    size: int, family: Family
) -> None:
    """Too long, it leaves out the proof first, then the record."""
    world = World(7)
    # A record of nearly the greatest length.
    node = of_both_families(world).node
    assert node.peer_network is not None
    node.peer_network.set_services({f"s{n}": bytes(19) for n in range(3)}, 0.0)
    node.tick(0.5)
    host = Host(node, address(1))
    source = address(5) if family is Family.IPV4 else THERE
    to = next(
        each
        for each in node.peer_network.components.own_record.endpoints.values()
        if family_of(each) is family
    )
    query = first_query(source, to, size)
    assert len(krpc.encode(query)) == size
    reply, length = answer_to(host, query, source)
    assert length <= size
    if size == 480:
        assert reply.news is not None
        assert reply.news.record is not None
        assert reply.news.proof is not None
        assert reply.seen_as == source
    if size == 400:
        assert reply.news is None or reply.news.proof is None


def test_challenge_and_proof_take_the_bytes_that_the_page_on_the_wire_says() -> None:
    without_it = Gossip(b"frst", 7, TAG, 0)
    for to, more in ((address(1), 35), (THERE, 48)):
        with_it = replace(without_it, challenge=bytes(16), asked=to)
        assert len(krpc.encode(with_it)) - len(krpc.encode(without_it)) == more
        assert krpc.decode(krpc.encode(with_it)) == with_it


def test_an_answer_with_peers_and_a_proof_keeps_to_the_length_of_answers() -> None:
    world = World(21)
    host = of_both_families(world)
    assert host.node.peer_network is not None
    host.node.peer_network.set_services({f"s{n}": bytes(19) for n in range(3)}, 0.0)
    others = [
        stranger(world, 30 + number, at=make_endpoint(f"2c0f:{number + 9:x}::1", 6881))
        for number in range(20)
    ]
    introduce(world, host, *(each.endpoint for each in others))
    to = next(
        each
        for each in peer_network(host).components.own_record.endpoints.values()
        if family_of(each) is Family.IPV6
    )
    reply, _ = answer_to(host, first_query(THERE, to), THERE, world.now)
    query = Gossip(b"more", 7, TAG, 16, token=reply.token, challenge=bytes(16), asked=to)
    reply, length = answer_to(host, query, THERE, world.now)
    assert reply.news is not None
    assert reply.news.proof is not None
    assert reply.news.record is not None
    assert len(reply.news.peers6) >= 10 * 39
    assert length <= CONFIG.serving.max_answer_bytes == 1024


def test_signatures_for_sources_without_a_token_are_limited_in_all() -> None:
    policy = AddressPolicy(False)
    limits = LimitsConfig()
    budget = SigningBudget(limits, CellHash(bytes(16), limits.cell_bits, policy))
    granted = sum(
        budget.may_sign(address(number % 40_000), 100.0 + number / 10_000)
        for number in range(50_000)
    )
    assert granted <= 5 * limits.total_proofs_per_s + limits.total_proof_burst
    assert limits.total_proofs_per_s == 1000


def test_a_node_that_gets_no_signature_asks_once_more_with_its_token() -> None:
    config = replace(CONFIG, limits=replace(CONFIG.limits, total_proof_burst=1.0))
    config = replace(config, limits=replace(config.limits, total_proofs_per_s=0.001))
    world = World(8)
    busy, host = member(world, 1, config=config), member(world, 2)
    answer_to(busy, first_query(address(9), busy.endpoint), address(9))
    introduce(world, host, busy.endpoint)
    assert refused(busy)["proof-budget"] == 1
    assert proven(host) == {busy.endpoint}


def test_a_proof_lasts_an_hour() -> None:
    world = World(9)
    host = member(world, 1)
    one = stranger(world, 2)
    introduce(world, host, one.endpoint)
    world.run(PROOF_LASTS_S - 60.0)
    earlier = len(one.gossip())
    assert earlier > 2
    assert all(query.challenge is None for query in one.gossip()[1:])
    world.run(1800.0)
    later = [query for query in one.gossip()[earlier:] if query.challenge is not None]
    assert len(later) == 1
    assert proven(host) == {one.endpoint}
    assert not lost(host)


# --- peers that prove nothing ---------------------------------------------------------------------


def test_an_unproven_peer_is_a_partner_and_no_more() -> None:
    world = World(10)
    host = member(world, 1)
    old = stranger(world, 2, proves=False)
    introduce(world, host, old.endpoint)
    parts = peer_network(host).components
    world.run(120.0)
    assert unproven(host) == {old.endpoint}
    assert verified(host) == [old.endpoint], "it may be given, while no proven one is known"
    assert parts.view.slots_of(old.endpoint) == 0
    told = parts.book.why(old.endpoint, world.now)
    assert told is None or not told.tried
    assert pull(world, stranger(world, 3), host) == []
    gossip = old.gossip()
    assert any(query.record is not None for query in gossip), "it is pushed to"
    assert any(query.want for query in gossip), "it is asked for peers"


def test_unproven_peers_are_given_last_and_only_if_their_record_names_them() -> None:
    world = World(11)
    host = member(world, 1)
    named = stranger(world, 2, proves=False)
    unnamed = stranger(world, 3, proves=False)
    unnamed.record = record_fields(unnamed.who, None)
    introduce(world, host, named.endpoint, unnamed.endpoint)

    def given() -> list[Endpoint]:
        found = peer_network(host).peers(99, world.now, verified_within_s=1e9)
        return [peer.endpoint for peer in found]

    assert given() == [named.endpoint]
    assert knows(host) == {named.endpoint}
    others = [stranger(world, 10 + number) for number in range(ENOUGH_PROVEN)]
    introduce(world, host, *(each.endpoint for each in others[:-1]))
    assert given()[-1] == named.endpoint
    assert len(given()) == ENOUGH_PROVEN
    introduce(world, host, others[-1].endpoint)
    assert named.endpoint not in given()
    assert len(given()) == ENOUGH_PROVEN


def test_feedback_on_an_unproven_peer_holds_at_its_endpoint_alone() -> None:
    world = World(12)
    host = of_both_families(world)
    owner = stranger(world, 2)
    thief = stranger(world, 3, at=THERE, record=owner.record, proves=False)
    introduce(world, host, owner.endpoint, thief.endpoint)
    network = peer_network(host)
    assert unproven(host) == {THERE}
    assert network.feedback(THERE, "bad", world.now)
    [peer] = network.peers(9, world.now)
    assert peer.endpoint == owner.endpoint
    assert network.feedback(owner.who.public_key, "bad", world.now)
    why = network.why(owner.endpoint, world.now)
    assert why is not None
    assert why.held_back_s > 0


def test_feedback_on_a_proven_key_holds_in_both_families() -> None:
    world = World(13)
    host = of_both_families(world)
    owner = identity(77)
    first = stranger(world, 2, record=record_fields(owner, address(2)), signs_as=owner)
    second = stranger(world, 3, at=THERE, record=first.record, signs_as=owner)
    introduce(world, host, first.endpoint, second.endpoint)
    assert proven(host) == {first.endpoint, THERE}, "this one has the key in both families"
    assert peer_network(host).feedback(owner.public_key, "bad", world.now)
    for endpoint in (first.endpoint, THERE):
        why = peer_network(host).why(endpoint, world.now)
        assert why is not None
        assert why.held_back_s > 0


def test_a_proven_peer_that_stops_proving_its_key_is_unproven_from_then_on() -> None:
    world = World(14)
    host = member(world, 1)
    one = stranger(world, 2)
    introduce(world, host, one.endpoint)
    assert proven(host) == {one.endpoint}
    one.proves = False
    world.run(PROOF_LASTS_S + 1200.0)
    assert proven(host) == set()
    assert unproven(host) == {one.endpoint}
    assert (one.endpoint, "unproven") in lost(host)
    assert peer_network(host).components.view.slots_of(one.endpoint) == 0


def test_many_unproven_peers_are_bounded_and_do_not_displace_each_other_by_one_network() -> None:
    world = World(15)
    host = member(world, 1)
    network = peer_network(host)
    honest = [stranger(world, 10 + number, proves=False) for number in range(10)]
    introduce(world, host, *(each.endpoint for each in honest))
    crowd = [
        stranger(
            world, 1000 + number, at=make_endpoint(f"80.80.1.{number + 1}", 6881), proves=False
        )
        for number in range(80)
    ]
    for each in crowd:
        network.report([each.endpoint], "operator", world.now)
        world.flush(host)
        world.run(2.0)
    assert len(network.verifier.unproven) <= 64
    assert unproven(host) >= {each.endpoint for each in honest}


# --- older nodes, and honest use ---------------------------------------------------------


def test_nodes_with_and_without_proofs_find_each_other() -> None:
    world = World(16)
    hosts = [member(world, number, config=configured(number % 2 == 0)) for number in range(12)]
    for number, host in enumerate(hosts):
        world.join(host, hosts[:number][-2:])
        world.run(1.0)
    world.run(900.0)
    new, old = hosts[::2], hosts[1::2]
    for host in new:
        assert proven(host) >= {each.endpoint for each in new} - {host.endpoint}
        assert unproven(host) >= {each.endpoint for each in old}
    for host in old:
        assert knows(host) == {each.endpoint for each in hosts} - {host.endpoint}
    given = {peer.endpoint for peer in peer_network(new[0]).peers(20, world.now)}
    assert given == {each.endpoint for each in hosts} - {new[0].endpoint}


def test_a_lone_node_of_a_network_without_proofs_is_given_its_peers() -> None:
    world = World(17)
    hosts = [member(world, number, config=configured(number == 0)) for number in range(10)]
    for number, host in enumerate(hosts):
        world.join(host, hosts[:number][-2:])
        world.run(1.0)
    world.run(600.0)
    assert len(peer_network(hosts[0]).peers(20, world.now)) == 9


@pytest.mark.parametrize("knowing", [True, False], ids=["all know their address", "none does"])
def test_honest_nodes_are_proven_as_soon_as_they_are_met(knowing: bool) -> None:
    """Where no node knows its address, nothing can be proven."""
    world = World(18)
    hosts = [member(world, number) for number in range(8)]
    for number, host in enumerate(hosts):
        if not knowing:
            forget_address(host)
        world.join(host, hosts[:number][-2:])
        world.run(1.0)
    world.run(300.0)
    for host in hosts:
        met = {each.endpoint for each in hosts} - {host.endpoint}
        assert (proven(host) if knowing else unproven(host)) == met


def test_random_challenges_differ() -> None:
    world = World(19)
    host = member(world, 1)
    asked = [stranger(world, 2 + number) for number in range(5)]
    introduce(world, host, *(each.endpoint for each in asked))
    challenges = [
        query.challenge for each in asked for query in each.gossip() if query.challenge is not None
    ]
    assert len(set(challenges)) == len(challenges) == 5
    assert all(
        query.asked == each.endpoint for each in asked for query in each.gossip() if query.challenge
    )


def test_an_older_record_of_an_older_node_is_refused() -> None:
    """Another node has the address now, and has kept the record that names it."""
    world = World(20)
    host = member(world, 1)
    owner = identity(7)
    at_home = stranger(world, 2, record=record_fields(owner, address(2), 1), proves=False)
    moved = stranger(world, 3, record=record_fields(owner, address(3), 2), proves=False)
    introduce(world, host, at_home.endpoint)
    introduce(world, host, moved.endpoint)
    world.run(300.0)
    assert refused(host)["record-sequence-lower"] >= 1
    assert knows(host) == {moved.endpoint}
