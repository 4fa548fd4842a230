"""Items on the DHT as a program gets, puts and publishes them; records by their key."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from kadisc.config import StoreConfig
from kadisc.core.contract.identity import Identity, signed_item
from kadisc.core.lookup.put import Draft
from kadisc.core.peers.network_keys import NetworkKeys
from kadisc.errors import Busy, ErrorAnswer, NoAnswer, UsageError
from kadisc.net.api.arguments import Content, value_from
from kadisc.net.api.node import Node
from kadisc.wire.items import Item
from kadisc.wire.records import decode_record

from ..lab import CONFIG, READ_ONLY, address, network, open_at, open_several

SHORT = replace(
    CONFIG,
    publish_interval_s=300.0,
    core=replace(CONFIG.core, store=StoreConfig(item_lifetime_s=600.0)),
)
"""The hours of BEP 44 in minutes."""
LIFE_S = 600.0


def holds(node: Node, target: int) -> bool:
    return node.pump.core._responder.items.store.get(target, node.pump.now()) is not None


async def test_an_immutable_value_is_found_by_its_hash(autojump_clock: MockClock) -> None:
    async with open_several(network(), 12) as nodes:
        stored = await nodes[3].put("Hello World!")
        assert f"{stored.item.target:040x}" == "e5f96f6f38320f0f33959cb4d3d656452117aadb"
        assert len(stored.stored) == 8
        item = await nodes[7].get(stored.item.target)
        assert item is not None
        assert (item.value, item.key) == (b"12:Hello World!", None)
        assert await nodes[7].get(stored.item.target ^ 1) is None


async def test_the_latest_version_of_a_mutable_value_is_found(autojump_clock: MockClock) -> None:
    async with open_several(network(), 12) as nodes:
        first = await nodes[2].put({"name": "a", "list": [1, b"\xff"]}, mutable=True, salt="s")
        second = await nodes[2].put("b", mutable=True, salt="s")
        assert first.item.target == second.item.target
        assert second.item.sequence > first.item.sequence
        asker = next(node for node in nodes if not holds(node, first.item.target))
        item = await asker.get(first.item.target, salt="s")
        assert item == second.item
        assert item.key == nodes[2].public_key
        assert await asker.get(first.item.target) is None, (
            "without its salt the signature does not hold"
        )
        again = await nodes[2].put("b", mutable=True, salt="s")
        assert again.item == second.item, "what is there is put again as it is"
        assert first.item.content == {b"name": b"a", b"list": [1, b"\xff"]}


async def test_a_refused_put_raises_the_error_of_the_other_node(autojump_clock: MockClock) -> None:
    async with open_several(network(), 10) as nodes:
        await nodes[0].put("new", mutable=True, sequence=7)
        with pytest.raises(ErrorAnswer) as older:
            await nodes[0].put("old", mutable=True, sequence=6)
        with pytest.raises(ErrorAnswer) as other:
            await nodes[0].put("other", mutable=True, sequence=8, cas=6)
        assert (older.value.code, other.value.code) == (302, 301)
        stored = await nodes[0].put("other", mutable=True, sequence=8, cas=7)
        assert (stored.item.sequence, len(stored.stored)) == (8, 8)


async def test_lying_nodes_bring_neither_a_forged_value_nor_an_old_one(
    autojump_clock: MockClock,
) -> None:
    """Attack: most of the closest nodes hold something forged, or an old version; the others
    have the true one.
    """
    async with open_several(network(), 12) as nodes:
        stored = await nodes[2].put("true", mutable=True)
        target = stored.item.target
        old = signed_item(nodes[2].identity, b"3:old", 1)
        forged = replace(stored.item, value=b"6:forged", sequence=stored.item.sequence + 1)
        holders = [node for node in nodes if holds(node, target)]
        for number, node in enumerate(holders[1:]):
            kept = node.pump.core._responder.items.store._stored[target]
            kept.item = forged if number % 2 else old
        item = await next(node for node in nodes if node not in holders).get(target)
        assert item == stored.item


async def test_get_and_put_without_contacts_raise_no_answer(autojump_clock: MockClock) -> None:
    async with open_at(network(), 1) as alone:
        for call in (alone.get("00" * 20), alone.put("x"), alone.resolve("00" * 32)):
            with pytest.raises(NoAnswer, match="no node to ask"):
                await call


@pytest.mark.parametrize(
    "value",
    [
        "x" * 997,
        True,
        1.5,
        None,
        2**63,
        -(2**63) - 1,
        {1: "x"},
        [[[[[[[[[0]]]]]]]]],
        {"a": b"x" * 992},
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_value_that_no_item_can_hold_is_a_usage_error(value: Content) -> None:
    with pytest.raises(UsageError):
        value_from(value)


def test_a_value_that_contains_itself_is_a_usage_error() -> None:
    ouroboros: list[object] = []
    ouroboros.append(ouroboros)
    with pytest.raises(UsageError):
        value_from(ouroboros)  # type: ignore[arg-type]


async def test_invalid_arguments_of_put_are_usage_errors(autojump_clock: MockClock) -> None:
    async with open_at(network(), 1) as node:
        for wrong in (
            {"salt": "s"},
            {"mutable": True, "salt": b"x" * 65},
            {"mutable": True, "sequence": -1},
            {"mutable": True, "cas": 2**63},
        ):
            with pytest.raises(UsageError):
                await node.put("x", **wrong)  # type: ignore[arg-type]
        for key in ("00" * 31, "zz" * 32, b"x"):
            with pytest.raises(UsageError):
                await node.resolve(key)


async def test_a_published_item_outlives_its_lifetime_and_a_dropped_one_does_not(
    autojump_clock: MockClock,
) -> None:
    async with open_several(network(), 10, config=SHORT) as nodes:
        await nodes[2].put("once")
        async with nodes[1].publish("often") as publication:
            await publication.first()
            assert publication.item is not None
            await trio.sleep(2 * LIFE_S)
            assert await nodes[8].get(Item(b"4:once").target) is None
            assert await nodes[8].get(publication.target) == publication.item
            assert publication.announces >= 3
        await trio.sleep(1.2 * LIFE_S)
        assert await nodes[8].get(publication.target) is None


async def test_a_publication_does_not_overrule_a_later_version(autojump_clock: MockClock) -> None:
    async with (
        open_several(network(), 10, config=SHORT) as nodes,
        nodes[1].publish("mine", mutable=True) as publication,
    ):
        await publication.first()
        assert publication.item is not None
        later = Draft(b"6:theirs", nodes[1].identity, sequence=publication.item.sequence + 5)
        await nodes[1].items.put(later)
        await trio.sleep(350)
        assert publication.failures > 0
        item = await nodes[8].get(publication.target)
        assert item is not None
        assert item.value == b"6:theirs"


async def test_publications_are_bounded(autojump_clock: MockClock) -> None:
    config = replace(CONFIG, max_published=2, publish_record=False)
    async with open_at(network(), 1, config=config) as node, node.publish("a"), node.publish("b"):
        async with node.publish("b"):
            pass
        async with node.publish("c"):
            with pytest.raises(Busy):
                node.publisher.keep(Draft(b"1:d"))


# --- Records --------------------------------------------------------------------------------------


async def test_a_nodes_record_is_found_by_its_key_hours_later_and_follows_its_changes(
    autojump_clock: MockClock,
) -> None:
    async with open_several(network(), 10, config=SHORT) as nodes:
        await trio.sleep(120)
        record = await nodes[8].resolve(nodes[3].public_key)
        assert record == decode_record(nodes[3].record)
        assert await nodes[8].resolve(nodes[3].public_key.hex(), network="othernet") is None
        pump = nodes[3].pump
        assert pump.core.peer_network is not None
        for port in (30303, 30304):
            [event] = pump.core.peer_network.set_services({"eth": port}, pump.now())
        pump.dispatch.route(event)
        await trio.sleep(120)
        changed = await nodes[8].resolve(nodes[3].public_key)
        assert changed is not None
        assert changed.services == {"eth": 30304}
        await trio.sleep(2 * LIFE_S)
        assert await nodes[8].resolve(nodes[3].public_key) == changed


async def test_no_record_is_published_where_the_configuration_forbids_it(
    autojump_clock: MockClock,
) -> None:
    silent = replace(CONFIG, publish_record=False)
    net = network()
    async with (
        open_several(net, 9) as nodes,
        open_at(net, 20, bootstrap=[address(1)], config=silent) as reserved,
        open_at(net, 21, bootstrap=[address(1)], config=READ_ONLY) as reader,
    ):
        await trio.sleep(200)
        assert await nodes[2].resolve(reserved.public_key) is None
        assert await nodes[2].resolve(reader.public_key) is None
        assert await reader.resolve(nodes[2].public_key) is not None


async def test_a_stolen_record_under_the_thiefs_key_is_refused(autojump_clock: MockClock) -> None:
    """Attack: a validly signed item under the thief's key holds the record of another node, or no
    record at all.
    """
    async with open_several(network(), 10) as nodes:
        thief = Identity(bytes(32))
        tag = NetworkKeys("mainline").tag
        victim = nodes[5].record
        forged = nodes[5].record.replace(nodes[5].public_key, thief.public_key)
        for sequence, value in enumerate((victim, forged, b"i5e", b"4:spam"), start=1):
            await nodes[1].items.put(Draft(value, thief, tag, sequence=sequence))
            assert await nodes[8].resolve(thief.public_key) is None
