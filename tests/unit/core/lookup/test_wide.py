"""Lookups of more nodes than one answer names."""

from __future__ import annotations

import pytest

from kadisc.contacts import Contact
from kadisc.core.contract.events import LookupFinished, LookupResult, Outcome
from kadisc.core.lookup.closest import ClosestLookup
from kadisc.core.lookup.peer import Peer
from kadisc.core.lookup.wide import WideLookup, max_lookups
from kadisc.endpoints import Endpoint
from kadisc.ids import random_id
from tests.support.lookups import RULES, SMALL, TARGET
from tests.support.world import Host, World, address, synthetic, true_closest


def found(world: World, host: Host, target: int, k: int) -> LookupResult:
    event = world.result(host, world.lookup(host, target, k=k), 120.0)
    assert isinstance(event, LookupFinished)
    assert event.outcome is Outcome.DONE
    return event.result


@pytest.mark.parametrize("k", [9, 16, 20, 59, 100])
def test_the_k_closest_are_found_however_many_they_are(k: int) -> None:
    """A plain lookup of 20 found 16 of them, with gaps from the 11th on."""
    world = World(seed=k)
    hosts = synthetic(world, 60)
    for _ in range(3):
        host, target = world.rng.choice(hosts), random_id(world.rng)
        result = found(world, host, target, k)
        assert [node.contact.id for node in result.closest] == true_closest(hosts, target, k, host)
        assert result.answered >= min(k, 59)
        assert result.queries <= 3 * min(k, 59)


def test_dead_nodes_among_them_are_passed_over_and_waited_for_once() -> None:
    world = World(seed=2)
    hosts = synthetic(world, 120, dead=0.2)
    living = [host for host in hosts if host.up]
    for _ in range(3):
        host, target = world.rng.choice(living), random_id(world.rng)
        result = found(world, host, target, 24)
        assert [node.contact.id for node in result.closest] == true_closest(hosts, target, 24, host)
        assert result.elapsed_s < 12.0


def test_a_cancelled_one_has_what_it_found_and_leaves_nothing() -> None:
    world = World(seed=3)
    hosts = synthetic(world, 60)
    operation = world.lookup(hosts[3], random_id(world.rng), k=40)
    world.run(0.5)
    hosts[3].node.cancel(operation, world.now)
    world.flush(hosts[3])
    (event,) = (each for each in hosts[3].events if isinstance(each, LookupFinished))
    assert event.outcome is Outcome.CANCELLED
    assert 8 <= len(event.result.closest) < 40
    assert hosts[3].node.operations_in_flight == 0


def test_forged_ids_beside_the_target_cause_a_bounded_number_of_lookups() -> None:
    """Attack: eight nodes answer each lookup, all within a millionth of the ID space, and name none
    but each other. The parts of the space beside them are empty.
    """
    forged = [Contact(TARGET ^ 1 << number, address(number)) for number in range(8)]
    lookups = 0

    def make(point: int) -> ClosestLookup:
        nonlocal lookups
        lookups += 1
        return ClosestLookup(point, (), SMALL, RULES, 8)

    wide = WideLookup(TARGET, 20, 8, make, lambda: forged)
    asked: list[Peer] = wide.start(forged)
    ids: dict[Endpoint, int] = {contact.endpoint: contact.id for contact in forged}
    while not wide.finished:
        peer = asked.pop()
        asked += wide.answered(peer.endpoint, ids[peer.endpoint], forged)
    assert lookups <= max_lookups(20)
    assert [peer.id for peer in wide.closest()] == sorted(
        ids.values(), key=lambda node_id: node_id ^ TARGET
    )


@pytest.mark.parametrize("forged_count", [8, 12])
def test_nodes_that_all_bear_the_id_looked_up_end_no_run(forged_count: int) -> None:
    """Attack: as many nodes as one lookup returns answer with the target itself as their ID, which
    leaves no bit of it to divide the space by. An error out of an answer would end the node.
    """
    forged = [Contact(TARGET, address(number)) for number in range(forged_count)]

    def make(point: int) -> ClosestLookup:
        return ClosestLookup(point, (), SMALL, RULES, 8)

    wide = WideLookup(TARGET, 20, 8, make, lambda: forged)
    asked: list[Peer] = wide.start(forged)
    while not wide.finished:
        peer = asked.pop()
        asked += wide.answered(peer.endpoint, TARGET, forged)
    assert {peer.id for peer in wide.closest()} == {TARGET}
