"""Putting and getting items in a network of cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kadisc.core.contract.events import (
    LookupFinished,
    LookupKind,
    LookupResult,
    Outcome,
    PutFinished,
)
from kadisc.core.contract.identity import Identity, signed_item
from kadisc.core.lookup.item_collector import ItemCollector
from kadisc.core.lookup.put import Draft
from kadisc.core.serving.item_service import ItemService
from kadisc.wire.items import Item
from kadisc.wire.messages import Error, Put, Reply
from tests.support.attack import started
from tests.support.world import CONFIG, Host, World, populate, synthetic

OWNER, THIEF = Identity(bytes(32)), Identity(bytes(31) + b"\1")
SALT = b"s"


def put(world: World, host: Host, draft: Draft) -> PutFinished:
    operation = host.node.put(draft, world.now, family=host.family)
    world.flush(host)
    event = world.result(host, operation)
    assert isinstance(event, PutFinished)
    return event


def got(world: World, host: Host, target: int, salt: bytes = b"") -> LookupResult:
    operation = host.node.start_lookup(
        target, world.now, family=host.family, kind=LookupKind.GET, salt=salt
    )
    world.flush(host)
    event = world.result(host, operation)
    assert isinstance(event, LookupFinished)
    return event.result


def holders(world: World, hosts: list[Host], target: int) -> list[Host]:
    return [
        host
        for host in hosts
        if host.node._responder.items.store.get(target, world.now) is not None
    ]


def test_other_nodes_get_an_item_that_was_put() -> None:
    world = World(seed=1)
    hosts = populate(world, 14)
    world.run(60.0)
    event = put(world, hosts[3], Draft(b"5:hello"))
    assert (event.outcome, event.item, len(event.stored)) == (Outcome.DONE, Item(b"5:hello"), 8)
    result = got(world, hosts[12], Item(b"5:hello").target)
    assert (result.item, result.refused.get("item")) == (Item(b"5:hello"), None)
    assert result.answered < 8, "the first immutable item is enough"
    assert put(world, hosts[5], Draft(b"5:hello")).outcome is Outcome.DONE, (
        "nodes that hold the item answer with contacts as well"
    )


def test_each_version_replaces_the_previous_one() -> None:
    world = World(seed=2)
    hosts = populate(world, 14)
    world.run(60.0)
    first = put(world, hosts[3], Draft(b"1:a", OWNER, SALT, at_least=100))
    second = put(world, hosts[9], Draft(b"1:b", OWNER, SALT, at_least=50))
    again = put(world, hosts[9], Draft(b"1:b", OWNER, SALT))
    assert [event.item and event.item.sequence for event in (first, second, again)] == [
        100,
        101,
        101,
    ]
    assert got(world, hosts[12], Draft(b"", OWNER, SALT).target, SALT).item == second.item
    # The version that the lookup finds decides before any node is asked to store.
    late = put(world, hosts[3], Draft(b"1:c", OWNER, SALT, sequence=100))
    equal = put(world, hosts[3], Draft(b"1:c", OWNER, SALT, sequence=101))
    swap = put(world, hosts[3], Draft(b"1:c", OWNER, SALT, sequence=200, cas=100))
    assert [(event.outcome, event.code, event.stored) for event in (late, equal, swap)] == [
        (Outcome.ERROR_ANSWER, 302, ()),
        (Outcome.ERROR_ANSWER, 302, ()),
        (Outcome.ERROR_ANSWER, 301, ()),
    ]
    assert put(world, hosts[3], Draft(b"1:c", OWNER, SALT, cas=101)).outcome is Outcome.DONE


# --- Conflicts ------------------------------------------------------------------------------------


def given(host: Host, item: Item, world: World) -> None:
    """The node holds the item, as if its owner had put it there."""
    store = host.node._responder.items.store
    assert store.put(item.target, item, next(iter(world.hosts)), world.now) is None


def stored_sequences(world: World, hosts: list[Host], target: int) -> list[int]:
    held = (host.node._responder.items.store.get(target, world.now) for host in hosts)
    return [item.sequence for item in held if item is not None]


@pytest.mark.parametrize("rank", [0, 7])
def test_a_later_version_at_one_of_the_closest_is_a_conflict_and_nothing_is_stored(
    rank: int,
) -> None:
    world = World(seed=11)
    hosts = synthetic(world, 40)
    later = signed_item(OWNER, b"5:later", 10, SALT)
    us = hosts[3]
    holder = sorted(
        (host for host in hosts if host is not us), key=lambda host: host.id ^ later.target
    )[rank]
    given(holder, later, world)
    event = put(world, us, Draft(b"5:older", OWNER, SALT, sequence=5))
    assert (event.outcome, event.code, event.stored) == (Outcome.ERROR_ANSWER, 302, ())
    assert event.conflict == later
    assert stored_sequences(world, hosts, later.target) == [10]
    swap = put(world, us, Draft(b"5:older", OWNER, SALT, sequence=12, cas=9))
    assert (swap.outcome, swap.code, swap.stored) == (Outcome.ERROR_ANSWER, 301, ())
    assert stored_sequences(world, hosts, later.target) == [10]


def put_while(world: World, us: Host, draft: Draft, happens: Callable[[], object]) -> PutFinished:
    """A put; ``happens`` is called between the end of its lookup and the arrival of the puts."""
    world.sent = []
    operation = us.node.put(draft, world.now, family=us.family)
    world.flush(us)
    world.run(9.0, until=lambda: any(b"1:q3:put" in sent[3] for sent in world.sent or ()))
    happens()
    event = world.result(us, operation)
    assert isinstance(event, PutFinished)
    return event


def test_a_version_that_was_put_at_the_same_moment_is_told_with_what_was_stored_where() -> None:
    """Its nodes had no item when the lookup asked, and answer the put with error 302."""
    world = World(seed=12)
    hosts = synthetic(world, 40)
    later = signed_item(OWNER, b"5:later", 10, SALT)
    us = hosts[3]
    others = sorted(
        (host for host in hosts if host is not us), key=lambda host: host.id ^ later.target
    )
    event = put_while(
        world,
        us,
        Draft(b"5:older", OWNER, SALT, sequence=5),
        lambda: [given(host, later, world) for host in others[:2]],
    )
    assert (event.outcome, event.code, event.conflict) == (Outcome.ERROR_ANSWER, 302, later)
    assert {contact.id for contact in event.stored} == {host.id for host in others[2:8]}
    assert {each.contact.id for each in event.refused} == {host.id for host in others[:2]}
    assert {each.code for each in event.refused} == {302}


def test_a_node_that_claims_a_later_version_without_showing_it_does_not_make_a_put_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Attack: a node beside the target answers every put with error 302. It is named, and the put
    counts as done; the query that asks it for the version is the only cost.
    """
    world = World(seed=13)
    hosts = synthetic(world, 40)
    us, draft = hosts[3], Draft(b"5:value", OWNER, SALT, sequence=5)
    liar = min((host for host in hosts if host is not us), key=lambda host: host.id ^ draft.target)
    honest = ItemService.put

    def lie(service: ItemService, reply: Reply, query: Put, *rest: Any) -> Reply | Error:
        if service is liar.node._responder.items:
            return Error(reply.tid, 302, "a later version is here")
        return honest(service, reply, query, *rest)

    monkeypatch.setattr(ItemService, "put", lie)
    event = put(world, us, draft)
    assert (event.outcome, event.conflict, len(event.stored)) == (Outcome.DONE, None, 7)
    assert [(each.contact.id, each.code) for each in event.refused] == [(liar.id, 302)]


