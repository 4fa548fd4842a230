"""kadisc as a library, with every default, as one side of `lookup.py`; the other is
`libtorrent_side.py`, and the commands are the same.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import Any

import trio

import kadisc
from kadisc.net.api.node import Node


class LookupOperation:
    """Goes on to its end when the first peer was found, as libtorrent's does."""

    def __init__(self, node: Node, target: str, seeds: list[str]) -> None:
        self._node = node
        self._target = target
        self._seeds = seeds
        self.found = trio.Event()

    async def run(self) -> None:
        while not self.found.is_set():  # a search that found nobody to ask is begun again
            async with self._node.find_peers(self._target, seeds=self._seeds) as peers:
                async for _ in peers:
                    self.found.set()
            await trio.sleep(0 if self.found.is_set() else 0.05)


async def first_peer(
    node: Node, nursery: trio.Nursery, question: dict[str, Any], seeds: list[str], started: float
) -> dict[str, Any]:
    search = LookupOperation(node, question["target"], seeds)
    nursery.start_soon(search.run)
    with trio.move_on_at(started + question["within_s"]):
        await search.found.wait()
        return {"first_peer_s": trio.current_time() - started}
    search.found.set()
    return {"first_peer_s": math.inf}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--router", required=True, metavar="HOST:PORT")
    arguments = parser.parse_args()
    async with (
        kadisc.open_node(
            kadisc.Config(bind=(arguments.listen,)), bootstrap=[arguments.router]
        ) as node,
        trio.open_nursery() as nursery,
    ):
        opened = trio.current_time()
        print(json.dumps({"event": "listening"}), flush=True)
        while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            question = json.loads(line)
            if question["ask"] == "contacts":
                answer: dict[str, Any] = {
                    "contacts": sum(each.contacts for each in node.snapshot().dhts)
                }
            elif question["cold"]:
                answer = await first_peer(node, nursery, question, [arguments.router], opened)
            else:
                answer = await first_peer(node, nursery, question, [], trio.current_time())
            print(json.dumps(answer), flush=True)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
