"""Standing nodes of kadisc for `discover.py`: many in one process, each with a socket at an address
of its own and with every default. Run with one argument, a file of JSON:

    hosts, port     where they listen, one node a host
    network         the network that they belong to
    bootstrap       HOST:PORT that they join by; the first of them is the bootstrap node if absent

Prints {"met": n} when it has changed: the number of peers of the network that the node with the
fewest has verified.
"""

from __future__ import annotations

import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import trio

import kadisc

BETWEEN_STARTS_S = 0.03


async def count_verified(node: kadisc.Node, keys: set[bytes]) -> None:
    async with node.subscribe(kadisc.PeerVerified) as events:
        async for event in events:
            keys.add(event.peer.key)


async def main(settings: dict[str, Any]) -> None:
    endpoints = [f"{host}:{settings['port']}" for host in settings["hosts"]]
    bootstrap = settings.get("bootstrap") or endpoints[0]
    verified: list[set[bytes]] = []
    async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
        for endpoint in endpoints:
            config = kadisc.Config(bind=(endpoint,), network=settings["network"])
            others = [each for each in (bootstrap,) if each != endpoint] or [endpoints[-1]]
            node = await stack.enter_async_context(kadisc.open_node(config, bootstrap=others))
            verified.append(set())
            nursery.start_soon(count_verified, node, verified[-1])
            await trio.sleep(BETWEEN_STARTS_S)
        told = -1
        while True:
            if (least := min((len(keys) for keys in verified), default=0)) != told:
                told = least
                print(json.dumps({"met": least}), flush=True)
            await trio.sleep(0.5)


trio.run(main, json.loads(Path(sys.argv[1]).read_text()))