@pytest.mark.parametrize("code", [203, 205, 301])
def test_rejections_of_a_minority_are_in_the_report(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(seed=14)
    hosts = synthetic(world, 40)
    us, draft = hosts[3], Draft(b"5:value", OWNER, SALT, sequence=5, cas=4)
    closest = sorted(
        (host for host in hosts if host is not us), key=lambda host: host.id ^ draft.target
    )[:8]
    refusing = [host.node._responder.items for host in closest[:3]]
    honest = ItemService.put

    def refuse(service: ItemService, reply: Reply, query: Put, *rest: Any) -> Reply | Error:
        if service in refusing:
            return Error(reply.tid, code, "not\nthis one")
        return honest(service, reply, query, *rest)

    monkeypatch.setattr(ItemService, "put", refuse)
    event = put(world, us, draft)
    assert (event.outcome, len(event.stored)) == (Outcome.DONE, 5)
    assert sorted((each.contact.id, each.code, each.text) for each in event.refused) == sorted(
        (host.id, code, "not?this one") for host in closest[:3]
    )
    refusing += [host.node._responder.items for host in closest]
    event = put(world, us, replace(draft, cas=5, sequence=6))
    assert (event.outcome, event.code, event.stored) == (Outcome.ERROR_ANSWER, code, ())


def test_an_item_expires_after_its_lifetime_unless_it_is_put_again() -> None:
    config = replace(CONFIG, store=replace(CONFIG.store, item_lifetime_s=720.0))
    world = World(seed=4)
    hosts = populate(world, 9, config)
    target = put(world, hosts[3], Draft(b"1:x")).item
    assert target is not None
    world.run(700.0)
    put(world, hosts[5], Draft(b"1:x"))
    world.run(700.0)
    assert got(world, hosts[7], target.target).item is not None
    world.run(30.0)
    assert got(world, hosts[7], target.target).item is None
    assert not holders(world, hosts, target.target)


def test_a_put_without_contacts_or_to_dead_nodes_says_so() -> None:
    alone = World(seed=5)
    assert put(alone, started(alone), Draft(b"1:x")).outcome is Outcome.NO_CONTACTS
    world = World(seed=6)
    hosts = populate(world, 12)
    for host in hosts[1:]:
        world.kill(host)
    event = put(world, hosts[0], Draft(b"1:x"))
    assert (event.outcome, event.stored) == (Outcome.NO_ANSWER, ())


def test_a_cancelled_put_ends_once_and_leaves_no_operation() -> None:
    for waited_s in (0.01, 0.3, 0.5):
        world = World(seed=7)
        hosts = populate(world, 20)
        operation = hosts[3].node.put(Draft(b"1:x"), world.now, family=hosts[3].family)
        world.flush(hosts[3])
        world.run(waited_s)
        hosts[3].node.cancel(operation, world.now)
        hosts[3].events += hosts[3].node.drain_events()
        assert len([event for event in hosts[3].events if isinstance(event, PutFinished)]) == 1
        assert hosts[3].node.operations_in_flight == 0


# --- Forged answers -------------------------------------------------------------------------------


def test_only_the_requested_item_counts_and_of_its_versions_the_latest() -> None:
    third = signed_item(OWNER, b"1:c", 3, SALT)
    item_collector = ItemCollector(third.target, SALT)
    forged = [
        replace(third, value=b"1:d", sequence=9).fields(),  # not what was signed
        signed_item(THIEF, b"1:d", 9, SALT).fields(),  # signed with another key
        signed_item(OWNER, b"1:d", 9, b"other").fields(),  # under another salt
        Item(b"1:d").fields(),  # another value, immutable
        third.fields() | {b"v": {b"b": 1, b"a": 2}},  # not canonical
        third.fields() | {b"seq": -1},
        third.fields() | {b"k": b"short"},
        third.fields() | {b"v": bytes(2000)},
    ]
    for held in forged:
        item_collector.take(held)
    assert (item_collector.item, item_collector.refused) == (None, len(forged))
    item_collector.take({b"seq": 12})  # has no later version: valid
    for held in (third.fields(), signed_item(OWNER, b"1:a", 1, SALT).fields(), third.fields()):
        item_collector.take(held)
    assert (item_collector.item, item_collector.refused, item_collector.is_enough()) == (
        third,
        len(forged),
        False,
    )
    fourth = signed_item(OWNER, b"1:d", 4, SALT)
    item_collector.take(fourth.fields())
    assert item_collector.item == fourth


def test_an_immutable_item_is_verified_by_its_target() -> None:
    item = Item(b"5:hello")
    item_collector = ItemCollector(item.target)
    item_collector.take(Item(b"5:other").fields())
    assert (item_collector.item, item_collector.refused) == (None, 1)
    item_collector.take(item.fields())
    assert (item_collector.item, item_collector.is_enough()) == (item, True)


def test_forged_items_of_the_closest_nodes_change_nothing_and_are_counted() -> None:
    world = World(seed=8)
    hosts = populate(world, 20)
    world.run(60.0)
    true = put(world, hosts[3], Draft(b"4:true", OWNER)).item
    assert true is not None
    liars = holders(world, hosts, true.target)[1:]
    for liar in liars:
        stored = liar.node._responder.items.store._stored[true.target]
        stored.item = replace(true, value=b"3:lie", sequence=true.sequence + 1)
    asker = next(host for host in hosts if host not in holders(world, hosts, true.target))
    result = got(world, asker, true.target)
    assert result.item == true
    assert result.refused["item"] >= len(liars) - 1
