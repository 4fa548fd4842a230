"""What a node costs that has nothing to do: resident memory, and its share of a core, with the
dashboard off and on.

Run ``python benchmarks/idle.py [SECONDS]``; it measures for 30 seconds each unless told otherwise,
and takes half a minute more. The node is a process of its own, joined to a devnet of 60 in another
process; with the dashboard it runs on a terminal of 120x40 that is read as fast as it is written
to. Linux only: it reads /proc.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from terminals import cpu_s, on_terminal

NEIGHBOURS = 60
SETTLE_S = 10.0
"""After joining: buckets are filled, votes on the address counted."""
JOIN_WITHIN_S = 60.0
SIZE = (120, 40)
GOAL_RSS_MB, GOAL_CPU_OFF, GOAL_CPU_ON = 48.0, 1.0, 5.0

KADISC = [sys.executable, "-P", "-m", "kadisc", "run", "--bind", "127.0.0.1:0"]


def environment(home: str) -> dict[str, str]:
    """A user who has neither state nor configuration yet, at a terminal that can do everything."""
    return os.environ | {
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "XDG_STATE_HOME": home,
        "XDG_CONFIG_HOME": home,
    }


@contextlib.contextmanager
def devnet(home: str, *words: str) -> Iterator[str]:
    """Yields where one of its nodes listens."""
    process = subprocess.Popen(
        [*KADISC, "--devnet", str(NEIGHBOURS), "--json", *words],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(home),
    )
    try:
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())["nodes"][0]["endpoints"][0]
        while json.loads(process.stdout.readline())["event"] != "joined":
            pass
        yield where
    finally:
        process.terminate()
        process.wait()


class Measured:
    """One node on a terminal, with the dashboard or with log lines."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self.written = 0
        self._seen = b""

    def read(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            if select.select([self._terminal], [], [], left)[0]:
                chunk = os.read(self._terminal, 65536)
                self.written += len(chunk)
                self._seen = (self._seen + chunk)[-65536:]

    def has_joined(self) -> bool:
        return b"joined" in self._seen

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return (
            next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
            * 1024
            / 1e6
        )


@contextlib.contextmanager
def settled_node(where: str, home: str, *, dashboard: bool) -> Iterator[Measured]:
    """A node that has joined and come to rest."""
    words = [*KADISC, "--bootstrap", where, "--allow-private"]
    words += [] if dashboard else ["--no-dashboard"]
    with on_terminal(words, environment(home), SIZE) as (process, terminal):
        node = Measured(process, terminal)
        end = time.monotonic() + JOIN_WITHIN_S
        while not node.has_joined():
            if time.monotonic() > end:
                raise SystemExit("the node did not join")
            node.read(time.monotonic() + 0.2)
        node.read(time.monotonic() + SETTLE_S)
        yield node


def measure(
    where: str, home: str, seconds: float, *, dashboard: bool
) -> tuple[float, float, float]:
    """Megabytes, percent of a core, and bytes a second to the terminal."""
    with settled_node(where, home, dashboard=dashboard) as node:
        pid, written = node.process.pid, node.written
        started, spent = time.monotonic(), cpu_s(pid)
        node.read(started + seconds)
        passed = time.monotonic() - started
        return (
            node.rss_mb(),
            100 * (cpu_s(pid) - spent) / passed,
            (node.written - written) / passed,
        )


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    all_met = True
    print(f"an idle node with {NEIGHBOURS} neighbours in another process, over {seconds:g} s")
    print(
        f"{'dashboard':>9} {'RSS MB':>8} {'goal':>6} {'':6} {'% of a core':>12} "
        f"{'goal':>6} {'':6} {'B/s to the terminal':>20}"
    )
    with tempfile.TemporaryDirectory() as home, devnet(f"{home}/devnet") as where:
        for dashboard, goal_cpu, goal_mb in (
            (False, GOAL_CPU_OFF, GOAL_RSS_MB),
            (True, GOAL_CPU_ON, None),
        ):
            rss_mb, cpu, rate = measure(where, f"{home}/{dashboard}", seconds, dashboard=dashboard)
            memory_met, cpu_met = goal_mb is None or rss_mb <= goal_mb, cpu <= goal_cpu
            all_met = all_met and memory_met and cpu_met
            verdict = "" if goal_mb is None else _verdict(memory_met)
            print(
                f"{'on' if dashboard else 'off':>9} {rss_mb:8.1f} {goal_mb or '-':>6} {verdict:6} "
                f"{cpu:12.2f} {goal_cpu:6} {_verdict(cpu_met):6} {rate:20.0f}"
            )
    return 0 if all_met else 1


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
