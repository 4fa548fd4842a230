"""The library example of the README, run as it is, but with a devnet as its bootstrap host."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import trio

from kadisc.endpoints import Family, format_endpoint
from kadisc.net.devnet import open_devnet

README = Path(__file__).parents[2] / "README.md"
PUBLIC_HOST = "dht.libtorrent.org:25401"


async def test_the_example_finds_nodes() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert PUBLIC_HOST in example
    with trio.fail_after(60):
        async with open_devnet(12) as nodes:
            for node in nodes:
                await node.joined()
            here = format_endpoint(nodes[0].local_endpoints[Family.IPV4])
            program = [sys.executable, "-W", "error", "-c", example.replace(PUBLIC_HOST, here)]
            done = await trio.run_process(
                program, capture_stdout=True, capture_stderr=True, stdin=subprocess.DEVNULL
            )
    assert done.stderr == b""
    found = [line.split() for line in done.stdout.decode().splitlines()]
    assert len(found) == 8
    assert all(
        host.startswith("127.") and 0 < int(port) < 65536 and float(rtt_s) < 30
        for host, port, rtt_s in found
    )
