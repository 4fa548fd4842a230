"""Prints peers of a network as they are found, with the addresses of their services.

python examples/print_peers.py mychain 127.0.0.1:6881
"""

import sys

import trio

import kadisc


async def main(network: str, bootstrap: str) -> None:
    config = kadisc.Config(
        network=network,
        allow_private=True,  # for loopback and private addresses; leave it out on the internet
    )
    async with kadisc.open_node(config, bootstrap=[bootstrap]) as node:
        async for peer in node.peers(count=8):
            print(peer.host, peer.port, peer.reachable, dict(peer.services))


trio.run(main, *sys.argv[1:])
