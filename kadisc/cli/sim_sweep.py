"""``kadisc sim sweep``: runs one scenario with many settings and seeds; results are JSON lines."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from ..errors import UsageError
from .exit_codes import DONE, FAILED, INTERRUPTED
from .output import error_document, print_json, say, show
from .sim_run import add_scenario_options, check_size, sim_options

if TYPE_CHECKING:
    from ..sim.sweep.results import ResultsFile
    from ..sim.sweep.sweep import Lost, Run
    from .sweep_progress import SweepProgress

SUMMARY = "run one scenario with many settings and seeds"
DESCRIPTION = (
    "Runs a scenario with every combination of the varied options and every seed, in processes "
    "on this machine or on a Dask cluster. Each finished run is written to the results file at "
    "once; the same command continues with the missing runs. A failed run is written with the "
    "command that reproduces it and does not stop the others; the exit code is 1 then."
)
EXAMPLES = """\
examples:
  kadisc sim sweep churn --vary churn.profile=ipfs,bittorrent --seeds 10
  kadisc sim sweep lookup --vary network.loss.mean=0.01,0.05 --seeds 11-20
  kadisc sim sweep lookup --vary core.table.k=8,20 --vary crash=0,0.3
  kadisc sim sweep idle-cost --vary nodes=1000,10000 --seeds 3,5,7 --jobs 2
  kadisc sim sweep lookup --vary "core.table.bucket_sizes=8;128,64,32,16,8"
  kadisc sim sweep lookup --vary nodes=100,1000 --scheduler tcp://127.0.0.1:8786
  kadisc sim report churn.jsonl --out churn.html"""

MAX_SEEDS = 100_000


def add_options(parser: argparse.ArgumentParser) -> None:
    add_scenario_options(parser)
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="OPTION=A,B,...",
        help=(
            "the values of an option (separated by ; if values contain commas); repeatable, every "
            "combination is run"
        ),
    )
    parser.add_argument(
        "--seeds",
        default="10",
        metavar="N|LIST",
        help="the number of seeds, from 1 on; or a list, as in 3,5,7 or 11-20 (default: 10)",
    )
    parser.add_argument(
        "--jobs", metavar="N", help="runs at a time on this machine (default: its number of cores)"
    )
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="run on this Dask cluster")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="the results file; runs in it are not repeated (default: NAME.jsonl)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print a summary as JSON on stdout and nothing else"
    )


def execute(options: argparse.Namespace) -> int:
    from ..sim.sweep.results import ResultsFile
    from .sweep_progress import SweepProgress
    from .sweep_work import carry_out

    runs = _runs(options)
    jobs = jobs_of(options.jobs, options.scheduler, "--jobs")
    path = options.out or f"{options.scenario}.jsonl"
    with ResultsFile(path) as results:
        if results.torn:
            say(f"the last line of {path} was incomplete and is removed; its run is repeated")
        held = {record.get("run") for record in results.records}
        missing = [run for run in runs if run.key not in held]
        progress = SweepProgress(runs, missing)
        try:
            lost = carry_out(missing, jobs, options.scheduler, results, progress)
        except KeyboardInterrupt:
            progress.clear()
            kept = f" and in {path}" if progress.finished else ""
            say(
                f"{progress.finished} of {len(runs)} runs are done{kept}; "
                "the same command continues with the rest"
            )
            return INTERRUPTED
        finally:
            progress.clear()
        return _print_summary(options, runs, results, lost, progress)


def _print_summary(
    options: argparse.Namespace,
    runs: list[Run],
    results: ResultsFile,
    lost: list[Lost],
    progress: SweepProgress,
) -> int:
    """Prints the summary and returns the exit code."""
    wanted = {run.key for run in runs}
    failed = [
        record for record in results.records if record.get("run") in wanted and "failed" in record
    ]
    if options.json:
        problem = f"{len(failed)} of {len(runs)} runs failed, {len(lost)} ended without a result"
        print_json(
            {
                "scenario": options.scenario,
                "out": results.path,
                "runs": len(runs),
                "done": progress.finished,
                "already_done": progress.already_done,
                "failed": [
                    {name: record[name] for name in ("seed", "varied", "failed", "command")}
                    for record in failed
                ],
                "lost": [{"command": each.run.command, "reason": each.reason} for each in lost],
                "wall_s": round(time.monotonic() - progress.began, 3),
                **(error_document("runs_failed", problem) if failed or lost else {}),
            }
        )
    else:
        before = f", {progress.already_done} of them from before" if progress.already_done else ""
        show(
            f"{progress.finished} of {len(runs)} runs are in {results.path}{before}; "
            f"{len(failed)} failed"
        )
        for record in failed:
            show(f"  {record['failed']}")
            show(f"    reproduce: {record['command']}")
        if lost:
            show(f"  {len(lost)} ended without a result; the same command repeats them")
        page = f"{results.path.removesuffix('.jsonl')}.html"
        show(f"charts: kadisc sim report {results.path} --out {page}")
    return FAILED if failed or lost else DONE


# --- the requested runs ---------------------------------------------------------------------------


def _runs(options: argparse.Namespace) -> list[Run]:
    from ..sim.scenarios.registry import scenario_named
    from ..sim.sweep.sweep import planned

    scenario = scenario_named(options.scenario)
    base = sim_options(scenario, options)
    varied = _varied(options.vary)
    fixed = {setting.partition("=")[0].strip() for setting in options.settings} | {
        name for name in ("nodes", "minutes") if getattr(options, name)
    }
    for name in varied:
        if name in fixed:
            raise UsageError(f"--vary {name}: this option is also set; give one of the two")
    if "seed" in fixed | set(varied):
        raise UsageError("seeds are given with --seeds, as in --seeds 10 or --seeds 3,5,7")
    try:
        runs = planned(scenario, base, varied, seeds_of(options.seeds))
    except UsageError as error:
        raise UsageError(str(error).replace("--set ", "--vary ", 1)) from None
    for run in runs:
        check_size(run.options)
    return runs


def _varied(words: list[str]) -> dict[str, list[str]]:
    varied: dict[str, list[str]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip()
        values = [value.strip() for value in text.split(";" if ";" in text else ",")]
        if not equals or not name or not all(values):
            raise UsageError(
                f"--vary takes OPTION=A,B,..., as in network.loss.mean=0.01,0.05, not {word!r}"
            )
        if name in varied:
            raise UsageError(f"--vary {name}: given twice; give all values in one --vary")
        varied[name] = values
    return varied


def seeds_of(text: str) -> list[int]:
    """``10`` means 1 to 10; ``3,5,7`` and ``11-20`` those; ``7,`` only 7. Raises UsageError."""
    try:
        if text.strip().isdecimal():
            seeds = list(range(1, min(int(text), MAX_SEEDS + 1) + 1))
        else:
            seeds = []
            for part in filter(None, map(str.strip, text.split(","))):
                first, dash, last = part.partition("-")
                low = int(first)
                high = int(last) if dash else low
                seeds += range(low, min(high, low + MAX_SEEDS) + 1)
    except ValueError:
        raise UsageError(
            f"--seeds: expected a number or a list, as in 10 or 3,5,7 or 11-20, not {text!r}"
        ) from None
    if not 0 < len(seeds) <= MAX_SEEDS:
        raise UsageError(f"--seeds {text}: 1 to {MAX_SEEDS} seeds are expected")
    return list(dict.fromkeys(seeds))


def jobs_of(given: str | None, scheduler: str | None, option: str) -> int:
    """How many runs at a time on this machine: as ``given``, or its number of cores. ``option``: by
    which option it is given. Raises UsageError.
    """
    if given is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if scheduler is not None:
        raise UsageError(
            f"{option} is for this machine; on a cluster the number of workers limits the runs "
            "at a time"
        )
    if not given.isdecimal() or not 1 <= int(given) <= 1024:
        raise UsageError(f"{option}: 1 to 1024 processes are expected, not {given}")
    return int(given)
