"""Putting and getting items in a network of cores."""

from __future__ import annotations

from dataclasses import replace

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
from kadisc.wire.items import Item
from tests.support.attack import started
from tests.support.world import CONFIG, Host, World, populate

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
