"""Static peers: tried without end, by address or by name, and used for joining."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from kadisc.core.contract.events import ContactAdded
from kadisc.endpoints import parse_endpoint
from kadisc.errors import UsageError
from kadisc.net.api.node import Node
from kadisc.observe.shell_events import HostUnresolved

from ..lab import CONFIG, address, joined, network, open_at, open_several
from ..names import UseNames


def hosts_known(node: Node) -> list[str]:
    return [
        entry.contact.host for bucket in node.snapshot().dhts[0].buckets for entry in bucket.entries
    ]


async def test_a_node_joins_by_a_static_peer(autojump_clock: MockClock) -> None:
    net = network()
    async with (
        open_several(net, 10),
        open_at(net, 30, config=replace(CONFIG, peer=(address(1),))) as node,
    ):
        started = trio.current_time()
        await joined(node)
        assert trio.current_time() - started < 1


async def test_a_static_peer_that_starts_after_an_hour_is_found(autojump_clock: MockClock) -> None:
    net = network()
    async with (
        open_several(net, 10),
        open_at(
            net, 30, bootstrap=[address(1)], config=replace(CONFIG, peer=(address(50),))
        ) as node,
    ):
        await trio.sleep(3600)
        assert "61.50.7.9" not in hosts_known(node)
        async with node.subscribe(ContactAdded) as events, open_at(net, 50):
            with trio.fail_after(60):
                async for event in events:
                    if event.contact.endpoint == parse_endpoint(address(50)):
                        break


async def test_an_unresponsive_static_peer_stays(autojump_clock: MockClock) -> None:
    net = network()
    async with (
        open_several(net, 10),
        open_at(
            net, 30, bootstrap=[address(1)], config=replace(CONFIG, peer=(address(5),))
        ) as node,
    ):
        await joined(node)
        await trio.sleep(30)
        net.silent.update(parse_endpoint(address(number)) for number in (5, 6))
        await trio.sleep(3600)
        assert "16.5.7.9" in hosts_known(node)
        assert "17.6.7.9" not in hosts_known(node)


async def test_a_name_is_resolved_and_tried_for_ever(
    use_names: UseNames, autojump_clock: MockClock
) -> None:
    names = use_names()
    net = network()
    config = replace(CONFIG, peer=("friend:6881",))
    async with (
        open_several(net, 3),
        open_at(net, 30, config=config) as node,
        node.subscribe(HostUnresolved) as told,
    ):
        await trio.sleep(1800)
        assert names.asked > 10
        use_names(friend=(0.1, ["12.1.7.9"]))
        with trio.fail_after(400):
            await joined(node)
        assert (await told.__anext__()).host == "friend:6881"


async def test_a_name_that_gets_another_address_is_followed(
    use_names: UseNames, autojump_clock: MockClock
) -> None:
    use_names(friend=(0.0, [address(1).rpartition(":")[0]]))
    net = network()
    config = replace(CONFIG, peer=("friend:6881",))
    async with open_several(net, 3), open_at(net, 30, config=config) as node, open_at(net, 50):
        await joined(node)
        use_names(friend=(0.0, [address(50).rpartition(":")[0]]))
        await trio.sleep(500)
        assert "61.50.7.9" in hosts_known(node)
        net.silent.add(parse_endpoint(address(1)))
        await trio.sleep(2 * 3600)
        assert "12.1.7.9" not in hosts_known(node), "the former address is static no more"


async def test_an_unreadable_static_peer_is_refused() -> None:
    with pytest.raises(UsageError, match="expected HOST:PORT"):
        async with open_at(network(), 30, config=replace(CONFIG, peer=("nonsense",))):
            pass


@pytest.mark.parametrize("field", ["ban", "netrestrict"])
async def test_an_invalid_subnet_is_refused(field: str) -> None:
    config = replace(CONFIG, core=replace(CONFIG.core, **{field: ("nonsense",)}))
    with pytest.raises(UsageError, match="expected a network such as"):
        async with open_at(network(), 30, config=config):
            pass


async def test_banned_nodes_are_neither_contacted_nor_answered(autojump_clock: MockClock) -> None:
    net = network()
    config = replace(CONFIG, core=replace(CONFIG.core, ban=("13.2.0.0/16", "14.3.7.9")))
    async with (
        open_several(net, 10),
        open_at(net, 30, bootstrap=[address(1)], config=config) as node,
    ):
        await joined(node)
        await trio.sleep(300)
        assert {"12.1.7.9", "15.4.7.9"} <= set(hosts_known(node))
        assert not {"13.2.7.9", "14.3.7.9"} & set(hosts_known(node))
        assert node.counters()["dropped.barred"] > 0


async def test_only_nodes_of_netrestrict_are_contacted(autojump_clock: MockClock) -> None:
    net = network()
    config = replace(CONFIG, core=replace(CONFIG.core, netrestrict=("12.0.0.0/8", "13.0.0.0/8")))
    async with (
        open_several(net, 10),
        open_at(net, 30, bootstrap=[address(1)], config=config) as node,
    ):
        await joined(node)
        await trio.sleep(300)
        assert set(hosts_known(node)) == {"12.1.7.9", "13.2.7.9"}
