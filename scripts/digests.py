"""Says whether two checkouts behave the same, datagram for datagram, in small simulations.

Each row is one simulation with one seed: how many datagrams were delivered, a digest over time,
source, destination and payload of all of them, and a digest over the numbers that the scenario
measured. No name of a class, module or measurement is in them, so that a change of names alone
changes no digest. With --against, each simulation runs in this checkout and in the one in DIR, both
with the Python and the installed libraries of this one, and the row says whether they are equal.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
import tempfile
import textwrap
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import trio
from digest_runs import SIMULATIONS

HERE = Path(__file__).resolve().parents[1]
CHILD = Path(__file__).resolve().with_name("digest_child.py")
LIMIT_S = 900.0
"""A simulation that takes longer has failed."""

EPILOG = """\
A simulation that fails or delivers nothing is an error. All of them take some four minutes of a
core for each checkout.

not covered, because no simulation does it: sockets and files, the control socket, the dashboard,
IPv6, and items (BEP 44). The tests are for those.

exit codes: 0 all rows are equal (without --against: all ran), 1 a difference or a failure,
2 wrong usage, 130 on Ctrl-C

"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one simulation in one checkout. ``failure``: why it has no digests, or ""."""

    deliveries: int = 0
    digest: str = "-"
    measured: str = "-"
    failure: str = ""


@dataclass(slots=True)
class Row:
    """One simulation with one seed. ``outcomes``: that of this checkout, and that of the other."""

    name: str
    seed: int
    command: str
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if any(outcome.failure for outcome in self.outcomes.values()):
            return "FAILED"
        if len(self.outcomes) == 1:
            return "ran"
        return "equal" if self.outcomes[0] == self.outcomes[1] else "DIFFERENT"


class Runner:
    """Some processes at a time; the two checkouts of a row are beside each other in the queue."""

    def __init__(self, rows: Sequence[Row], checkouts: Sequence[Path], cache: str) -> None:
        self._checkouts, self._cache, self._rows = checkouts, cache, rows
        self._queue = deque((row, side) for row in rows for side in range(len(checkouts)))
        self._began, self._finished = time.monotonic(), 0

    async def run(self, jobs: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(jobs):
                nursery.start_soon(self._work)

    async def _work(self) -> None:
        while self._queue:
            row, side = self._queue.popleft()
            row.outcomes[side] = await self._outcome(row, side)
            if len(row.outcomes) == len(self._checkouts):
                self._finished += 1
                elapsed_s = time.monotonic() - self._began
                progress = f"{self._finished} of {len(self._rows)}, {elapsed_s:.0f} s"
                say(f"{progress}: {row.name}, seed {row.seed}: {row.verdict}")

    async def _outcome(self, row: Row, side: int) -> Outcome:
        checkout = self._checkouts[side]
        environment = os.environ | {
            "PYTHONPATH": str(checkout),
            "PYTHONHASHSEED": str(side + 1),  # a run that depends on it is a difference
            "PYTHONPYCACHEPREFIX": self._cache,  # nothing is written into a checkout
        }
        with trio.move_on_after(LIMIT_S):
            done = await trio.run_process(
                # -P: no module beside the child is imported in the place of another.
                (sys.executable, "-P", str(CHILD), str(checkout), *row.command.split()),
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                cwd=checkout,
                env=environment,
            )
            return outcome_of(done.returncode, done.stdout, done.stderr)
        return Outcome(failure=f"not finished after {LIMIT_S:.0f} s")


def outcome_of(code: int, stdout: bytes, stderr: bytes) -> Outcome:
    if code:
        lines = stderr.decode(errors="replace").split("\n")
        return Outcome(failure=next((line for line in lines[::-1] if line), f"exit code {code}"))
    outcome = Outcome(**json.loads(stdout))
    return outcome if outcome.deliveries else Outcome(failure="nothing was delivered")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(rows: Sequence[Row]) -> str:
    """A row that is not equal has a second line, with what the other checkout did."""
    lines = [("simulation", "seed", "deliveries", "digest", "measured", "")]
    for row in rows:
        lines.append((row.name, str(row.seed), *cells(row.outcomes[0]), row.verdict))
        if row.verdict not in ("ran", "equal") and 1 in row.outcomes:
            lines.append(("  in the other checkout", "", *cells(row.outcomes[1]), ""))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    layout = "  ".join(f"{{:{side}{width}}}" for side, width in zip("<>><<<", widths, strict=True))
    return "\n".join(layout.format(*line).rstrip() for line in lines)


def cells(outcome: Outcome) -> tuple[str, str, str]:
    return f"{outcome.deliveries:,}", outcome.digest, outcome.measured


def summary(rows: Sequence[Row]) -> str:
    verdicts = [row.verdict for row in rows]
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
    delivered = sum(row.outcomes[0].deliveries for row in rows)
    return f"rows: {', '.join(counts)}; {delivered:,} deliveries in this checkout"


def record(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "seed": row.seed,
        "command": row.command,
        "here": asdict(row.outcomes[0]),
        "there": asdict(row.outcomes[1]) if 1 in row.outcomes else None,
        "verdict": row.verdict,
    }


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = list(SIMULATIONS)
    listed = textwrap.fill(f"simulations: {', '.join(names)}", 99, break_on_hyphens=False)
    parser = argparse.ArgumentParser(
        prog="scripts/digests",
        description=__doc__,
        epilog=EPILOG + listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--against",
        metavar="DIR",
        help="compare with the checkout in DIR (default: print only)",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="this simulation, with all of its seeds; may be given again (default: all)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print JSON on stdout instead of a table",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=2,
        metavar="N",
        help="processes at a time (default: 2)",
    )
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs: 1 or more is expected, not {options.jobs}")
    for name in options.only or ():
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
            parser.error(f"--only: there is no simulation {name!r}; {hint}")
    if options.against is not None and not Path(options.against, "kadisc/__init__.py").is_file():
        parser.error(f"--against: there is no kadisc in {options.against!r}")
    return options


def rows_of(only: Sequence[str] | None) -> list[Row]:
    chosen = {name: each for name, each in SIMULATIONS.items() if not only or name in only}
    runs = [(name, each, seed) for name, each in chosen.items() for seed in each.seeds]
    return [Row(name, seed, each.command(seed)) for name, each, seed in runs]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    rows = rows_of(options.only)
    checkouts = [HERE] if options.against is None else [HERE, Path(options.against).resolve()]
    where = " and ".join(map(str, checkouts))
    say(f"rows: {len(rows)}, in {where}; processes at a time: {options.jobs}")
    stopped = False
    with tempfile.TemporaryDirectory(prefix="kadisc-digests-") as cache:
        try:
            trio.run(Runner(rows, checkouts, cache).run, options.jobs)
        except* KeyboardInterrupt:
            stopped = True
    if stopped:
        say("digests: stopped before all simulations had run")
        return 130
    for row in rows:
        for side, outcome in row.outcomes.items():
            if outcome.failure:
                say(f"failed in {checkouts[side]}: {row.command}: {outcome.failure}")
    if options.json:
        print(json.dumps([record(row) for row in rows], indent=1))
    else:
        print(table(rows))
        print(summary(rows))
    return 0 if all(row.verdict in ("ran", "equal") for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
