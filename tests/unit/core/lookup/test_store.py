"""Where announces and puts are stored: at the k closest nodes that live, as a lookup shows them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kadisc.core.contract.events import AnnounceFinished, NodeAnswered, Outcome, PutFinished
from kadisc.core.lookup.put import Draft
from kadisc.core.serving.peer_store import PeerStore
from kadisc.endpoints import Endpoint
from kadisc.ids import NodeId, random_id
from kadisc.wire.items import Item
from tests.support.world import Host, World, address, synthetic, true_closest

NODES = 60


def settled(seed: int, *, loss: float = 0.0) -> tuple[World, list[Host]]:
    world = World(seed=seed, one_way_s=lambda rng: rng.uniform(0.01, 0.08), loss=loss)
    return world, synthetic(world, NODES)


def announced(
    world: World, host: Host, info_hash: NodeId, seeds: Sequence[Endpoint] = ()
) -> AnnounceFinished:
    operation = host.node.announce(info_hash, 7777, world.now, family=host.family, seeds=seeds)
    world.flush(host)
    event = world.result(host, operation)
    assert isinstance(event, AnnounceFinished)
    return event


def put(
    world: World, host: Host, value: bytes, seeds: Sequence[Endpoint] = ()
) -> tuple[NodeId, PutFinished]:
    draft = Draft(value)
    operation = host.node.put(draft, world.now, family=host.family, seeds=seeds)
    world.flush(host)
    event = world.result(host, operation)
    assert isinstance(event, PutFinished)
    return draft.target, event


def holders(world: World, hosts: Sequence[Host], target: NodeId) -> set[NodeId]:
    """The nodes that hold an announce or an item."""
    return {
        host.id
        for host in hosts
        if host.node.stored_peers(target, world.now)
        or host.node._responder.items.store.get(target, world.now) is not None
    }


def endpoints_of(hosts: Sequence[Host], ids: Sequence[NodeId]) -> list[Endpoint]:
    return [host.endpoint for node_id in ids for host in hosts if host.id == node_id]


@pytest.mark.parametrize("seeded", [False, True], ids=["own contacts", "the closest as seeds"])
def test_an_announce_and_a_put_are_stored_at_all_of_the_closest(seeded: bool) -> None:
    """A program may give as seeds what a lookup of its own has found: endpoints without IDs."""
    world, hosts = settled(seed=3)
    for number in range(12):
        host = world.rng.choice(hosts)
        target, value = random_id(world.rng), b"i%de" % number
        item_target = Item(value).target
        truth, item_truth = (true_closest(hosts, each, 8, host) for each in (target, item_target))
        seeds = endpoints_of(hosts, truth) if seeded else []
        event = announced(world, host, target, seeds)
        assert holders(world, hosts, target) == set(truth)
        assert {contact.id for contact in event.stored} == set(truth)
        _, stored = put(world, host, value, endpoints_of(hosts, item_truth) if seeded else [])
        assert holders(world, hosts, item_target) == set(item_truth)
        assert (stored.refused, stored.unanswered) == ((), ())


def test_dead_seeds_delay_it_no_longer_than_other_silent_nodes_do() -> None:
    """One is named by others, which have not noticed its death; no node has heard of the rest."""
    took: dict[bool, float] = {}
    for seeded in (False, True):
        world, hosts = settled(seed=4)
        host, target = hosts[7], random_id(world.rng)
        truth = true_closest(hosts, target, 9, host)
        (dying,) = (each for each in hosts if each.id == truth[2])
        world.kill(dying)
        seeds = [*endpoints_of(hosts, truth), *[address(900 + number) for number in range(4)]]
        began = world.now
        event = announced(world, host, target, seeds if seeded else [])
        took[seeded] = world.now - began
        assert {contact.id for contact in event.stored} == {*truth} - {dying.id}
    assert took[True] < took[False] + 0.5


def test_the_nodes_that_answer_are_told_as_they_answer_by_the_operation_itself() -> None:
    world, hosts = settled(seed=5)
    host = hosts[9]
    operation = host.node.announce(random_id(world.rng), 7777, world.now, family=host.family)
    world.flush(host)
    (running,) = (each for each in host.node.operations(world.now) if each.operation == operation)
    assert (running.what, running.queries > 0) == ("announce_peer", True)
    assert (
        len([each for each in host.node.operations(world.now) if each.target == running.target])
        == 1
    )
    event = world.result(host, operation)
    assert isinstance(event, AnnounceFinished)
    answered = [
        each.node.contact.id
        for each in host.events
        if isinstance(each, NodeAnswered) and each.operation == operation
    ]
    assert {contact.id for contact in event.stored} <= set(answered)


@pytest.mark.parametrize("lost", [2, 3])
def test_a_burst_of_losses_does_not_leave_a_node_out(lost: int) -> None:
    """The store query is lost, and each repetition of it up to the third."""
    world, hosts = settled(seed=8)
    host, target = hosts[3], random_id(world.rng)
    truth = true_closest(hosts, target, 8, host)
    (unlucky,) = (each for each in hosts if each.id == truth[5])
    world.sent = []

    def sent_there() -> int:
        return sum(
            destination == unlucky.endpoint and b"announce_peer" in payload
            for _, _, destination, payload in world.sent or ()
        )

    operation = host.node.announce(target, 7777, world.now, family=host.family)
    world.flush(host)
    world.run(9.0, until=lambda: sent_there() > 0)
    world.cut_off.add(unlucky.endpoint)
    world.run(9.0, until=lambda: sent_there() > lost)
    world.cut_off.remove(unlucky.endpoint)
    event = world.result(host, operation)
    assert isinstance(event, AnnounceFinished)
    assert {contact.id for contact in event.stored} == set(truth)


def test_the_report_names_the_nodes_that_refused_and_those_that_did_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, hosts = settled(seed=6)
    host, target = hosts[3], random_id(world.rng)
    truth = true_closest(hosts, target, 8, host)
    refusing, dying = (next(each for each in hosts if each.id == truth[rank]) for rank in (1, 4))
    full = [refusing.node._responder.peers]
    add = PeerStore.add
    monkeypatch.setattr(
        PeerStore,
        "add",
        lambda store, *given: "no room" if store in full else add(store, *given),
    )
    world.sent = []
    operation = host.node.announce(target, 7777, world.now, family=host.family)
    world.flush(host)
    world.run(9.0, until=lambda: any(b"announce_peer" in sent[3] for sent in world.sent or ()))
    world.kill(dying)  # after it gave a token
    event = world.result(host, operation)
    assert isinstance(event, AnnounceFinished)
    assert event.outcome is Outcome.DONE
    assert len(event.stored) == 6
    assert [(each.contact.id, each.code, each.text) for each in event.refused] == [
        (refusing.id, 202, "no room")
    ]
    assert [contact.id for contact in event.unanswered] == [dying.id]
    full += [each.node._responder.peers for each in hosts]
    assert announced(world, host, random_id(world.rng)).outcome is Outcome.ERROR_ANSWER
