"""``kadisc sim hunt``: looks for faults of kadisc in random networks."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UsageError
from .exit_codes import DONE, FAILED, INTERRUPTED
from .output import error_document, print_json, say, show
from .sim_progress import SimProgress
from .sim_sweep import MAX_SEEDS, jobs_of, seeds_of

if TYPE_CHECKING:
    from ..sim.hunt.plan import HuntChoices
    from ..sim.hunt.seeds import HuntSeed
    from ..sim.sweep.results import ResultsFile
    from ..sim.sweep.sweep import Lost, Record
    from .sweep_progress import SweepProgress

SUMMARY = "look for faults in random networks"
DESCRIPTION = (
    "Each seed draws a network, its faults, adversaries, and sometimes defences that are off. "
    "While the faults strike, oracles watch what every node sends, stores and believes; then the "
    "faults stop, and the network must recover. A seed takes some 5 s of one core. Each finished "
    "seed is written to the results file at once, and the same command continues with the missing "
    "ones. A failure is printed with the one command that repeats it; the exit code is 1 then."
)
EXAMPLES = """\
examples:
  kadisc sim hunt --seeds 500
  kadisc sim hunt --seed 17
  kadisc sim hunt --seeds 100 --first-seed 501 --workers 4 --out night.jsonl
  kadisc sim hunt --seeds 20 --without spaced_maintenance --adversary changing-ids
  kadisc sim hunt --seeds 1000 --scheduler tcp://127.0.0.1:8786"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seeds",
        metavar="N|LIST",
        help="the number of seeds; or a list, as in 3,5,7 or 11-20 (default: 20)",
    )
    parser.add_argument("--first-seed", metavar="S", help="the first of the N seeds (default: 1)")
    parser.add_argument(
        "--seed",
        metavar="S",
        help="run this seed alone, in this process, and write no results file",
    )
    parser.add_argument("--nodes", metavar="N", help="number of nodes (default: drawn, 14 to 36)")
    parser.add_argument(
        "--minutes",
        metavar="M",
        help="virtual minutes in which the faults strike (default: drawn, 2.5 to 4.5); the "
        "recovery takes 200 s more",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="DEFENCE",
        help="turn this defence off, and let the oracles demand what it promises all the same: "
        "shows whether they would notice its absence; repeatable",
    )
    parser.add_argument(
        "--adversary",
        action="append",
        default=[],
        metavar="KIND",
        help="draw adversaries from these kinds alone, at least one; repeatable",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        dest="settings",
        help="any option, as in kadisc sim run; it replaces what was drawn",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        help="seeds at a time on this machine (default: its number of cores)",
    )
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="run on this Dask cluster")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="the results file; seeds in it are not repeated (default: hunt.jsonl)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print a summary as JSON on stdout and nothing else"
    )


def execute(options: argparse.Namespace) -> int:
    if options.seed is not None:
        return _replay(options)
    from ..sim.sweep.results import ResultsFile
    from .sweep_progress import SweepProgress
    from .sweep_work import carry_out

    seeds = _hunted(_seeds(options), options)
    workers = jobs_of(options.workers, options.scheduler, "--workers")
    path = options.out or "hunt.jsonl"
    with ResultsFile(path) as results:
        if results.torn:
            say(f"the last line of {path} was incomplete and is removed; its seed is repeated")
        held = {record.get("run") for record in results.records}
        missing = [seed for seed in seeds if seed.key not in held]
        progress = SweepProgress(seeds, missing)
        try:
            lost = carry_out(missing, workers, options.scheduler, results, progress)
        except KeyboardInterrupt:
            progress.clear()
            kept = f" and in {path}" if progress.finished else ""
            say(
                f"{progress.finished} of {len(seeds)} seeds are done{kept}; "
                "the same command continues with the rest"
            )
            return INTERRUPTED
        finally:
            progress.clear()
        return _print_summary(options, seeds, results, lost, progress)


