"""Nodes of a network, one at each host, in one process, so that many cost as little as one:
python -m tests.chains.members NETWORK BOOTSTRAP SERVICE HOST... runs until it is ended.
"""

import json
import sys
from contextlib import AsyncExitStack

import trio

from kadisc import open_node


async def run(network: str, bootstrap: str, service: str, hosts: list[str]) -> None:
    async with AsyncExitStack() as stack:
        for host in hosts:
            await stack.enter_async_context(
                open_node(
                    bind=(f"{host}:7001",),
                    bootstrap=(bootstrap,),
                    network=network,
                    services=(service,),
                )
            )
        print(json.dumps({"event": "listening"}), flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(run, *sys.argv[1:4], sys.argv[4:])
