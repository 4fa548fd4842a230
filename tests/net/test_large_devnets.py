"""Many nodes on real loopback sockets in one process: every lookup finds the true k closest."""

from __future__ import annotations

import random

import pytest
import trio

from kadisc.endpoints import Family
from kadisc.ids import random_id
from kadisc.net.devnet import open_devnet

pytestmark = pytest.mark.timeout(600)

LOOKUPS, K = 100, 8
SIZES = [
    pytest.param(80, marks=pytest.mark.real),
    pytest.param(300, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("number", SIZES)
async def test_lookups_find_exactly_the_closest(number: int) -> None:
    rng = random.Random(300)
    exact = 0
    with trio.fail_after(550):
        async with open_devnet(number, rng=rng) as nodes:
            for node in nodes:
                await node.joined()
            own_ids = [node.own_ids[Family.IPV4] for node in nodes]
            for _ in range(LOOKUPS):
                asker, target = rng.randrange(number), random_id(rng)
                result = await nodes[asker].find_node(target)
                others = sorted(
                    (own_id for own_id in own_ids if own_id != own_ids[asker]),
                    key=lambda node_id: node_id ^ target,
                )
                exact += [found.contact.id for found in result.closest] == others[:K]
    assert exact >= 0.99 * LOOKUPS
