"""A newcomer of `discover.py` that uses kadisc as a library, with every default. Arguments: the
network and HOST:PORT of the bootstrap node. Prints {"peer": HOST} for each proven peer.
"""

from __future__ import annotations

import json
import signal
import sys

import trio

import kadisc


async def find(network: str, bootstrap: str) -> None:
    config = kadisc.Config(network=network)
    async with kadisc.open_node(config, bootstrap=[bootstrap]) as node:
        async for peer in node.peers():
            if getattr(peer, "is_proven", True):  # older checkouts know no others
                host = ".".join(map(str, peer.endpoint[:4]))  # the world has IPv4 alone
                print(json.dumps({"peer": host}), flush=True)


async def main() -> None:
    network, bootstrap = sys.argv[1:]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(find, network, bootstrap)
        with trio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                nursery.cancel_scope.cancel()


trio.run(main)
