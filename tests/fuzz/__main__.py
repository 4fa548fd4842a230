"""``scripts/fuzz`` and ``python -m tests.fuzz``: all fuzzers on all cores, with one progress line
and a summary.

Exit codes: 0, nothing was found; 1, something was.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SEEDS_APART: Final = 1_000_000
"""Each process of the stateful fuzzer has so many seeds of its own."""
REFRESH_S: Final = 1.0
GRACE_S: Final = 300.0
"""How much longer than it should a process may take: failures are made smaller at the end."""


@dataclass
class Worker:
    """A process of one fuzzer, and what it has said last."""

    name: str
    process: subprocess.Popen[str]
    last: str = ""
    tally: dict[str, object] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Runs in a thread until the process closes its output."""
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._said(line.rstrip())

    def _said(self, text: str) -> None:
        if self.name.startswith("core") and text.startswith("{"):
            self.tally = json.loads(text)
        elif text:
            self.last = text.split("\r")[-1]
            self.log = [*self.log[-400:], self.last]
            if self.name.startswith("core") or text.startswith(("FAILED", "  ")):
                print(f"\r\x1b[K{self.name}: {text}" if sys.stdout.isatty() else text)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description="Looks for faults with random input: 'core' plays the network, the clock and "
        "the application to a live core in virtual time; 'codec' gives bytes to every reader of "
        "foreign bytes and texts. What fails is made smaller and saved in fuzz-found/, with the "
        "command that plays it again. Ctrl-C ends with the summary.",
    )
    result.add_argument("minutes", nargs="?", type=float, default=3.0, metavar="MINUTES")
    result.add_argument("--seed", type=int, help="of all random choices (default: the time)")
    result.add_argument("--only", choices=("core", "codec"), help="one of the fuzzers alone")
    result.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="default: one for each core"
    )
    result.add_argument("--folder", type=Path, default=Path("fuzz-found"))
    return result


def started(options: argparse.Namespace, seed: int) -> list[Worker]:
    """The codec has one process of several; the core has the others, at least one."""
    minutes, folder = str(options.minutes), str(options.folder)
    commands: dict[str, list[str]] = {}
    if options.only != "core":
        words = ["--minutes", minutes, "--seed", str(seed), "--failures", folder]
        commands["codec"] = ["tests.fuzz.codec", *words]
    if options.only != "codec":
        for number in range(max(1, options.processes - len(commands))):
            first = str(seed * 1000 + SEEDS_APART * number)
            words = ["--minutes", minutes, "--from-seed", first, "--folder", folder, "--json"]
            commands[f"core {number + 1}"] = ["tests.fuzz.core", *words]
    workers = []
    for name, words in commands.items():
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        workers.append(Worker(name, process))
    return workers


def total(workers: Sequence[Worker]) -> tuple[int, int, int, Counter[str]]:
    """Cases, moves, events and failures by kind, of all processes that fuzz the core."""
    cases = moves = events = 0
    kinds: Counter[str] = Counter()
    for worker in workers:
        cases += int(str(worker.tally.get("cases", 0)))
        moves += int(str(worker.tally.get("moves", 0)))
        events += int(str(worker.tally.get("events", 0)))
        found = worker.tally.get("kinds")
        if isinstance(found, dict):
            kinds.update(found)
    return cases, moves, events, kinds


def progress(workers: Sequence[Worker], began: float) -> str:
    elapsed = time.monotonic() - began
    cases, moves, _, kinds = total(workers)
    parts = [f"{elapsed:.0f} s"]
    if any(worker.name != "codec" for worker in workers):
        parts.append(f"core: {cases} seeds, {moves} moves, {moves / max(elapsed, 0.1):.0f} moves/s")
        parts.append(f"{sum(kinds.values())} failures")
    parts += [f"codec: {worker.last}" for worker in workers if worker.name == "codec"]
    return "  ".join(parts)


def watch(workers: Sequence[Worker], began: float, ends_at: float) -> None:
    """Until all processes have ended."""
    told = 0.0
    is_terminal = sys.stdout.isatty()
    while any(worker.process.poll() is None for worker in workers):
        time.sleep(REFRESH_S)
        now = time.monotonic()
        if is_terminal:
            print(f"\r\x1b[K{progress(workers, began)[:150]}", end="", flush=True)
        elif now - told >= 30:
            told = now
            print(progress(workers, began), flush=True)
        if now > ends_at:
            for worker in workers:
                worker.process.kill()
    if is_terminal:
        print()


def main(words: Sequence[str] | None = None) -> int:
    options = parser().parse_args(words)
    if not options.minutes > 0:
        parser().error("MINUTES is more than 0")
    seed = options.seed if options.seed is not None else int(time.time())
    print(f"seed {seed}, {options.minutes:g} minutes", flush=True)
    began = time.monotonic()
    workers = started(options, seed)
    readers = [threading.Thread(target=worker.read, daemon=True) for worker in workers]
    for reader in readers:
        reader.start()
    try:
        watch(workers, began, began + options.minutes * 60 + GRACE_S)
    except KeyboardInterrupt:  # they are interrupted as well, and tell what they have
        for worker in workers:
            try:
                worker.process.wait(20)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                worker.process.kill()
    for reader in readers:
        reader.join(5)
    return summary(workers, began)


def summary(workers: Sequence[Worker], began: float) -> int:
    cases, moves, events, kinds = total(workers)
    if any(worker.name != "codec" for worker in workers):
        print(
            f"core: {cases} cases, {moves} moves ({events} events), {sum(kinds.values())} failures"
        )
        for kind, times in kinds.most_common():
            print(f"  {times:5}  {kind}")
    failed = bool(kinds)
    for worker in workers:
        if worker.name == "codec":
            print("\n".join(["codec:", *(f"  {line}" for line in worker.log[-40:])]))
        code = worker.process.returncode
        if code not in (0, 130, -2):
            failed = True
            if not kinds and worker.name != "codec":
                print(f"{worker.name} ended with {code}: {worker.last}")
    print(f"{time.monotonic() - began:.0f} s; {'FAILURES' if failed else 'nothing was found'}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
