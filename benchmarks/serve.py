"""How fast a node answers: ping, find_node and get_peers, replies a second on one core; against
libtorrent and against bare echoes.

Run ``python benchmarks/serve.py [--rounds N] [--seconds S] [--json FILE]``: Linux only, no root; 5
rounds of 2 seconds take two minutes. All run in a namespace of its own (`offline.py`), every server
on one core and the load generator on the other, each with a full table from the same swarm of 2,000
nodes. In each round every server has its turn with each method, and the medians are given. kadisc
runs as a user would run it, with ``--unlimited``: limits are lifted on both sides and the
accounting runs on ours.

Two ratios. Replies a second, as they came: on a machine with both cores to ourselves. And replies
for each second that the server had of its core, its system calls included: what it would answer if
it had that core to itself and never waited. Where others are at work beside, the scheduler decides
on the first, so that the goal is put to the second.
"""

from __future__ import annotations

import argparse
import contextlib
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

_WITHOUT_SPEED = (
    "import runpy, sys; sys.modules['bencode2'] = None; sys.argv[0] = 'kadisc'; "
    "runpy.run_module('kadisc', run_name='__main__')"
)

Servers = dict[str, tuple[str, Program]]
"""By name: its address, and the process."""
Turn = dict[str, float]
Turns = dict[tuple[str, str], list[Turn]]
PORT = 6881


def start_kadisc(
    stack: contextlib.ExitStack, host: str, bootstrap: list[str], *, speed: bool
) -> Program:
    home = stack.enter_context(tempfile.TemporaryDirectory(prefix="kadisc-benchmark-"))
    module = ["-P", "-m", "kadisc"] if speed else ["-P", "-c", _WITHOUT_SPEED]
    saved = [part for each in bootstrap for part in ("--bootstrap", each)]
    environment = os.environ | {
        "XDG_CONFIG_HOME": home,
        "XDG_STATE_HOME": home,
        "XDG_RUNTIME_DIR": home,
    }
    command = [
        sys.executable,
        *module,
        "run",
        "--bind",
        f"{host}:6881",
        "--unlimited",
        "--json",
        "--state-dir",
        home,
        *saved,
    ]
    return stack.enter_context(running(*command, core=SERVER_CORE, environment=environment))


def start_servers(stack: contextlib.ExitStack, swarm: Program, settle_s: float) -> Servers:
    nodes = swarm.ask(ask="contacts", count=SAVED_NODES)["contacts"]
    servers: Servers = {}
    for index, kind in enumerate(("batch", "trio")):
        host = f"45.250.{index}.1"
        servers[f"{kind} echo"] = (
            host,
            stack.enter_context(
                running(*script("echo.py"), kind, f"{host}:{PORT}", core=SERVER_CORE)
            ),
        )
    saved = [part for each in nodes for part in ("--saved", each)]
    command = [*script("libtorrent_side.py"), "--listen", f"45.251.0.1:{PORT}", *saved]
    servers["libtorrent"] = "45.251.0.1", stack.enter_context(running(*command, core=SERVER_CORE))
    for index, name in enumerate(GOALS):
        host = f"45.252.{index}.1"
        servers[name] = host, start_kadisc(stack, host, nodes[:8], speed=index == 0)
    for name, (_, program) in servers.items():
        program.read("joined" if name in GOALS else "listening")
    time.sleep(settle_s)
    print(
        f"libtorrent's table: {servers['libtorrent'][1].ask(ask='contacts')['contacts']} contacts",
        file=sys.stderr,
    )
    return servers


def cpu_s(program: Program) -> float:
    """User and system time of all threads of a process."""
    fields = Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(load: Program, servers: Servers, rounds: int, seconds: float) -> Turns:
    turns: Turns = {}
    for _ in range(rounds):
        for method in METHODS:
            for name, (host, program) in servers.items():
                asked = "echo" if name.endswith("echo") else method
                if (
                    asked == "echo" and method != "find_node"
                ):  # a query of a find_node's length will do
                    continue
                before_s = cpu_s(program)
                turn: Turn = load.ask(
                    ask=asked, host=host, port=PORT, seconds=seconds, window=WINDOW
                )
                replies = max(1.0, turn["replies"])
                turn |= {
                    "rate": turn["replies"] / turn["seconds"],
                    "cpu_us": (cpu_s(program) - before_s) / replies * 1e6,
                }
                turns.setdefault((name, method), []).append(turn)
    return turns


def rows(turns: Turns) -> list[dict[str, Any]]:
    found = []
    for method in METHODS:
        base, base_us = (
            statistics.median(turn[what] for turn in turns["libtorrent", method])
            for what in ("rate", "cpu_us")
        )
        for (name, of_method), each in turns.items():
            if of_method != method:
                continue
            rates = [turn["rate"] for turn in each]
            row: dict[str, Any] = {
                "method": method,
                "server": name,
                "rate": statistics.median(rates),
                "low": min(rates),
                "high": max(rates),
            }
            row |= {
                name: statistics.median(turn[name] for turn in each) for name in ("cpu_us", "bytes")
            }
            row |= {
                "ratio": row["rate"] / base,
                "core_ratio": base_us / max(row["cpu_us"], 1e-9),
                "lost": sum(turn["lost"] for turn in each),
            }
            goal = GOALS.get(name) if method != "ping" else None
            row["verdict"] = (
                ""
                if goal is None
                else f"goal {goal:.2f}: " + ("reached" if row["core_ratio"] >= goal else "MISSED")
            )
            found.append(row)
    return found


def show(found: list[dict[str, Any]]) -> None:
    heads = (
        f"{'replies/s':>10}{'lowest':>9}{'highest':>9}{'x libtorrent':>14}"
        f"{'core us each':>14}{'x libtorrent':>14}{'bytes':>7}{'lost':>6}"
    )
    print(" " * 37 + heads)
    for row in found:
        came = f"{row['rate']:10,.0f}{row['low']:9,.0f}{row['high']:9,.0f}{row['ratio']:14.2f}"
        of_core = (
            f"{row['cpu_us']:14.1f}{row['core_ratio']:14.2f}{row['bytes']:7.0f}{row['lost']:6.0f}"
        )
        print(f"{row['method']:11}{row['server']:26}{came}{of_core}  {row['verdict']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument(
        "--settle", type=float, default=20.0, help="seconds in which the tables fill"
    )
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
        found = rows(measure(load, servers, arguments.rounds, arguments.seconds))
    offline.publish(machine, found, show, arguments.json)


if __name__ == "__main__":
    main()
