"""Follows the peers of the running node from a program on asyncio, over its control socket: one
line for each that is found, and for each that is lost. The folder is that of kadisc run
--state-dir, or the one that kadisc --devnet prints.

python examples/follow_peers.py my-node p2p
"""

import asyncio
import json
import sys
from pathlib import Path


async def main(folder: str, service: str) -> None:
    reader, writer = await asyncio.open_unix_connection(
        str(Path(folder) / "control.sock"), limit=1 << 20
    )
    request = {"jsonrpc": "2.0", "id": 1, "method": "follow_peers", "params": {"service": service}}
    writer.write(json.dumps(request).encode() + b"\n")
    async for line in reader:
        message = json.loads(line)
        if "error" in message:
            sys.exit(message["error"]["message"])
        news = message["params"]["value"]
        if "peer" in news:
            print("found", news["peer"]["addresses"].get(service), flush=True)
        else:
            print("lost", news["lost"]["endpoint"], news["lost"]["reason"], flush=True)


asyncio.run(main(*sys.argv[1:]))
