"""Makes the pictures of the views from a real run: a devnet of one network looks up random IDs
while some of its nodes stop, a `kadisc feed` takes peers from it, and an application judges some.
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import trio
from rich.console import Console
from rich.terminal_theme import MONOKAI

from kadisc.cli.live import LiveSource
from kadisc.config import Config
from kadisc.control.methods.snapshots import PARTS
from kadisc.control.server import open_control
from kadisc.core.contract.saved_state import Verdict
from kadisc.dashboard.frame import draw
from kadisc.dashboard.glyphs import UNICODE
from kadisc.dashboard.history import SceneHistory
from kadisc.dashboard.paint import as_text
from kadisc.dashboard.scene import Scene, ViewState
from kadisc.dashboard.tail import SHOWN
from kadisc.dashboard.views import VIEWS
from kadisc.errors import KadiscError, QueryFailed
from kadisc.ids import random_id
from kadisc.net.api.node import Node
from kadisc.net.devnet import open_devnet
from kadisc.net.transport.dispatch import Subscription
from kadisc.observe.event_document import event_document
from kadisc.observe.event_names import types_of

NODES = 60
STOPPED = 7
OFFERING = 24
"""Nodes that offer a service, from the last one backwards."""
COLUMNS = 120
ROWS: Final = {"overview": 30, "contacts": 24, "peers": 28}
USUAL_ROWS = 30
AT_LEAST_S = 60.0
AT_MOST_S = 130.0
LOOKUP_EVERY_S = 0.7
VERDICTS: Final[tuple[Verdict, ...]] = ("good", "good", "busy", "bad", "wrong-network")
JUDGES: Final = "case $1 in *2|*6) exit 1;; *8) exit 3;; *4) exit 75;; esac"
"""A command in the place of a chain node: by the port of a peer, it takes it or not."""
DOCS = Path(__file__).parent.parent / "docs"


def shows_everything(scene: Scene) -> bool:
    """Whether there is a failing contact, a removed one and a lookup in progress."""
    return (
        any(contact.failures for contact in scene.contacts)
        and any(line.name == "removed" for line in scene.tail)
        and any(it.target is not None for it in scene.operations)
    )


async def look_up(node: Node, rng: random.Random) -> None:
    with suppress(QueryFailed):  # some nodes do not answer
        await node.find_node(random_id(rng))


async def keep_looking(nodes: list[Node], nursery: trio.Nursery, rng: random.Random) -> None:
    while True:
        for node in (nodes[0], rng.choice(nodes[STOPPED + 1 :])):
            nursery.start_soon(look_up, node, rng)
        await trio.sleep(rng.expovariate(1 / LOOKUP_EVERY_S))


async def judge(node: Node) -> None:
    """An application says of five peers how they are."""
    with trio.move_on_after(AT_LEAST_S):
        async for peer in node.peers(service="p2p", count=len(VERDICTS)):
            judged = len([each for each in node.own_network.listed(NODES) if each.verdict])
            with suppress(KadiscError):
                node.feedback(peer, VERDICTS[judged % len(VERDICTS)])


async def collect(events: Subscription[object], history: SceneHistory) -> None:
    async for event in events:
        document: Mapping[str, object] = event_document(event)  # type: ignore[arg-type]
        history.hear(document, trio.current_time())


async def feed(folder: str) -> None:
    words = ["feed", "exec", "--check", "none", "--want", "9", "--state-dir", folder]
    command = [sys.executable, "-m", "kadisc", *words, "--", "sh", "-c", JUDGES, "sh", "{port}"]
    nowhere = subprocess.DEVNULL
    await trio.run_process(command, stdout=nowhere, stderr=nowhere, check=False)


async def scene_of_a_run(folder: str) -> Scene:
    rng = random.Random()
    config = Config(bind=("127.0.0.1:0",), network="mychain", service={"p2p": 9333})
    config = replace(config, state_dir=folder)
    async with open_devnet(NODES, config) as nodes, trio.open_nursery() as nursery:
        user, source = nodes[0], LiveSource(nodes)
        source.want(1.0, PARTS)
        history = SceneHistory(source.snapshot(), trio.current_time())
        scene = Scene(source.snapshot(), ends_node=True)
        subscription: Subscription[object] = user.subscribe(*types_of(SHOWN))
        async with subscription as events, open_control(user, folder):
            nursery.start_soon(collect, events, history)
            source.start(nursery)
            for number, node in enumerate(nodes[-OFFERING:]):
                node.set_service("p2p", 9333 + number)
            for node in nodes:
                await node.joined()
            nursery.start_soon(judge, user)
            nursery.start_soon(feed, folder)
            for node in nodes[1 : STOPPED + 1]:
                node.close()  # its socket stays open, but is not read
            nursery.start_soon(keep_looking, nodes, nursery, rng)
            began = trio.current_time()
            while True:
                await trio.sleep(0.25)
                now = trio.current_time()
                scene = history.updated(scene, source.snapshot(), now)
                for_s = now - began
                if for_s > AT_MOST_S or (for_s > AT_LEAST_S and shows_everything(scene)):
                    break
            scene = replace(scene, others=source.others())
        nursery.cancel_scope.cancel()
    return scene


def save(scene: Scene, view: str, where: Path) -> None:
    rows = ROWS.get(view, USUAL_ROWS)
    lines = draw(replace(scene, state=ViewState(view=view)), COLUMNS, rows, UNICODE)
    console = Console(
        record=True,
        width=COLUMNS,
        height=rows,
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
    )
    console.print(as_text(lines))
    title = f"kadisc run --devnet {NODES} --network mychain --service p2p=9333"
    svg = console.export_svg(title=title, theme=MONOKAI, unique_id=f"kadisc-{view}")
    where.write_text(svg, encoding="utf-8")
    print(f"saved {where}")


def main() -> int:
    names = [view.name for view in VIEWS]
    wanted = sys.argv[1:] or names
    if unknown := [name for name in wanted if name not in names]:
        print(f"there is no view {unknown[0]}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="kadisc-picture-") as folder:
        scene = trio.run(scene_of_a_run, folder)
    (DOCS / "how-to" / "watch").mkdir(exist_ok=True)
    for name in wanted:
        where = DOCS / "how-to" / "watch" / f"{name}.svg"
        save(scene, name, DOCS / "dashboard.svg" if name == "overview" else where)
    return 0


if __name__ == "__main__":
    sys.exit(main())
