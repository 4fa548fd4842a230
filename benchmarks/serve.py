"""How fast a node answers: ping, find_node and get_peers, replies a second on one core; against libtorrent and against bare echoes.

Run ``python benchmarks/serve.py [--rounds N] [--seconds S] [--json FILE]``: Linux only, no root; 5 rounds of 2 seconds take two minutes. All run in
a namespace of its own (`offline.py`), every server on one core and the load generator on the other, each with a full table from the same
swarm of 2,000 nodes. In each round every server has its turn with each method; the ratio is that of the medians. kadisc runs as a user would
run it, with ``--unlimited``: limits are lifted on both sides and the accounting runs on ours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import offline
from offline import Program, running, script

METHODS = ("ping", "find_node", "get_peers")
SERVER_CORE, LOAD_CORE = 0, 1
WINDOW = 128
SAVED_NODES = 200
GOALS = {"kadisc": 1.0, "kadisc, bencode.py alone": 0.25}
"""Of libtorrent's, for find_node and get_peers."""

_WITHOUT_SPEED = "import runpy, sys; sys.modules['bencode2'] = None; sys.argv[0] = 'kadisc'; runpy.run_module('kadisc', run_name='__main__')"

Servers = dict[str, tuple[str, int]]
Rates = dict[tuple[str, str], list[float]]


def start_kadisc(stack: contextlib.ExitStack, host: str, bootstrap: list[str], *, speed: bool) -> Program:
    home = stack.enter_context(tempfile.TemporaryDirectory(prefix="kadisc-benchmark-"))
    module = ["-m", "kadisc"] if speed else ["-c", _WITHOUT_SPEED]
    saved = [part for each in bootstrap for part in ("--bootstrap", each)]
    environment = os.environ | {"XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": home}
    command = [sys.executable, *module, "run", "--bind", f"{host}:6881", "--unlimited", "--json", "--state-dir", home, *saved]
    return stack.enter_context(running(*command, core=SERVER_CORE, environment=environment))


def start_servers(stack: contextlib.ExitStack, swarm: Program, settle_s: float) -> Servers:
    nodes = swarm.ask(ask="contacts", count=SAVED_NODES)["contacts"]
    servers: Servers = {}
    for index, kind in enumerate(("batch", "trio")):
        stack.enter_context(running(*script("echo.py"), kind, f"45.250.{index}.1:6881", core=SERVER_CORE)).read("listening")
        servers[f"{kind} echo"] = (f"45.250.{index}.1", 6881)
    saved = [part for each in nodes for part in ("--saved", each)]
    command = [*script("libtorrent_side.py"), "--listen", "45.251.0.1:6881", *saved]
    libtorrent = stack.enter_context(running(*command, core=SERVER_CORE))
    libtorrent.read("listening")
    servers["libtorrent"] = ("45.251.0.1", 6881)
    for index, name in enumerate(GOALS):
        host = f"45.252.{index}.1"
        start_kadisc(stack, host, nodes[:8], speed=index == 0).read("joined")
        servers[name] = (host, 6881)
    time.sleep(settle_s)
    print(f"libtorrent's table: {libtorrent.ask(ask='contacts')['contacts']} contacts", file=sys.stderr)
    return servers


def measure(load: Program, servers: Servers, rounds: int, seconds: float) -> tuple[Rates, dict[tuple[str, str], dict[str, Any]]]:
    rates: Rates = {}
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for _ in range(rounds):
        for method in METHODS:
            for name, (host, port) in servers.items():
                asked = "echo" if name.endswith("echo") else method
                if asked == "echo" and method != "find_node":  # a query of a find_node's length will do
                    continue
                seen = load.ask(ask=asked, host=host, port=port, seconds=seconds, window=WINDOW)
                rates.setdefault((name, method), []).append(seen["replies"] / seen["seconds"])
                last[name, method] = seen
    return rates, last


def rows(rates: Rates, last: dict[tuple[str, str], dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for method in METHODS:
        base = statistics.median(rates["libtorrent", method])
        for (name, of_method), each in rates.items():
            if of_method != method:
                continue
            rate = statistics.median(each)
            goal = GOALS.get(name) if method != "ping" else None
            verdict = "" if goal is None else f"goal {goal:.2f}: " + ("reached" if rate / base >= goal else "MISSED")
            seen = last[name, method]
            found.append(
                {"method": method, "server": name, "rate": rate, "low": min(each), "high": max(each), "ratio": rate / base, "verdict": verdict}
                | {"reply_bytes": seen["bytes"], "lost": seen["lost"]}
            )
    return found


def show(found: list[dict[str, Any]]) -> None:
    print(f"{'':11}{'':26}{'replies/s':>10}{'lowest':>10}{'highest':>10}{'x libtorrent':>14}{'bytes':>7}{'lost':>6}")
    for row in found:
        figures = f"{row['rate']:10,.0f}{row['low']:10,.0f}{row['high']:10,.0f}{row['ratio']:14.2f}{row['reply_bytes']:7.0f}{row['lost']:6}"
        print(f"{row['method']:11}{row['server']:26}{figures}  {row['verdict']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--settle", type=float, default=20.0, help="seconds in which the tables fill")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    offline.enter(__file__, sys.argv[1:])
    machine = offline.machine()
    with contextlib.ExitStack() as stack:
        swarm = stack.enter_context(running(*script("swarm.py"), core=LOAD_CORE))
        swarm.read("listening")
        servers = start_servers(stack, swarm, arguments.settle)
        load = stack.enter_context(running(*script("load.py"), core=LOAD_CORE))
        load.read("ready")
        found = rows(*measure(load, servers, arguments.rounds, arguments.seconds))
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    show(found)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
