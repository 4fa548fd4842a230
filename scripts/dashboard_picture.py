"""Makes the picture of the dashboard for the README from a real run: a devnet of 60 nodes looks up
random IDs while some of the nodes stop.
"""

from __future__ import annotations

import io
import random
import sys
import time
from pathlib import Path

import trio
from rich.console import Console
from rich.terminal_theme import MONOKAI

from kadisc.cli.live import LiveSource
from kadisc.core.snapshot import Snapshot
from kadisc.dashboard.frame import draw
from kadisc.dashboard.glyphs import UNICODE
from kadisc.dashboard.paint import as_text
from kadisc.dashboard.scene import Facts, Scene
from kadisc.dashboard.tail import SHOWN, Tail
from kadisc.dashboard.traffic import TrafficHistory
from kadisc.endpoints import format_endpoint
from kadisc.errors import QueryFailed
from kadisc.ids import random_id
from kadisc.net.api.node import Node
from kadisc.net.devnet import open_devnet
from kadisc.net.transport.dispatch import Subscription
from kadisc.version import __version__

NODES = 60
STOPPED = 7
COLUMNS = 104
ROWS = 23
AT_LEAST_S = 45.0
AT_MOST_S = 110.0
LOOKUP_EVERY_S = 0.7


def shows_everything(snapshot: Snapshot, tail: Tail) -> bool:
    """Whether there is a failing contact, a removed one and a lookup in progress."""
    failing = any(
        entry.failures
        for dht in snapshot.dhts
        for bucket in dht.buckets
        for entry in bucket.entries
    )
    return (
        failing
        and any(line.name == "removed" for line in tail.lines())
        and any(it.target is not None for it in snapshot.operations)
    )


async def look_up(node: Node, rng: random.Random) -> None:
    try:
        await node.find_node(random_id(rng))
    except QueryFailed:
        return  # some nodes do not answer


async def keep_looking(nodes: list[Node], nursery: trio.Nursery, rng: random.Random) -> None:
    while True:
        for node in (nodes[0], rng.choice(nodes[STOPPED + 1 :])):
            nursery.start_soon(look_up, node, rng)
        await trio.sleep(rng.expovariate(1 / LOOKUP_EVERY_S))


async def collect(events: Subscription[object], tail: Tail) -> None:
    async for event in events:
        tail.add(event, time.strftime("%H:%M:%S"), trio.current_time())


async def scene_of_a_run() -> Scene:
    rng, tail = random.Random(), Tail()
    async with open_devnet(NODES) as nodes, trio.open_nursery() as nursery:
        user, source, started = nodes[0], LiveSource(nodes), trio.current_time()
        facts = Facts(
            __version__,
            "mainline",
            {
                family: format_endpoint(endpoint)
                for family, endpoint in user.local_endpoints.items()
            },
        )
        subscription: Subscription[object] = user.subscribe(*SHOWN)
        async with subscription as events:
            nursery.start_soon(collect, events, tail)
            source.start(nursery)
            traffic = TrafficHistory(source.snapshot().counters, started)
            for node in nodes:
                await node.joined()
            for node in nodes[1 : STOPPED + 1]:
                node.close()  # its socket stays open, but is not read
            nursery.start_soon(keep_looking, nodes, nursery, rng)
            while True:
                await trio.sleep(0.01)
                snapshot, up_s = source.snapshot(), trio.current_time() - started
                traffic.sample(snapshot.counters, trio.current_time())
                if up_s > AT_MOST_S or (up_s > AT_LEAST_S and shows_everything(snapshot, tail)):
                    break
            nursery.cancel_scope.cancel()
            return Scene(facts, snapshot, up_s, *traffic.flows(), tail.lines(), source.others())
    raise AssertionError("the block ends only by its return")


def main() -> None:
    where = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/dashboard.svg")
    lines = draw(trio.run(scene_of_a_run), COLUMNS, ROWS, UNICODE)
    console = Console(
        record=True,
        width=COLUMNS,
        height=ROWS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
    )
    console.print(as_text(lines))
    where.write_text(
        console.export_svg(title="kadisc run --devnet 60", theme=MONOKAI, unique_id="kadisc"),
        encoding="utf-8",
    )
    print(f"saved {where}")


if __name__ == "__main__":
    main()
