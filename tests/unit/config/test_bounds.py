"""Each number of the configuration has a lower and an upper bound, and a node works at both."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from kadisc import open_node
from kadisc.config import Config
from kadisc.config.declaration import Bounds
from kadisc.config.keys import KEYS, Key, with_value
from kadisc.wire.gossip import MAX_WANT
from tests.support.community import member
from tests.support.world import CONFIG, World

NUMBERS = [key for key in KEYS.values() if key.kind in ("int", "float", "tuple[int, ...]")]
OF_THE_CORE = [key for key in NUMBERS if key.path[0] == "core"]
OF_SOCKETS = [key for key in NUMBERS if key not in OF_THE_CORE or len(key.path) == 2]
NODES = 12
RUN_S = 4.0


def bounds_of(key: Key) -> Bounds:
    allowed = key.setting.allowed
    assert isinstance(allowed, Bounds)
    return allowed


def at_bounds(key: Key) -> Iterator[Any]:
    """Both bounds, as values of the field."""
    for bound in (bounds_of(key).least, bounds_of(key).most):
        value = float(bound) if key.kind == "float" else int(bound)
        yield (value,) if key.kind.startswith("tuple") else value


@pytest.mark.parametrize("key", NUMBERS, ids=lambda key: key.name)
def test_a_number_has_two_finite_bounds_and_its_default_is_between(key: Key) -> None:
    bounds = bounds_of(key)
    assert math.isfinite(bounds.least)
    assert math.isfinite(bounds.most)
    assert 0 <= bounds.least < bounds.most
    assert bounds.complaint(key.default) is None
    for value in (
        *at_bounds(key),
        *([(bounds.most,) * 160] if isinstance(key.default, tuple) else []),
    ):
        assert bounds.complaint(value) is None
    for number in (
        math.nan,
        math.inf,
        -math.inf,
        bounds.least - 1,
        bounds.most * 2,
        99_999_999_999,
    ):
        beyond = (number,) if isinstance(key.default, tuple) else number
        assert bounds.complaint(beyond) is not None


CHANGES = [(key, value) for key in OF_THE_CORE for value in at_bounds(key)]
GROUPS_OF_CHANGES = [
    pytest.param(CHANGES[start : start + NODES], marks=[pytest.mark.real] if start % 36 else [])
    for start in range(0, len(CHANGES), NODES)
]
"""A third of them in each run of the tests: all together take 20 s."""


@pytest.mark.parametrize("changes", GROUPS_OF_CHANGES)
def test_a_network_works_whose_nodes_have_each_one_number_at_a_bound(
    changes: list[tuple[Key, Any]],
) -> None:
    world = World(len(changes[0][0].name))
    entrance = member(world, 0)
    hosts = []
    for number, (key, value) in enumerate(changes, 1):
        config = with_value(Config(core=CONFIG), key.path, value).core
        hosts.append(member(world, number, config=config))
        world.join(hosts[-1], [entrance])
        world.run(0.1)
    for host in hosts:
        world.lookup(host, world.rng.getrandbits(160))
    world.run(RUN_S)
    for host in hosts:
        host.node.snapshot(world.now)
        host.node.export_state(world.now)
    joined = [host for host in hosts if host.node.snapshot(world.now).dhts[0].contacts]
    assert len(joined) >= len(hosts) - 2


@pytest.mark.parametrize("key", OF_SOCKETS, ids=lambda key: key.name)
async def test_a_node_with_sockets_works_at_each_bound(key: Key) -> None:
    plain = Config(bind=("127.0.0.1:0",), routers=(), core=CONFIG)
    plain = with_value(plain, ("core", "allow_private"), True)
    with trio.fail_after(20):
        async with open_node(plain) as other:
            for value in at_bounds(key):
                async with open_node(with_value(plain, key.path, value)) as node:
                    [endpoint] = other.local_endpoints.values()
                    await node.ping(endpoint)


def test_a_gossip_query_asks_for_no_more_than_other_nodes_answer() -> None:
    """Above that each of them refuses the query, and the node is alone."""
    assert bounds_of(KEYS["core.gossip.pull_entries"]).most == MAX_WANT
