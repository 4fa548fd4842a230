"""Items that a node publishes from one run to the next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import trio
from trio.testing import MockClock

from kadisc.config import StoreConfig
from kadisc.core.lookup.put import Draft
from kadisc.net.api.node import Node
from kadisc.net.state.identity_file import FILE_NAME
from kadisc.net.state.state_file import read_state, replace_state
from kadisc.wire.items import Item

from ..lab import CONFIG, network, open_several
from .saving import open_with_state

SHORT = replace(CONFIG, core=replace(CONFIG.core, store=StoreConfig(item_lifetime_s=600.0)))
OFTEN = {"publish_interval_s": 300.0}
LIFE_S = 600.0


async def keep(node: Node, draft: Draft) -> Item:
    """As the control socket does it."""
    stored = await node.items.put(draft)
    node.publisher.keep(
        draft, delay_s=node.config.publish_interval_s, item=stored.item, persistent=True
    )
    return stored.item


def kept_items(folder: Path) -> list[bytes]:
    kept = read_state(folder / "state.sqlite3")
    return [] if kept is None else [item.value for item in kept.published.get("mainline", ())]


async def test_a_persistent_item_is_published_in_the_next_run_in_the_same_version(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    async with open_several(net, 10, config=SHORT) as others:
        async with open_with_state(net, tmp_path, **OFTEN) as node:
            await node.joined()
            items = [
                await keep(node, Draft(b"5:plain")),
                await keep(node, Draft(b"6:signed", node.identity, b"salt", at_least=7)),
            ]
            await node.put("once")
            async with node.publish("as long as the block"):
                await trio.sleep(60)
                assert kept_items(tmp_path) == [b"5:plain", b"6:signed"], (
                    "they are saved before the end of the run"
                )
        await trio.sleep(2 * LIFE_S)
        assert [await others[3].get(item.target, salt=item.salt) for item in items] == [None, None]
        async with open_with_state(net, tmp_path, **OFTEN) as node:
            await trio.sleep(3 * LIFE_S)
            assert [await others[3].get(item.target, salt=item.salt) for item in items] == items
            assert node.publisher.persistent_items() == tuple(items)
            assert await others[3].get(Item(b"4:once").target) is None


async def test_a_later_version_is_not_overruled_after_a_restart(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    async with open_several(net, 10) as others:
        async with open_with_state(net, tmp_path) as node:
            await node.joined()
            old = await keep(node, Draft(b"3:old", node.identity, sequence=5))
            await node.items.put(Draft(b"3:new", node.identity, sequence=6))
        async with open_with_state(net, tmp_path):
            await trio.sleep(300)
            found = await others[3].get(old.target)
            assert found is not None
            assert found.value == b"3:new"


async def test_a_dropped_item_does_not_come_back_and_another_key_publishes_nothing(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    async with open_several(net, 10):
        async with open_with_state(net, tmp_path) as node:
            await node.joined()
            plain, signed = (
                await keep(node, Draft(b"5:plain")),
                await keep(node, Draft(b"6:signed", node.identity)),
            )
            async with node.publish("mine") as mine:
                node.publisher.drop_persistent(plain.target)
                node.publisher.drop_persistent(mine.target)
                assert mine.target in node.publisher, "the block keeps that one"
        assert kept_items(tmp_path) == [b"6:signed"]
        kept = read_state(tmp_path / "state.sqlite3")
        assert kept is not None
        replace_state(tmp_path / "state.sqlite3", replace(kept, seed=bytes(32)))
        (tmp_path / FILE_NAME).unlink()  # its key would count
        async with open_with_state(net, tmp_path) as node:
            assert node.publisher.persistent_items() == ()
            assert signed.target not in node.publisher
        assert kept_items(tmp_path) == []


async def test_each_network_has_persistent_items_of_its_own(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    async with open_several(net, 10):
        async with open_with_state(net, tmp_path) as node:
            await node.joined()
            await keep(node, Draft(b"5:plain"))
        async with open_with_state(net, tmp_path, network="other") as node:
            assert node.publisher.persistent_items() == ()
        assert kept_items(tmp_path) == [b"5:plain"]
