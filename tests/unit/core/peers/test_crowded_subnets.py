"""A crowded subnet: its peers are given to the application, after all others and marked, and gain
nothing else; the own subnet is bounded as well.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.core.contract.service_filter import ServiceFilter
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.community import Stranger, member, peer_network, stranger
from tests.support.world import CONFIG, Host, World, address

OWN = make_endpoint("80.80.80.80", 7001)
PER_SUBNET = CONFIG.book.tried_places_per_subnet
WITHOUT_RULE = replace(CONFIG, table=replace(CONFIG.table, own_subnet_places=0))


def crowd(world: World, size: int, subnet: str = "45.2.3") -> list[Stranger]:
    return [
        stranger(world, 500 + number, at=make_endpoint(f"{subnet}.{1 + number}", 7001))
        for number in range(size)
    ]


def spread(world: World, size: int) -> list[Stranger]:
    """Each in a /16 of its own."""
    return [stranger(world, 50 + number) for number in range(size)]


def exchange(world: World, host: Host, *others: Stranger) -> None:
    """The application has the peers checked: no limit stands in the way of that."""
    for other in others:
        host.node.check_peer(other.endpoint, world.now)
        world.flush(host)
        world.run(0.5)


def given(world: World, host: Host, count: int, **options: object) -> list[VerifiedPeer]:
    return peer_network(host).peers(count, world.now, **options)  # type: ignore[arg-type]


def marked(peers: list[VerifiedPeer]) -> list[bool]:
    return [peer.is_beyond_caps for peer in peers]


@pytest.mark.parametrize("own", ["45.2.3.200", "60.1.1.1"])
def test_all_peers_of_a_crowded_subnet_are_given_to_the_application(own: str) -> None:
    world = World(1)
    host = member(world, 0, at=make_endpoint(own, 7001))
    peers = crowd(world, 6)
    exchange(world, host, *peers)
    found = given(world, host, 10)
    assert {peer.endpoint for peer in found} == {each.endpoint for each in peers}
    assert marked(found) == [False] * PER_SUBNET + [True] * (6 - PER_SUBNET)
    assert len(given(world, host, 3)) == 3
    assert given(world, host, 10, offering=ServiceFilter({"eth": None})) == []


def test_peers_beyond_the_limits_come_after_all_others() -> None:
    world = World(2)
    host = member(world, 0)
    attackers, honest = crowd(world, 30), spread(world, 12)
    exchange(world, host, *attackers, *honest)
    theirs = {each.endpoint for each in attackers}
    found = given(world, host, 100)
    assert len(found) == 42
    first = found[: 12 + PER_SUBNET]
    assert sum(peer.endpoint in theirs for peer in first) == PER_SUBNET
    assert marked(found) == [False] * len(first) + [True] * (30 - PER_SUBNET)
    assert not any(marked(given(world, host, 12)))
    names = {peer.key for peer in first}
    rest = given(world, host, 100, but_not=names)
    assert all(marked(rest)), "they stay marked when all others were given before"


def test_of_several_crowded_subnets_each_has_its_turn() -> None:
    world = World(3)
    host = member(world, 0)
    large, small = (
        crowd(world, 20),
        [
            stranger(world, 900 + number, at=make_endpoint(f"46.2.3.{1 + number}", 7001))
            for number in range(4)
        ],
    )
    exchange(world, host, *large, *small)
    found = given(world, host, 8)
    ours = {each.endpoint for each in small}
    # Half of them, or one less: chance decides which subnet has the first turn.
    assert sum(peer.endpoint in ours for peer in found) in (3, 4)


def test_one_that_does_not_answer_or_was_called_bad_is_not_given() -> None:
    world = World(4)
    host = member(world, 0)
    peers = crowd(world, 6)
    exchange(world, host, *peers)
    last = given(world, host, 10)[-1]
    peer_network(host).feedback(last.key, "bad", world.now)
    assert last.key not in {peer.key for peer in given(world, host, 10)}
    silent = next(each for each in peers if each.endpoint != last.endpoint)
    silent.answers = False
    exchange(world, host, silent)
    world.run(30.0)
    assert silent.endpoint not in {peer.endpoint for peer in given(world, host, 10)}


# --- What such a subnet gains elsewhere -----------------------------------------------------------


def holdings(host: Host, endpoints: set[Endpoint]) -> tuple[int, int, int]:
    """Entries in the table, slots, and places among the tried peers of the book."""
    components = peer_network(host).components
    return (
        sum(host.node.dhts[host.family].table.holds(endpoint) for endpoint in endpoints),
        sum(components.view.slots_of(endpoint) for endpoint in endpoints),
        sum(components.book.is_tried(endpoint) for endpoint in endpoints),
    )


def attacked(subnet: str, *, rule: bool) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """What 60 attackers in one subnet hold at a node, and what 20 honest peers do."""
    world = World(5)
    host = member(world, 0, config=CONFIG if rule else WITHOUT_RULE, at=OWN)
    honest, attackers = spread(world, 20), crowd(world, 60, subnet)
    world.join(host, [each.endpoint for each in (*honest[:4], *attackers[:4])])
    world.run(2.0)
    everybody = [each for pair in zip(attackers[:20], honest, strict=True) for each in pair]
    exchange(world, host, *everybody, *attackers[20:])
    for each in (*attackers, *honest):
        host.node.dhts[host.family].suggest(each.contact, world.now)
        world.flush(host)
        world.run(0.5)
    world.run(60.0)
    return (
        holdings(host, {each.endpoint for each in attackers}),
        holdings(host, {each.endpoint for each in honest}),
    )


def test_a_foreign_subnet_gains_nothing_by_the_rule_for_the_own_one() -> None:
    with_rule, without_rule = attacked("45.2.3", rule=True), attacked("45.2.3", rule=False)
    assert with_rule == without_rule
    in_table, _, in_book = with_rule[0]
    assert in_table <= CONFIG.table.per_subnet_in_table
    assert in_book <= PER_SUBNET


def test_the_own_subnet_takes_what_is_empty_and_nothing_of_others() -> None:
    with_rule, without_rule = attacked("80.80.80", rule=True), attacked("80.80.80", rule=False)
    assert with_rule[1][0] >= without_rule[1][0], "the table of the honest peers"
    assert with_rule[0][2] == without_rule[0][2] <= PER_SUBNET, "the book"
    assert abs(with_rule[0][1] - without_rule[0][1]) <= 15, "of 100 slots, whose seeds differ"
    in_table = with_rule[0][0]
    most = CONFIG.table.per_subnet_in_table + CONFIG.table.own_subnet_places
    assert without_rule[0][0] < in_table <= most


def test_a_small_network_whose_peers_all_have_the_record_is_not_pushed_it_again() -> None:
    world = World(6)
    host = member(world, 0)
    peers = spread(world, 4)
    exchange(world, host, *peers)
    world.run(1800.0)
    pushes = [sum(query.record is not None for query in each.gossip()) for each in peers]
    assert pushes == [1, 1, 1, 1]


def test_addresses_of_the_tests_are_in_subnets_of_their_own() -> None:
    assert len({address(number)[:3] for number in range(50, 70)}) == 20
