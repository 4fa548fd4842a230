"""Nodes of a network, one at each host, in one process, so that many cost as little as one:
python -m tests.chains.members NETWORK BOOTSTRAP SERVICE HOST... runs until it is ended.
"""

import json
import sys
from contextlib import AsyncExitStack

import trio

from kadisc import Config, open_node


async def run(network: str, bootstrap: str, service: str, hosts: list[str]) -> None:
    async with AsyncExitStack() as stack:
        for host in hosts:
            await stack.enter_async_context(
                open_node(
                    Config(bind=(f"{host}:7001",), network=network, service=(service,)),
                    bootstrap=[bootstrap],
                )
            )
        print(json.dumps({"event": "listening"}), flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(run, *sys.argv[1:4], sys.argv[4:])
