"""Where announces and puts are stored, how long they take and how many datagrams: in a devnet of 60
nodes and in a swarm of 800 nodes that are not kadisc.

Run ``python benchmarks/store.py [--number N] [--tree DIR] [--json FILE]``: Linux only, no root;
100 announces and 100 puts take four minutes. They are made as the commands ``announce`` and ``put``
make them. In the swarm (`swarm.py`) the median round-trip time is 100 ms; ``--dead`` and ``--loss``
add dead nodes and lost answers. *All 8*: the share that is stored at each of the 8 live nodes that
are closest to the target. ``--tree`` measures another checkout in the same run, as *before*.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import offline
from lookup import percentile
from offline import Program, running, script

K = 8
KINDS = ("announce", "put")
SETTLE_S = 20.0
"""How long the nodes in the swarm run before the first announce."""

Answer = dict[str, Any]
Found = dict[tuple[str, str, str], list[Answer]]


@contextlib.contextmanager
def sides(
    trees: dict[str, Path], *options: str, listen: Callable[[int], str]
) -> Iterator[dict[str, Program]]:
    """One process for each tree, all of which have joined."""
    with contextlib.ExitStack() as stack:
        programs = {}
        for number, (name, tree) in enumerate(trees.items()):
            environment = os.environ | {"PYTHONPATH": str(tree)}
            programs[name] = stack.enter_context(
                running(
                    *script("store_side.py"),
                    "--listen",
                    listen(number),
                    *options,
                    environment=environment,
                )
            )
        for program in programs.values():
            program.read("joined")
        yield programs


def in_turns(
    where: str,
    programs: dict[str, Program],
    number: int,
    rng: random.Random,
    judge: Callable[[str, Answer], Answer],
) -> Found:
    found: Found = {}
    for each in range(number):
        for kind in KINDS:
            target = f"{rng.getrandbits(160):040x}"
            for name, program in programs.items():
                answer = program.ask(ask=kind, number=each, target=target)
                found.setdefault((where, kind, name), []).append(judge(name, answer))
    return found


def rows(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "where": where,
            "kind": kind,
            "side": name,
            "number": len(answers),
            "all_8": sum(each["of_8"] == K for each in answers) / len(answers),
            "least": min(each["of_8"] for each in answers),
            "told": statistics.mean(each["told"] for each in answers),
            "p50_s": statistics.median(each["elapsed_s"] for each in answers),
            "p95_s": percentile([each["elapsed_s"] for each in answers], 0.95),
            "queries": statistics.mean(each["queries"] for each in answers),
        }
        for (where, kind, name), answers in found.items()
    ]


def show(found: list[dict[str, Any]]) -> None:
    print(f"{'':32}{'all 8':>8}{'least':>7}{'told':>7}{'p50 s':>9}{'p95 s':>9}{'datagrams':>11}")
    for row in found:
        name = f"{row['where']}, {row['kind']}, {row['side']}"
        print(
            f"{name:32}{row['all_8']:8.1%}{row['least']:7}{row['told']:7.2f}"
            f"{row['p50_s']:9.3f}{row['p95_s']:9.3f}{row['queries']:11.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--number", type=int, default=100, help="announces, and as many puts")
    parser.add_argument("--nodes", type=int, default=800, help="of the swarm; 0: without")
    parser.add_argument("--devnet", type=int, default=60, help="nodes; 0: without")
    parser.add_argument("--dead", type=float, default=0.0)
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--tree", type=Path, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    offline.enter(__file__, sys.argv[1:])
    machine = offline.machine()
    trees = {"now": Path(__file__).resolve().parent.parent}
    if arguments.tree:
        trees["before"] = arguments.tree.resolve()
    seed = str(arguments.seed)
    found: Found = {}
    if arguments.devnet:
        options = ("--devnet", str(arguments.devnet), "--seed", seed)
        with sides(trees, *options, listen=lambda number: "127.0.0.1:0") as programs:
            rng = random.Random(arguments.seed)
            found |= in_turns(
                "devnet", programs, arguments.number, rng, lambda name, answer: answer
            )
    if arguments.nodes:
        conditions = ["--nodes", str(arguments.nodes), "--rtt", "0.1", "--seed", seed]
        conditions += ["--dead", str(arguments.dead), "--loss", str(arguments.loss)]
        with running(*script("swarm.py"), *conditions) as swarm:
            swarm.read("listening")
            hosts = {name: f"45.{240 + number}.0.1" for number, name in enumerate(trees)}
            (router,) = swarm.ask(ask="contacts", count=1)["contacts"]

            def judged(name: str, answer: Answer) -> Answer:
                return {
                    **answer,
                    **swarm.ask(ask="stored", target=answer["target"], host=hosts[name]),
                }

            listen = [f"{host}:6881" for host in hosts.values()]
            with sides(trees, "--router", router, listen=listen.__getitem__) as programs:
                time.sleep(SETTLE_S)
                found |= in_turns(
                    "swarm", programs, arguments.number, random.Random(arguments.seed), judged
                )
    offline.publish(machine, rows(found), show, arguments.json)


if __name__ == "__main__":
    main()
