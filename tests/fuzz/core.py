"""The stateful fuzzer of the core::

    python -m tests.fuzz.core --minutes 5
    python -m tests.fuzz.core --seed 17              plays that one case
    python -m tests.fuzz.core --replay fuzz-found/x.json

Cases are drawn from seeds one after the other. One that fails is made smaller, saved, and told with
the command that plays it again. Ctrl-C ends with the summary.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .case import Case, Failure, minimised

FOUND: Final = Path("fuzz-found")
SHRINK_S: Final = 90.0
"""The longest time that is spent on making one case smaller."""
TELL_EVERY_S: Final = 5.0


@dataclass
class Tally:
    """What a run of the fuzzer has done and found."""

    cases: int = 0
    moves: int = 0
    events: int = 0
    """Datagrams that the core received, and times that it was woken."""
    seconds: float = 0.0
    """Of processor time; without that for making failures smaller."""
    kinds: dict[str, int] = field(default_factory=dict)

    def count(self, events: int) -> None:
        self.events += events

    def line(self) -> str:
        speed = self.moves / self.seconds if self.seconds else 0.0
        return (
            f"core: {self.cases} cases, {self.moves} moves ({self.events} events),"
            f" {speed:.0f} moves/s of processor time, {sum(self.kinds.values())} failures"
            f" of {len(self.kinds)} kinds"
        )


def hunt(
    seconds: float,
    first_seed: int,
    *,
    tell: Callable[[str], None],
    progress: Callable[[Tally], None] = lambda tally: None,
    folder: Path | None = FOUND,
    until_found: bool = False,
    shrink_s: float = SHRINK_S,
) -> Tally:
    """Plays cases for so long; the time for making them smaller is beside that. Ctrl-C ends it."""
    tally, spent, told_at = Tally(), 0.0, time.monotonic()
    seed = first_seed
    try:
        while spent < seconds:
            began, cpu_began = time.monotonic(), time.process_time()
            case = Case.drawn(seed)
            failure = case.play(count=tally.count)
            spent += time.monotonic() - began
            tally.seconds += time.process_time() - cpu_began
            tally.cases += 1
            tally.moves += len(case.steps) if failure is None else failure.after
            if failure is not None:
                is_new = failure.kind not in tally.kinds
                tally.kinds[failure.kind] = tally.kinds.get(failure.kind, 0) + 1
                if is_new:
                    report(case, failure, tell, folder, shrink_s)
                if until_found:
                    break
            if time.monotonic() - told_at >= TELL_EVERY_S:
                told_at = time.monotonic()
                progress(tally)
            seed += 1
    except KeyboardInterrupt:
        tell("interrupted")
    return tally


def report(
    case: Case,
    failure: Failure,
    tell: Callable[[str], None],
    folder: Path | None,
    shrink_s: float,
) -> None:
    tell(f"FAILURE (seed {case.seed}, after {failure.after} moves): {failure.kind}")
    tell(failure.text)
    tell(f"again: python -m tests.fuzz.core --seed {case.seed}")
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", failure.kind)[:60].strip("-")
    path = folder / f"{name}-{case.seed}.json"
    case.save(path, failure)  # for if making it smaller is interrupted
    end = time.monotonic() + shrink_s
    small = minimised(case, failure, lambda: time.monotonic() < end)
    small.save(path, failure)
    tell(f"{len(small.steps)} moves: python -m tests.fuzz.core --replay {path}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.core", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, help="play the case of this seed alone")
    parser.add_argument("--from-seed", type=int, default=0, help="the first of many seeds")
    parser.add_argument("--replay", type=Path, help="play a saved case")
    parser.add_argument("--folder", type=Path, default=FOUND, help="where failures are saved")
    parser.add_argument("--json", action="store_true", help="print the tally as JSON lines")
    options = parser.parse_args(arguments)
    if options.replay is not None or options.seed is not None:
        case = Case.load(options.replay) if options.replay else Case.drawn(options.seed)
        failure = case.play(check_every=1)
        print(failure.text if failure is not None else f"{len(case.steps)} moves, no failure")
        return int(failure is not None)

    def progress(tally: Tally) -> None:
        line = json.dumps(vars(tally)) if options.json else tally.line()
        print(line, flush=True)

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    tally = hunt(
        options.minutes * 60,
        options.from_seed,
        tell=tell,
        progress=progress,
        folder=options.folder,
    )
    progress(tally)
    return int(bool(tally.kinds))


if __name__ == "__main__":
    sys.exit(main())
