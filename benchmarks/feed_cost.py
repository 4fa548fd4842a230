"""What ``kadisc feed`` costs the DHT: queries with it and without.

Run ``python benchmarks/feed_cost.py [--pairs 3] [--minutes 10]``: Linux only, no root; it takes two
minutes more than it measures. In a network namespace stand two networks of 20 nodes for each pair,
every node in a /16 of its own. Of each network 19 nodes are in one process, and one is ``kadisc
run``; in one network of a pair a ``kadisc feed`` is beside it, which takes every peer and reports
each as good, so that it asks for peers all the time. All pairs run side by side: they are idle
nearly always, and have the same minutes.

The queries that nodes send from minute 2 on are counted by the nodes themselves
(``queries_sent.*``): those of the node with the feed, and of all 20. Printed is with / without for
each pair, and the median; the goal is 1.10 of all 20.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import offline

NODES = 20
WARM_UP_S = 120.0
GOAL = 1.10
SERVICE = "p2p=9333"
NETWORK = "feed-cost"


def host(swarm: int, node: int) -> str:
    return f"45.{NODES * swarm + node}.0.1"


def queries(counters: Mapping[str, int]) -> dict[str, int]:
    """By method."""
    return {
        name.removeprefix("queries_sent."): value
        for name, value in counters.items()
        if name.startswith("queries_sent.")
    }


class Swarm:
    """One network. ``members``: the 19 nodes in one process; ``folder``: of the state of the node
    that stands alone.
    """

    def __init__(
        self, number: int, folder: Path, exits: contextlib.ExitStack, *, fed: bool
    ) -> None:
        folder.mkdir()
        self._folder = folder
        words = [str(number), *(host(number, node) for node in range(1, NODES))]
        self._members = exits.enter_context(
            offline.running(sys.executable, __file__, "--members", *words, stdin=subprocess.PIPE)
        )
        self._members.read("listening")
        state = f"--state-dir={folder}"
        alone = exits.enter_context(
            offline.running(
                *(sys.executable, "-P", "-m", "kadisc", "run", "--json", "--no-dashboard", state),
                *(f"--bind={host(number, 0)}:7001", f"--network={NETWORK}", f"--service={SERVICE}"),
                f"--bootstrap={host(number, 1)}:7001",
            )
        )
        alone.read("listening")
        if fed:
            log = exits.enter_context((folder / "feed.log").open("w"))
            exits.enter_context(
                _ended_at_last(
                    subprocess.Popen(
                        [
                            *(sys.executable, "-P", "-m", "kadisc", "feed", "exec", "--json"),
                            *("--want=1000", "--check=none", state, "--", "true"),
                        ],
                        stdout=log,
                        stderr=log,
                    )
                )
            )

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Queries so far, by method: of the node that stands alone, and of all."""
        words = [sys.executable, "-P", "-m", "kadisc", "status", "--json"]
        told = subprocess.run(
            [*words, f"--state-dir={self._folder}"], capture_output=True, text=True, check=True
        )
        alone = queries(json.loads(told.stdout)["counters"])
        total = dict(alone)
        for name, value in self._members.ask(what="queries").items():
            total[name] = total.get(name, 0) + value
        return alone, total

    def accepted(self) -> int:
        """Peers that the feed gave away."""
        lines = (self._folder / "feed.log").read_text().splitlines()
        return sum('"event": "accepted"' in line or '"event":"accepted"' in line for line in lines)


@contextlib.contextmanager
def _ended_at_last(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def difference(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: value - before.get(name, 0) for name, value in after.items()}


def measure(pairs: int, minutes: float) -> list[dict[str, Any]]:
    with contextlib.ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="kadisc-feed-cost-")))
        swarms = [
            Swarm(number, folder / str(number), exits, fed=number % 2 == 0)
            for number in range(2 * pairs)
        ]
        time.sleep(WARM_UP_S)
        before = [swarm.counts() for swarm in swarms]
        time.sleep(60.0 * minutes)
        after = [swarm.counts() for swarm in swarms]
        found = [
            tuple(difference(*each) for each in zip(now, then, strict=True))
            for now, then in zip(after, before, strict=True)
        ]
        return [
            {
                "pair": pair + 1,
                "given": swarms[2 * pair].accepted(),
                "with": {"alone": found[2 * pair][0], "all": found[2 * pair][1]},
                "without": {"alone": found[2 * pair + 1][0], "all": found[2 * pair + 1][1]},
                "ratio": {
                    of: sum(found[2 * pair][at].values()) / sum(found[2 * pair + 1][at].values())
                    for at, of in enumerate(("alone", "all"))
                },
            }
            for pair in range(pairs)
        ]


def show(rows: list[dict[str, Any]]) -> None:
    print("pair  given  node with/without      ratio  all 20 with/without    ratio")
    for row in rows:
        words = [f"{row['pair']:4} {row['given']:6}"]
        for of in ("alone", "all"):
            counts = (sum(row[side][of].values()) for side in ("with", "without"))
            words.append(f"{'/'.join(map(str, counts)):>19} {row['ratio'][of]:10.3f}")
        print("  ".join(words))
    medians = {of: statistics.median(row["ratio"][of] for row in rows) for of in ("alone", "all")}
    met = "met" if medians["all"] <= GOAL else "MISSED"
    print(f"median: the node {medians['alone']:.3f}, all 20 {medians['all']:.3f}; ", end="")
    print(f"goal {GOAL:.2f}: {met}")


async def members(number: int, hosts: list[str]) -> None:
    """The nodes in one process; a line on the input is answered with the sum of their queries."""
    import trio

    from kadisc import Config, open_node

    async with contextlib.AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(
                open_node(
                    Config(bind=(f"{each}:7001",), network=NETWORK, service=(SERVICE,)),
                    bootstrap=[f"{host(number, 1)}:7001"] if each != host(number, 1) else [],
                )
            )
            for each in hosts
        ]
        print(json.dumps({"event": "listening"}), flush=True)
        while await trio.to_thread.run_sync(sys.stdin.readline):
            total: dict[str, int] = {}
            for node in nodes:
                for name, value in queries(node.counters()).items():
                    total[name] = total.get(name, 0) + value
            print(json.dumps(total), flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--members"]:
        import trio

        trio.run(members, int(sys.argv[2]), sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=3, help="(3)")
    parser.add_argument("--minutes", type=float, default=10.0, help="that are measured (10)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    if not 0 < given.pairs <= 6:
        parser.error("--pairs is 1 to 6")
    offline.enter(__file__, sys.argv[1:])
    machine = offline.machine()
    offline.publish(machine, measure(given.pairs, given.minutes), show, given.json)


if __name__ == "__main__":
    main()
