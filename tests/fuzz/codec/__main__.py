"""``python -m tests.fuzz.codec``: fuzzes all targets or some, replays an input, renews the corpus.

Exit codes: 0, nothing was found; 1, something was; 2, wrong usage; 130, interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .corpus import first_inputs, inputs_in, keep
from .failures import (
    ROOT,
    Failure,
    failure_of,
    replay_command,
    save,
    smallest,
)
from .guided_run import is_available, run_guided
from .reached import smallest_that_reach
from .registry import BY_NAME, TARGETS
from .target import Target
from .unguided import Outcome, run_unguided

WORK = ROOT / ".cache" / "fuzz"
FAILURES = ROOT / "fuzz-found"


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m tests.fuzz.codec",
        description="Fuzzes every reader of foreign bytes and texts. With atheris installed (the "
        "extra 'fuzz') inputs are guided by coverage, otherwise they are random changes of the "
        "corpus.",
    )
    result.add_argument(
        "--target",
        action="append",
        choices=sorted(BY_NAME),
        metavar="NAME",
        help="fuzz this one (may be repeated; default: all; --list names them)",
    )
    result.add_argument(
        "--minutes", type=float, default=1.0, help="for all targets together (default: 1)"
    )
    result.add_argument("--seed", type=int, help="of all random choices (default: the time)")
    result.add_argument("--unguided", action="store_true", help="without atheris, if it is there")
    result.add_argument(
        "--replay", type=Path, metavar="FILE", help="judge one input of the one --target, and end"
    )
    result.add_argument(
        "--keep",
        action="store_true",
        help="afterwards renew the corpus in the tree by what was found (needs atheris)",
    )
    result.add_argument(
        "--failures", type=Path, default=FAILURES, help="where inputs that fail are written"
    )
    result.add_argument("--json", action="store_true", help="print the summary as JSON")
    result.add_argument("--list", action="store_true", help="list the targets and their oracles")
    return result


def main(words: Sequence[str] | None = None) -> int:
    options = parser().parse_args(words)
    targets = [BY_NAME[name] for name in options.target] if options.target else list(TARGETS)
    if options.list:
        for target in targets:
            print(f"{target.name:14} {target.oracle}")
        return 0
    if options.replay is not None:
        return _replay(targets, options.replay)
    if options.minutes <= 0:
        parser().error("--minutes is more than 0")
    seed = options.seed if options.seed is not None else int(time.time())
    guided = is_available() and not options.unguided
    say = _Progress(guided=guided, seed=seed, quiet=options.json)
    found: dict[str, Outcome] = {}
    code = 0
    try:
        for target in targets:
            seconds = options.minutes * 60 / len(targets)
            say.begin(target)
            outcome = _run(target, seed, seconds, guided, say)
            found[target.name] = outcome
            for failure in list(outcome.failures.values()):
                _report(failure, target, options.failures)
            if options.keep and guided:
                inputs = [*first_inputs(target), *inputs_in(WORK / target.name)]
                number, size = keep(target, smallest_that_reach(target, inputs))
                say.line(f"{target.name}: {number} inputs kept, {size} bytes")
    except KeyboardInterrupt:
        code = 130
    _summary(found, as_json=options.json)
    return code or int(any(outcome.failures for outcome in found.values()))


def _run(target: Target, seed: int, seconds: float, guided: bool, say: _Progress) -> Outcome:
    def progress(outcome: Outcome) -> None:
        say.now(target, outcome)

    if guided:
        return run_guided(target, seed, WORK / target.name, seconds=seconds, progress=progress)
    return run_unguided(target, seed, seconds=seconds, progress=progress)


def _replay(targets: Sequence[Target], path: Path) -> int:
    if len(targets) != 1:
        parser().error("--replay needs one --target")
    try:
        data = path.read_bytes()
    except OSError as error:
        parser().error(f"{path} cannot be read: {error.strerror}")
    failure = failure_of(targets[0], data)
    if failure is None:
        print(f"{targets[0].name}: {len(data)} bytes, nothing fails")
        return 0
    print(f"{failure.signature}\n{failure.text}")
    # Once more, for the whole traceback.
    targets[0].check(data)
    return 1


def _report(failure: Failure, target: Target, folder: Path) -> None:
    is_crash = failure_of(target, failure.data) is None if failure.signature[0].isupper() else True
    small = failure if is_crash else smallest(failure, target)
    path = save(small, folder)
    print(f"\nFAILED  {target.name}: {small.signature}\n  {small.text[:500]}")
    print(f"  {len(small.data)} bytes: {small.data[:60].hex()}{'...' * (len(small.data) > 60)}")
    print(f"  {replay_command(target.name, path)}", flush=True)


class _Progress:
    """One line for each target, which is written anew on a terminal."""

    def __init__(self, *, guided: bool, seed: int, quiet: bool) -> None:
        self._quiet = quiet
        self._is_terminal = sys.stdout.isatty()
        self._told_at = 0.0
        self.line(
            f"seed {seed}; inputs are {'guided by coverage' if guided else 'random: no atheris'}"
        )

    def line(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def begin(self, target: Target) -> None:
        self._told_at = time.monotonic()
        if not self._is_terminal:
            self.line(f"{target.name}: {target.oracle}")

    def now(self, target: Target, outcome: Outcome) -> None:
        pause_s = 0.5 if self._is_terminal else 15.0
        if self._quiet or time.monotonic() < self._told_at + pause_s:
            return
        self._told_at = time.monotonic()
        rate = outcome.inputs / max(outcome.elapsed_s, 0.001)
        text = (
            f"{target.name:14} {outcome.elapsed_s:6.0f} s  {outcome.inputs:>10,} inputs  "
            f"{rate:>8,.0f}/s  {len(outcome.failures)} failures"
        )
        print(f"\r{text}" if self._is_terminal else f"  {text}", end="", flush=True)
        if not self._is_terminal:
            print(flush=True)


def _summary(found: dict[str, Outcome], *, as_json: bool) -> None:
    if as_json:
        rows = {
            name: {
                "inputs": outcome.inputs,
                "elapsed_s": round(outcome.elapsed_s, 1),
                "failures": sorted(outcome.failures),
            }
            for name, outcome in found.items()
        }
        print(json.dumps(rows))
        return
    print(f"\n{'target':14} {'inputs':>12} {'seconds':>8} {'failures':>8}")
    for name, outcome in found.items():
        seconds, failures = outcome.elapsed_s, len(outcome.failures)
        print(f"{name:14} {outcome.inputs:>12,} {seconds:>8.0f} {failures:>8}")
    inputs = sum(outcome.inputs for outcome in found.values())
    seconds = sum(outcome.elapsed_s for outcome in found.values())
    failures = sum(len(outcome.failures) for outcome in found.values())
    print(f"{'in all':14} {inputs:>12,} {seconds:>8.0f} {failures:>8}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
