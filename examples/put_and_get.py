"""Stores a value on the DHT for two hours, and gets it by its target, as any other node can.

python examples/put_and_get.py 127.0.0.1:6881 "Hello World!"
"""

import sys

import trio

import kadisc


async def main(bootstrap: str, text: str) -> None:
    config = kadisc.Config(allow_private=True)  # for loopback only: see print_peers.py
    async with kadisc.open_node(config, bootstrap=[bootstrap]) as node:
        await node.joined()
        stored = await node.put(text)
        target = stored.item.target
        print(f"{target:040x} is stored at {len(stored.stored)} nodes")

        item = await node.get(target)
        print(item.content.decode() if item is not None else "no node has it")


trio.run(main, *sys.argv[1:])
