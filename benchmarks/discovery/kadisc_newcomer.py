"""A newcomer of `discover.py` that uses kadisc as a library, with every default. Arguments: the
network and HOST:PORT of the bootstrap node. Prints each proven peer as a JSON line.
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
            if peer.is_proven:
                print(json.dumps({"peer": kadisc_endpoint(peer.endpoint)}), flush=True)


def kadisc_endpoint(endpoint: bytes) -> str:
    """IPv4 alone, which is all that the world has."""
    return f"{'.'.join(map(str, endpoint[:4]))}:{int.from_bytes(endpoint[4:6], 'big')}"


async def main() -> None:
    network, bootstrap = sys.argv[1:]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(find, network, bootstrap)
        with trio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                nursery.cancel_scope.cancel()


trio.run(main)
