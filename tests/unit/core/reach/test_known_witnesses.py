"""Tests of reachability where a node has had to do with most witnesses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kadisc.config import CLIENT_VERSION
from kadisc.core.contract.reach_verdict import ReachVerdict
from kadisc.endpoints import Endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import Knock, Ping, Reach, ReachResult, Reply
from tests.support.community import Stranger, introduce, member, stranger
from tests.support.reaching import reachability
from tests.support.world import CONFIG, World, address

from .test_reachability import NO, settled, verdicts


@pytest.mark.parametrize(("share", "nodes"), [(0.0, 20), (0.25, 40)])
def test_a_closed_node_finds_it_out_in_a_network_that_it_could_contact_as_a_whole(
    share: float, nodes: int
) -> None:
    config = replace(CONFIG, reach=replace(CONFIG.reach, reserve_share=share))
    world, new = settled(21, nodes, new_config=config)
    world.behind_a_router(new)
    introduce(world, new, *(address(number) for number in range(8)))
    world.run(40.0, until=lambda: NO in verdicts(new))
    assert (NO in verdicts(new)) is (share > 0)
    if not share:
        assert len(world.routers[new.endpoint]) == nodes, "it contacted all"
        return
    assert len(world.routers[new.endpoint]) < 34
    world.run(60.0)
    assert len(world.routers[new.endpoint]) >= 35, "those that were left alone are contacts now"


def _helpers(
    world: World, count: int, *, gets_in: bool, names_known: bool = False
) -> list[Stranger]:
    """Scripted peers that help. Each pings first, as a known host, and gets in; then it has a
    stranger ping, which gets in or not, and names that one; or the next one of the helpers.
    """
    helpers: list[Stranger] = []

    def help_of(number: int) -> Callable[[Reach | Knock, Endpoint], None]:
        witness = stranger(world, 200 + number, answers=False)

        def help(query: Reach | Knock, source: Endpoint) -> None:
            first = helpers[number]
            ping = Ping(query.nonce[:4], first.id, query.nonce, version=CLIENT_VERSION)
            world.send(first.endpoint, source, krpc.encode(ping))

            def second() -> None:
                if gets_in:
                    again = replace(ping, sender=witness.id)
                    world.send(witness.endpoint, source, krpc.encode(again))
                world.at(world.now + 0.5, report)

            def report() -> None:
                reply = Reply(query.tid, 1, seen_as=source, version=CLIENT_VERSION)
                named = helpers[(number + 1) % count] if names_known else witness
                reply.reach = ReachResult(gets_in, named.endpoint)
                world.send(helpers[number].endpoint, source, krpc.encode(reply))

            world.at(world.now + 0.3, second)

        return help

    helpers += [
        stranger(world, 1 + number, can_help=True, help=help_of(number)) for number in range(count)
    ]
    return helpers


@pytest.mark.parametrize("gets_in", [True, False])
def test_the_ping_of_a_witness_that_was_replaced_hides_nothing_of_the_next_one(
    gets_in: bool,
) -> None:
    world = World()
    node = member(world, 0)
    helpers = _helpers(world, 12, gets_in=gets_in)
    introduce(world, node, *(each.endpoint for each in helpers))
    world.run(60.0)
    probes = node.node.counters.reach_probes
    assert probes["proof" if gets_in else "miss"] >= 2
    assert reachability(node).verdict is (ReachVerdict.YES if gets_in else ReachVerdict.NO)


@pytest.mark.parametrize("names_known", [True, False])
def test_a_miss_of_a_witness_that_the_node_has_just_met_counts_for_nothing(
    names_known: bool,
) -> None:
    """Each router would have let that one in: liars would be heard where honest ones tell nothing,
    because the node knows them all.
    """
    world = World()
    # A slot of 3300 s: whom it met in this test, it has just met.
    config = replace(CONFIG, reach=replace(CONFIG.reach, stranger_s=33_000.0, reserve_share=0.0))
    node = member(world, 0, config=config)
    helpers = _helpers(world, 12, gets_in=False, names_known=names_known)
    introduce(world, node, *(each.endpoint for each in helpers))
    world.run(30.0)
    probes = node.node.counters.reach_probes
    before = dict(probes)
    world.run(300.0)
    assert sum(probes.values()) > sum(before.values())
    assert (probes.get("miss", 0) > before.get("miss", 0)) is not names_known
