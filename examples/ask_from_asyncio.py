"""Asks the running node for peers, from a program on asyncio: the control socket speaks JSON-RPC,
one message a line (docs/reference/control-socket.md). The folder is that of kadisc run --state-dir,
or the one that kadisc --devnet prints.

python examples/ask_from_asyncio.py my-node mychain
"""

import asyncio
import json
import sys
from pathlib import Path


async def main(folder: str, network: str) -> None:
    reader, writer = await asyncio.open_unix_connection(
        str(Path(folder) / "control.sock"), limit=1 << 20
    )
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "network_peers",
        "params": {"network": network, "count": 8, "partial": True},
    }
    writer.write(json.dumps(request).encode() + b"\n")
    async for line in reader:
        message = json.loads(line)
        if message.get("id") == 1:
            print("all found" if "result" in message else message["error"]["message"])
            break
        if (peer := message["params"]["value"].get("peer")) is not None:
            print(peer["endpoint"], peer["addresses"], flush=True)
    writer.close()


asyncio.run(main(*sys.argv[1:]))
