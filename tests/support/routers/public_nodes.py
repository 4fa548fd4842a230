"""Many public kadisc nodes in one process, each in a /16 (IPv6: /32) of its own: `python -m
tests.support.routers.public_nodes COUNT CONFIG [--ipv6]`.

It prints {"event": "ready"} when all have joined, and then answers one JSON line with another:

    {"ask": "peer", "key": 64 HEX DIGITS}     {"endpoints": {where it proved its key: by how many of
                                              the nodes that was seen}, "records": [in hex]}
    {"ask": "ping", "from": 0, "host": ..., "port": ...}    {"rtt_ms": 1.2}, or {"rtt_ms": null}
    {"ask": "counters"}                                     {"counters": {name: sum over all nodes}}
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import trio

from kadisc.config import Config
from kadisc.endpoints import format_endpoint
from kadisc.errors import KadiscError
from kadisc.net.api.node import Node
from kadisc.net.api.open import close_ports, make_node, open_port, running
from kadisc.net.config_file import load_config
from kadisc.net.transport.clock import SystemClock

PORT = 6881
JOIN_S = 120.0
SEEDS = 3
"""How many earlier nodes each joins by."""


def public_host(number: int) -> str:
    """Up to 64 nodes: a /16 for each."""
    return f"45.{64 + number}.{number + 1}.{1 + number * 37 % 250}"


def public_host_6(number: int) -> str:
    return f"2a40:{number + 1:x}::{number + 1:x}"


def endpoints(number: int, *, ipv6: bool) -> list[str]:
    return [f"{public_host(number)}:{PORT}"] + [f"[{public_host_6(number)}]:{PORT}"] * ipv6


async def main(count: int, config: Config, *, ipv6: bool) -> None:
    nodes: list[Node] = []
    ports = []
    rng = Random(1)
    # They help others to test, and hardly ask for it themselves.
    seldom = replace(config.core.reach, retry_s=600.0, max_retry_s=600.0, refresh_s=600.0)
    config = replace(
        config,
        service={"p2p": 9333},
        port_mapping="off",
        watch_interval_s=0,
        lan="off",
        core=replace(config.core, reach=seldom),
    )
    for number in range(count):
        own = [open_port(endpoint, config) for endpoint in endpoints(number, ipv6=ipv6)]
        ports += own
        seeds = rng.sample(range(number), min(SEEDS, number)) if number else [1, 2]
        earlier = [where for seed in seeds for where in endpoints(seed, ipv6=ipv6)]
        nodes.append(make_node(config, own, earlier, SystemClock(), Random(rng.getrandbits(64))))
    async with running(nodes):
        with trio.move_on_after(JOIN_S):
            for node in nodes:
                await node.joined()
        say({"event": "ready", "joined": sum(has_joined(node) for node in nodes)})
        async for line in lines():
            say(await answer(nodes, json.loads(line)))
        close_ports(ports)


def has_joined(node: Node) -> bool:
    return all(dht.joined for dht in node.snapshot().dhts)


async def lines() -> Any:
    """Of standard input, until it ends."""
    while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        yield line


async def answer(nodes: Sequence[Node], asked: Mapping[str, Any]) -> dict[str, Any]:
    if asked["ask"] == "peer":
        return peer(nodes, bytes.fromhex(asked["key"]))
    if asked["ask"] == "ping":
        try:
            rtt_s = await nodes[asked["from"]].ping(f"{asked['host']}:{asked['port']}")
        except KadiscError:
            return {"rtt_ms": None}
        return {"rtt_ms": round(1e3 * rtt_s, 1)}
    counters: Counter[str] = Counter()
    for node in nodes:
        counters.update(node.counters())
    return {"counters": dict(counters)}


def peer(nodes: Sequence[Node], key: bytes) -> dict[str, Any]:
    found: Counter[str] = Counter()
    records: dict[str, int] = {}
    for node in nodes:
        for each in node.own_network.match(key).peers:
            found[format_endpoint(each.endpoint)] += 1
            if each.record is not None:
                records[each.record.hex()] = each.sequence
    return {
        "endpoints": dict(found),
        "records": sorted(records, key=records.__getitem__, reverse=True),
    }


def say(document: Mapping[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    trio.run(
        lambda: main(int(sys.argv[1]), load_config(Path(sys.argv[2])), ipv6="--ipv6" in sys.argv)
    )
