"""The devnet: nodes on this machine, over real sockets."""

from __future__ import annotations

import random

import pytest
import trio

from kadisc.config import Config
from kadisc.endpoints import Family, format_endpoint, netgroup_prefix, parse_endpoint, subnet_prefix
from kadisc.errors import BindError, UsageError
from kadisc.ids import random_id
from kadisc.net import devnet
from kadisc.net.api.open import open_node
from kadisc.net.devnet import loopback_address, open_devnet

from .lab import READ_ONLY


async def test_all_nodes_join_and_find_the_closest_of_all() -> None:
    async with open_devnet(16) as nodes:
        with trio.fail_after(20):
            for node in nodes:
                await node.joined()
        own_ids = [node.own_ids[Family.IPV4] for node in nodes]
        target = random_id(random.Random(3))
        all_ids = sorted(own_ids, key=lambda node_id: node_id ^ target)
        # A node outside of the devnet; and the user's own node, which does not find itself.
        async with open_node(READ_ONLY) as outsider:
            result = await outsider.find_node(target, seeds=[nodes[0].local_endpoints[Family.IPV4]])
        assert [responder.contact.id for responder in result.closest] == all_ids[:8]
        result = await nodes[0].find_node(target)
        assert [responder.contact.id for responder in result.closest] == [
            node_id for node_id in all_ids if node_id != own_ids[0]
        ][:8]


async def test_the_first_node_also_joins_by_the_given_hosts() -> None:
    async with open_node(Config(bind=("127.0.0.1:0",))) as outside:
        where = format_endpoint(outside.local_endpoints[Family.IPV4])
        async with open_devnet(1, bootstrap=[where]) as [node]:
            with trio.fail_after(10):
                await node.joined()


def test_addresses_are_spread() -> None:
    endpoints = [
        parse_endpoint(f"{loopback_address(index)}:1") for index in range(devnet.MAX_NODES)
    ]
    assert len({netgroup_prefix(endpoint) for endpoint in endpoints[:254]}) == 254
    assert len({subnet_prefix(endpoint) for endpoint in endpoints}) == len(endpoints)
    assert not any(endpoint[:3] == bytes([127, 0, 0]) for endpoint in endpoints)
    assert all(endpoint[0] == 127 and 0 < endpoint[3] < 255 for endpoint in endpoints)


def test_two_devnets_have_different_addresses() -> None:
    first, second = (
        {
            subnet_prefix(parse_endpoint(f"{loopback_address(index, port)}:1"))
            for index in range(200)
        }
        for port in (6881, 6882)
    )
    assert not first & second


@pytest.mark.parametrize("count", [0, devnet.MAX_NODES + 1])
async def test_an_invalid_size_is_a_usage_error(count: int) -> None:
    with pytest.raises(UsageError, match="a devnet has 1 to"):
        async with open_devnet(count):
            pass


async def test_the_error_says_where_the_addresses_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devnet, "loopback_address", lambda index, shift=0: "198.51.100.1")
    with pytest.raises(BindError, match="a devnet needs addresses such as"):
        async with open_devnet(3):
            pass


async def test_a_devnet_needs_ipv4() -> None:
    with pytest.raises((UsageError, BindError)):
        async with open_devnet(3, Config(bind=("[::1]:0",))):
            pass


async def test_one_node_is_a_devnet_too() -> None:
    async with open_devnet(1) as [node]:
        assert format_endpoint(node.local_endpoints[Family.IPV4]).startswith("127.0.0.1:")