def _replay(options: argparse.Namespace) -> int:
    """One seed in this process."""
    for name in ("seeds", "first_seed", "workers", "scheduler", "out"):
        if getattr(options, name) is not None:
            raise UsageError(f"--seed runs one seed here: --{name.replace('_', '-')} has no use")
    [seed] = _hunted([_number("--seed", options.seed)], options)
    progress = SimProgress()
    try:
        record = seed.record(watch=progress.watch)
    finally:
        progress.clear()
    failed = "failed" in record
    if options.json:
        problem = error_document("seeds_failed", record["failed"]) if failed else {}
        print_json(record | problem)
    else:
        show(f"seed {record['seed']}: {record['plan']}")
        for name, value in record.get("metrics", {}).items():
            show(f"  {name:<18}  {value}")
        if failed:
            _print_failure(record)
        show(f"{record['cpu_s']:.1f} s of CPU time; {'failed' if failed else 'nothing found'}")
    return FAILED if failed else DONE


def _print_summary(
    options: argparse.Namespace,
    seeds: list[HuntSeed],
    results: ResultsFile,
    lost: list[Lost],
    progress: SweepProgress,
) -> int:
    """Prints the summary and returns the exit code."""
    wanted = {seed.key for seed in seeds}
    records = [record for record in results.records if record.get("run") in wanted]
    failed = [record for record in records if "failed" in record]
    by_oracle = Counter(str(record.get("oracle")) for record in failed)
    cpu_s = sum(float(record.get("cpu_s", 0.0)) for record in records)
    if options.json:
        problem = f"{len(failed)} of {len(seeds)} seeds failed, {len(lost)} ended without a result"
        print_json(
            {
                "out": results.path,
                "seeds": len(seeds),
                "done": progress.finished,
                "already_done": progress.already_done,
                "failed": [
                    {
                        name: record.get(name)
                        for name in ("seed", "oracle", "node", "at_s", "evidence", "command")
                    }
                    for record in failed
                ],
                "by_oracle": dict(by_oracle),
                "lost": [{"command": each.run.command, "reason": each.reason} for each in lost],
                "cpu_s": round(cpu_s, 1),
                "wall_s": round(time.monotonic() - progress.began, 3),
                **(error_document("seeds_failed", problem) if failed or lost else {}),
            }
        )
        return FAILED if failed or lost else DONE
    before = f", {progress.already_done} of them from before" if progress.already_done else ""
    per_seed = f", {cpu_s / len(records):.1f} s of CPU time each" if records else ""
    show(
        f"{progress.finished} of {len(seeds)} seeds are in {results.path}{before}{per_seed}; "
        f"{len(failed)} failed"
    )
    for oracle, count in by_oracle.most_common():
        show(f"  {oracle}: {count}")
    for record in failed:
        _print_failure(record)
    if lost:
        show(f"  {len(lost)} ended without a result; the same command repeats them")
    return FAILED if failed or lost else DONE


def _print_failure(record: Record) -> None:
    show(f"  {record['failed']}")
    if record.get("oracle") == "exception":
        show(f"    raised at: {record['evidence']}")
    show(f"    {record['plan']}")
    show(f"    reproduce: {record['command']}")


# --- what is asked for ----------------------------------------------------------------------------


def _hunted(numbers: Sequence[int], options: argparse.Namespace) -> list[HuntSeed]:
    from ..net.state.round_trip import reloaded
    from ..sim.hunt.seeds import hunted

    return hunted(numbers, _choices(options), reloaded)


def _choices(options: argparse.Namespace) -> HuntChoices:
    from ..sim.hunt.plan import HuntChoices

    try:
        minutes = None if options.minutes is None else float(options.minutes)
    except ValueError:
        raise UsageError(f"--minutes: a number is expected, not {options.minutes!r}") from None
    return HuntChoices(
        nodes=None if options.nodes is None else _number("--nodes", options.nodes),
        minutes=minutes,
        without=tuple(options.without),
        adversaries=tuple(options.adversary),
        settings=tuple(options.settings),
    )


def _seeds(options: argparse.Namespace) -> list[int]:
    first = 1 if options.first_seed is None else _number("--first-seed", options.first_seed)
    text = "20" if options.seeds is None else options.seeds
    seeds = seeds_of(text)
    if text.strip().isdecimal():
        return [seed + first - 1 for seed in seeds]
    if options.first_seed is not None:
        raise UsageError(
            f"--first-seed goes with a number of seeds, not with the list --seeds {text}"
        )
    return seeds


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 10_000 * MAX_SEEDS):
        raise UsageError(f"{name}: a whole number is expected, not {text!r}")
    return int(text)
