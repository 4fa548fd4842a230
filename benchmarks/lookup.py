"""How long the first peer takes, and how many queries: kadisc against libtorrent in a swarm of
2,000 nodes that are neither.

Run ``python benchmarks/lookup.py [--targets N] [--json FILE]``: Linux only, no root; 20 targets
take five minutes. In the swarm (`swarm.py`) 30 % of the nodes are dead, 2 % of the queries are lost
and the median round-trip time is 100 ms. For each target a peer is placed at the 8 live nodes
closest to it, and both sides look for it in turns. *Cold*: a fresh process that knows one node; the
clock starts when its socket is open. *Warm*: one process that joined a minute before. The swarm
counts the queries, so that both sides are counted alike: those sent before the first peer was there
(in all when cold; for that target when warm), and those of the whole search. kadisc has every
default; libtorrent's limits are lifted.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import offline
from offline import Program, running, script

SIDES = {"kadisc": "kadisc_side.py", "libtorrent": "libtorrent_side.py"}
WITHIN_S = 15.0
AFTERWARDS_S = 1.5
"""So long a search may go on after its first peer."""

Runs = dict[tuple[str, str], list[dict[str, float]]]


@contextlib.contextmanager
def side(name: str, host: str, bootstrap: str) -> Iterator[Program]:
    with running(
        *script(SIDES[name]), "--listen", f"{host}:6881", "--router", bootstrap
    ) as program:
        program.read("listening")
        yield program


def search(
    program: Program, swarm: Program, host: str, target: str, *, cold: bool
) -> dict[str, float]:
    """Seconds, queries until then, queries of the whole search."""
    if not cold:
        swarm.ask(ask="queries", host=host)
    found = program.ask(ask="peer", target=target, within_s=WITHIN_S, cold=cold)
    until = swarm.ask(ask="queries", host=host)["queries"]
    time.sleep(AFTERWARDS_S)
    after = swarm.ask(ask="queries", host=host)["queries"]
    whole = until.get(target, 0) + after.get(target, 0)
    return {
        "first_peer_s": found["first_peer_s"],
        "until_first": until.get("all" if cold else target, 0),
        "whole_search": whole,
    }


def measure(swarm: Program, targets: list[str], settle_s: float) -> Runs:
    runs: Runs = {}
    with contextlib.ExitStack() as stack:
        warm = {}
        for index, name in enumerate(SIDES):
            host, (bootstrap,) = f"45.240.{index}.1", swarm.ask(ask="contacts", count=1)["contacts"]
            warm[name] = host, stack.enter_context(side(name, host, bootstrap))
        settled_at = time.monotonic() + settle_s
        for number, target in enumerate(targets):
            swarm.ask(ask="announce", target=target)
            (bootstrap,) = swarm.ask(ask="contacts", count=1)["contacts"]
            for index, name in enumerate(SIDES):
                host = f"45.{241 + index}.{number}.1"
                with side(name, host, bootstrap) as program:
                    runs.setdefault(("cold", name), []).append(
                        search(program, swarm, host, target, cold=True)
                    )
        time.sleep(max(0.0, settled_at - time.monotonic()))
        for target in reversed(targets):
            for name, (host, program) in warm.items():
                runs.setdefault(("warm", name), []).append(
                    search(program, swarm, host, target, cold=False)
                )
        sizes = ", ".join(
            f"{name} {program.ask(ask='contacts')['contacts']}"
            for name, (_, program) in warm.items()
        )
        print(f"contacts when settled: {sizes}", file=sys.stderr)
    return runs


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def rows(runs: Runs) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for temperature in ("cold", "warm"):
        row: dict[str, dict[str, float]] = {}
        for name in SIDES:
            each = runs[temperature, name]
            seconds = [one["first_peer_s"] for one in each]
            row[name] = {
                "p50_s": statistics.median(seconds),
                "p95_s": percentile(seconds, 0.95),
                "p99_s": percentile(seconds, 0.99),
            }
            row[name] |= {
                key: statistics.mean(one[key] for one in each)
                for key in ("until_first", "whole_search")
            }
        ours, theirs = row["kadisc"], row["libtorrent"]
        goals = {
            "median below libtorrent's": ours["p50_s"] < theirs["p50_s"],
            "p99 below twice its median": ours["p99_s"] < 2 * theirs["p50_s"],
            "no more queries until the first peer": ours["until_first"] <= theirs["until_first"],
            "no more queries in the whole search": ours["whole_search"] <= theirs["whole_search"],
        }
        found.append(
            {
                "temperature": temperature,
                "targets": len(runs[temperature, "kadisc"]),
                "sides": row,
                "goals": goals,
            }
        )
    return found


def show(found: list[dict[str, Any]]) -> None:
    print(
        f"{'first peer':24}{'p50 s':>8}{'p95 s':>8}{'p99 s':>8}"
        f"{'queries until then':>20}{'of the whole search':>21}"
    )
    for row in found:
        for name, side_row in row["sides"].items():
            times = "".join(f"{side_row[key]:8.3f}" for key in ("p50_s", "p95_s", "p99_s"))
            print(
                f"{row['temperature'] + ', ' + name:24}{times}"
                f"{side_row['until_first']:20.1f}{side_row['whole_search']:21.1f}"
            )
        ours, theirs = row["sides"]["kadisc"], row["sides"]["libtorrent"]
        ratios = "".join(f"{ours[key] / theirs[key]:8.2f}" for key in ("p50_s", "p95_s", "p99_s"))
        queries = [ours[key] / max(1e-9, theirs[key]) for key in ("until_first", "whole_search")]
        print(f"{'  kadisc / libtorrent':24}{ratios}{queries[0]:20.2f}{queries[1]:21.2f}")
        print(
            "  "
            + "; ".join(
                f"{goal}: {'reached' if reached else 'MISSED'}"
                for goal, reached in row["goals"].items()
            )
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--targets", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=2000)
    parser.add_argument(
        "--settle", type=float, default=60.0, help="seconds before the first warm search, at least"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    offline.enter(__file__, sys.argv[1:])
    machine = offline.machine()
    rng = random.Random(arguments.seed)
    targets = [f"{rng.getrandbits(160):040x}" for _ in range(arguments.targets)]
    conditions = [
        "--nodes",
        str(arguments.nodes),
        "--dead",
        "0.3",
        "--loss",
        "0.02",
        "--rtt",
        "0.1",
        "--seed",
        str(arguments.seed),
    ]
    with running(*script("swarm.py"), *conditions) as swarm:
        swarm.read("listening")
        found = rows(measure(swarm, targets, arguments.settle))
    offline.publish(machine, found, show, arguments.json)


if __name__ == "__main__":
    main()
