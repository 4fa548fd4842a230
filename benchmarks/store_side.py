"""kadisc as one side of `store.py`: announces and puts as the commands do, with every default.

``--devnet N``: the announces and puts are made by nodes of a devnet in this process, drawn by lot,
and each answer tells where they were stored; otherwise by one node, in the swarm that `store.py`
runs. Commands are JSON lines: {"ask": "announce" or "put", "number", "target"}.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import trio

import kadisc
from kadisc.control.call import Call
from kadisc.net.api.node import Node
from kadisc.net.oneshot.item_search import PutSearch
from kadisc.net.oneshot.peer_search import AnnounceSearch

K = 8
SETTLE_S = 3.0
"""How long a devnet runs before the first announce."""


async def store(node: Node, question: dict[str, Any]) -> dict[str, Any]:
    search: AnnounceSearch | PutSearch
    if question["ask"] == "announce":
        search = AnnounceSearch(node, int(question["target"], 16), 7777, implied_port=False)
    else:
        search = PutSearch(node, node.items.draft(f"value {question['number']}", None))
    started = time.perf_counter()
    await Call(node).carry_out(search)
    elapsed_s = time.perf_counter() - started
    return {
        "target": f"{search.target:040x}",
        "elapsed_s": elapsed_s,
        "queries": search.queries,
        "told": len(search.stored),
    }


class Devnet:
    """Finds out where something was stored, by what each node holds."""

    def __init__(self, nodes: list[Node], rng: random.Random) -> None:
        self._nodes = nodes
        self._rng = rng

    async def store(self, question: dict[str, Any]) -> dict[str, Any]:
        asker = self._rng.choice(self._nodes)
        before = {node: node.snapshot().items_stored for node in self._nodes}
        answer = await store(asker, question)
        target = int(answer["target"], 16)
        closest = sorted(
            (node for node in self._nodes if node is not asker),
            key=lambda node: node.own_ids[kadisc.Family.IPV4] ^ target,
        )[:K]
        holds = [
            bool(node.stored_peers(target))
            if question["ask"] == "announce"
            else node.snapshot().items_stored > before[node]
            for node in closest
        ]
        return {**answer, "of_8": sum(holds)}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:0")
    parser.add_argument("--router", metavar="HOST:PORT")
    parser.add_argument("--devnet", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    async with AsyncExitStack() as stack:
        if arguments.devnet:
            nodes = await stack.enter_async_context(
                kadisc.open_devnet(
                    arguments.devnet, kadisc.Config(bind=(arguments.listen,)), rng=rng
                )
            )
            devnet: Devnet | None = Devnet(nodes, rng)
        else:
            nodes = [
                await stack.enter_async_context(
                    kadisc.open_node(
                        kadisc.Config(bind=(arguments.listen,)), bootstrap=[arguments.router]
                    )
                )
            ]
            devnet = None
        for node in nodes:
            await node.joined()
        await trio.sleep(SETTLE_S if devnet else 0.0)
        print(json.dumps({"event": "joined"}), flush=True)
        while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            question = json.loads(line)
            answer = await (devnet.store(question) if devnet else store(nodes[0], question))
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    trio.run(main)
