"""What two watchers cost the node that they watch: its share of a core with them and without, in
turns.

Run ``python benchmarks/watchers.py [SECONDS]``; it measures for 10 seconds each, four times each,
unless told otherwise. The node is a process of its own in the network of a devnet of 60 in another
process; the watchers (``kadisc watch``, the most expensive views) have terminals of 200x60 that are
read as fast as they are written to. Linux only: it reads /proc.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack

from idle import KADISC, devnet, environment
from terminals import cpu_s, on_terminal, read

SIZE = (200, 60)
VIEWS = ("contacts", "peers")
ROUNDS = 4
SETTLE_S = 30.0
"""After the start: the node has joined and found peers."""
ATTACH_WITHIN_S = 60.0
SHOWN_FROM_BYTES = 2000
"""What a watcher has written when it has shown its first frame."""
GOAL_PERCENT = 2.0


def attach(watchers: list[int]) -> None:
    """Waits until all of them show the node."""
    end = time.monotonic() + ATTACH_WITHIN_S
    for watcher in watchers:
        size = 0
        while size < SHOWN_FROM_BYTES:
            if time.monotonic() > end:
                raise SystemExit("the watchers show nothing")
            size += read([watcher], 0.5)


def percent(process: subprocess.Popen[bytes], terminals: list[int], seconds: float) -> float:
    spent, began = cpu_s(process.pid), time.monotonic()
    read(terminals, seconds)
    return 100 * (cpu_s(process.pid) - spent) / (time.monotonic() - began)


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    network = ("--network", "bench")
    with tempfile.TemporaryDirectory() as home, devnet(f"{home}/devnet", *network) as where:
        folder = f"{home}/node"
        words = [*KADISC, "--bootstrap", where, "--allow-private", "--no-dashboard"]
        words += [*network, "--service", "p2p=9333", "--state-dir", folder]
        without: list[float] = []
        watched: list[float] = []
        written = 0
        with on_terminal(words, environment(home), SIZE) as (node, terminal):
            read([terminal], SETTLE_S)
            for _ in range(ROUNDS):
                without.append(percent(node, [terminal], seconds))
                with ExitStack() as stack:
                    watchers = [
                        stack.enter_context(
                            on_terminal(watch(folder, view), environment(home), SIZE)
                        )[1]
                        for view in VIEWS
                    ]
                    attach(watchers)
                    watched.append(percent(node, [terminal, *watchers], seconds))
                    written += read(watchers, 1.0)
    added = statistics.median(watched) - statistics.median(without)
    met = added < GOAL_PERCENT
    print(f"percent of a core, median of {ROUNDS} times {seconds:g} s in turns")
    print(f"  without watchers   {statistics.median(without):6.2f}   {_listed(without)}")
    print(f"  with two of them   {statistics.median(watched):6.2f}   {_listed(watched)}")
    print(f"  {written / ROUNDS:.0f} bytes a second to the two terminals")
    print(
        f"goal: they add less than {GOAL_PERCENT:g} %: {'met' if met else 'MISSED'}, {added:.2f} %"
    )
    return 0 if met else 1


def watch(folder: str, view: str) -> list[str]:
    program = KADISC[: KADISC.index("run")]
    return [*program, "watch", "--state-dir", folder, "--view", view]


def _listed(values: list[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
