"""The metrics of a feed: each handshake and each offer is counted once, by what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio.testing import MockClock

from kadisc.feed.candidates import FeedLimits
from kadisc.feed.chain_node import Offered
from kadisc.feed.handshake import HandshakeOutcome
from kadisc.feed.loop import Feeder
from kadisc.feed.report import FeedReport
from kadisc.feed.rpc import RpcUnreachable
from kadisc.feed.settings import FeedSettings
from kadisc.observe.feed_metrics import HANDSHAKES, OFFERS, feed_families

from .test_loop import ONE, SOUND, THREE, TWO, ChainNode, RunningNode, Shake, sound


def told(feeder: Feeder) -> dict[str, dict[tuple[str, ...], Any]]:
    """The samples of each family."""
    return {
        family.name.removeprefix("kadisc_feed_"): {
            sample.labels: sample.value for sample in family.samples
        }
        for family in feed_families(feeder.state(), feeder.counts)
    }


def counted(feeder: Feeder, family: str) -> dict[str, float]:
    return {labels[0]: value for labels, value in told(feeder)[family].items() if value}


@asynccontextmanager
async def fed(
    node: RunningNode, chain: ChainNode, shake: Shake = sound, **settings: Any
) -> AsyncIterator[Feeder]:
    report = FeedReport(lambda entry: None)
    feeder = Feeder(node, chain, shake, report, FeedSettings(**settings), FeedLimits())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feeder.run)
        yield feeder
        nursery.cancel_scope.cancel()


async def test_the_preset_and_the_chain_are_labels_of_one_family(autojump_clock: MockClock) -> None:
    node, chain = RunningNode([ONE]), ChainNode()
    async with fed(node, chain, preset="bitcoin") as feeder:
        for name, label in (("ltc", "ltc"), ("0xfbc0b6db", "other"), ("", "")):
            first, *others = feed_families(feeder.state(), feeder.counts, name)
            assert (first.name, first.kind) == ("kadisc_feed", "info")
            assert [sample.labels for sample in first.samples] == [("bitcoin", label)]
            assert not any("chain" in family.label_names for family in others)


async def test_a_chain_node_that_is_up_and_then_down(autojump_clock: MockClock) -> None:
    node, chain = RunningNode([ONE, TWO]), ChainNode(inbound=frozenset({THREE.address[:4]}))
    async with fed(node, chain, want=5) as feeder:
        assert told(feeder)["chain_up"] == {(): 0.0}
        await trio.sleep(60)
        seen = told(feeder)
        assert seen["chain_up"] == {(): 1.0}
        assert seen["chain_peers"] == {("in",): 1.0, ("out",): 2.0}
        assert seen["chain_peers_wanted"] == {(): 5.0}
        assert seen["service_advertised"] == {}
        assert set(seen["offers"]) == {(each,) for each in OFFERS}
        assert set(seen["handshakes"]) == {(each,) for each in HANDSHAKES}
        chain.error = RpcUnreachable("down")
        await trio.sleep(60)
        assert told(feeder)["chain_up"] == {(): 0.0}
        assert told(feeder)["chain_peers"] == {}
    assert counted(feeder, "handshakes") == {"sound": 2.0}
    assert counted(feeder, "offers") == {"connected": 2.0}


async def test_each_offer_is_counted_by_what_came_of_it(autojump_clock: MockClock) -> None:
    async with fed(RunningNode([ONE]), ChainNode(refuses={ONE.address})) as feeder:
        await trio.sleep(60)
    assert counted(feeder, "offers") == {"not-connected": 1.0}

    chain = ChainNode(refuses={ONE.address})
    async with fed(RunningNode([ONE]), chain, want=2) as feeder:
        await trio.sleep(10)
        chain.outbound |= {TWO.address, THREE.address}
        await trio.sleep(60)
    assert counted(feeder, "offers") == {"overtaken": 1.0}

    for answer, outcome in ((Offered("good", ""), "accepted"), (Offered("bad", ""), "refused")):
        chain = ChainNode(waits_s=0.0, answer=answer)
        async with fed(RunningNode([ONE]), chain) as feeder:
            await trio.sleep(60)
        assert counted(feeder, "offers") == {outcome: 1.0}

    chain = ChainNode(refuses={ONE.address})
    async with fed(RunningNode([ONE]), chain) as feeder:
        await trio.sleep(10)
        chain.error = RpcUnreachable("restarting")
        await trio.sleep(10)
        assert counted(feeder, "offers") == {}
        chain.error = None
        await trio.sleep(5)
        assert counted(feeder, "offers") == {"failed": 1.0}

    async with fed(RunningNode([ONE]), ChainNode(), dry_run=True) as feeder:
        await trio.sleep(10)
    assert counted(feeder, "offers") == {"not-made": 1.0}


async def test_handshakes_are_counted_by_their_verdict(autojump_clock: MockClock) -> None:
    outcomes = {
        ONE.host: HandshakeOutcome("wrong-network", "another magic"),
        TWO.host: HandshakeOutcome("bad", "no route", is_own_fault=True),
        THREE.host: SOUND,
    }

    async def shake(host: str, port: int) -> HandshakeOutcome:
        await trio.sleep(0.1)
        return outcomes[host]

    async with fed(RunningNode([ONE, TWO, THREE]), ChainNode(), shake, advertise="p2p") as feeder:
        await trio.sleep(5)
        assert told(feeder)["service_advertised"] == {("p2p",): 1.0}
    assert counted(feeder, "handshakes") == {"wrong-network": 1.0, "no-route": 1.0, "sound": 1.0}
