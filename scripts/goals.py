"""Measures the goals of docs/goals.md: goal, measured value, seeds, and a command to reproduce.

./scripts/goals [ROW ...] [--seeds N] [--full] [--jobs N] [--out FILE] [--read] [--json]

Results are stored as JSON lines. Runs with a stored result are not repeated, so an interrupted
measurement resumes. The exit code is 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from goal_rows import ROWS, Figure, Record, Row
from reach_rows import REACH_ROWS

from kadisc.cli.sim_sweep import seeds_of
from kadisc.errors import KadiscError
from kadisc.sim.scenarios.registry import scenario_named
from kadisc.sim.settings import with_settings
from kadisc.sim.sweep.results import ResultsFile
from kadisc.sim.sweep.sweep import Lost, Run, planned
from kadisc.sim.sweep.workers import finished_here

ROWS_BY_NAME = {row.name: row for row in (*ROWS, *REACH_ROWS)}


@dataclass(frozen=True, slots=True)
class Plan:
    row: Row
    runs: list[Run]


def plan_of(row: Row, seeds: Sequence[int], *, full: bool) -> Plan:
    settings = row.settings | (row.full if full else {})
    scenario = scenario_named(row.scenario)
    base = with_settings(
        scenario.options(), [f"{name}={value}" for name, value in settings.items()]
    )
    return Plan(row, planned(scenario, base, {}, seeds))


def held(results: ResultsFile) -> dict[str, Record]:
    """The finished runs of a results file by key; records of `kadisc sim run` have no key."""
    return {
        record["run"]: record
        for record in results.records
        if "run" in record and "failed" not in record
    }


def measure(plans: Sequence[Plan], results: ResultsFile, jobs: int) -> dict[str, Record]:
    """All records that the plans need, by the key of the run. Failed and lost runs are reported on
    stderr and left out.
    """
    records = held(results)
    alone = {
        run.key: run
        for plan in plans
        for run in plan.runs
        if plan.row.alone and run.key not in records
    }
    together = {
        run.key: run
        for plan in plans
        for run in plan.runs
        if run.key not in records and run.key not in alone
    }
    began, whole = time.monotonic(), len(alone) + len(together)
    for number, outcome in enumerate(
        outcomes_of([*alone.values()], [*together.values()], jobs), start=1
    ):
        if isinstance(outcome, Lost) or "failed" in outcome:
            command = outcome.run.command if isinstance(outcome, Lost) else outcome["command"]
            print(f"failed: {command}", file=sys.stderr)
            continue
        results.add(outcome)
        records[outcome["run"]] = outcome
        print(
            f"{number} of {whole} runs, {time.monotonic() - began:.0f} s: {outcome['command']}",
            file=sys.stderr,
        )
    return records


def outcomes_of(alone: list[Run], together: list[Run], jobs: int) -> Iterator[Record | Lost]:
    for runs, at_a_time in (*(([run], 1) for run in alone), (together, jobs)):
        with closing(finished_here(runs, at_a_time, lambda run, share: None)) as outcomes:
            yield from outcomes


def judged(plan: Plan, records: dict[str, Record]) -> list[dict[str, object]]:
    finished = [records[run.key] for run in plan.runs if run.key in records]
    lines: list[dict[str, object]] = []
    for figure in plan.row.figures:
        value = figure.read(finished) if finished else None
        complete = len(finished) == len(plan.runs)
        lines.append(
            {
                "row": plan.row.name,
                "figure": figure.name,
                "goal": f"{'>=' if figure.at_least else '<='} {shown(figure, figure.bound)}",
                "measured": "-" if value is None else shown(figure, value),
                # Without the failed runs a value may look better than it is.
                "holds": complete and value is not None and figure.holds(value),
                "seeds": [record["seed"] for record in finished],
            }
        )
    return lines


def shown(figure: Figure, value: float) -> str:
    if figure.percent:
        return f"{100 * value:.4g} %"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def tell(plan: Plan, lines: Sequence[dict[str, object]]) -> None:
    seeds = lines[0]["seeds"]
    print(f"\n{plan.row.axis}{f' ({plan.row.note})' if plan.row.note else ''}")
    for line in lines:
        mark = "  " if line["holds"] else "! "
        print(f"  {mark}{line['figure']:<46} {line['measured']:>12}   goal {line['goal']}")
    print(f"  {plan.runs[0].options.nodes} nodes, seeds {seeds}; {plan.runs[0].command}")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/goals",
        description=__doc__.splitlines()[0],
        epilog="rows: " + " ".join(ROWS_BY_NAME),
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="the rows to measure (default: all)")
    parser.add_argument(
        "--seeds",
        default="10",
        help="number of seeds, from 1; or a list such as 3,5,7 (default: 10)",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="use networks of the size that the goal names: takes hours instead of minutes",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="parallel runs (default: number of cores)",
    )
    parser.add_argument("--out", default="goals.jsonl", help="results file (default: goals.jsonl)")
    parser.add_argument("--read", action="store_true", help="run nothing: judge the stored results")
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in ROWS_BY_NAME]
    if unknown:
        print(
            f"goals: there is no row {unknown[0]!r}; known are {', '.join(ROWS_BY_NAME)}",
            file=sys.stderr,
        )
        return 2
    try:
        seeds = seeds_of(options.seeds)
        plans = [
            plan_of(ROWS_BY_NAME[name], seeds, full=options.full)
            for name in options.rows or ROWS_BY_NAME
        ]
        with ResultsFile(options.out) as results:
            records = (
                held(results) if options.read else measure(plans, results, max(1, options.jobs))
            )
    except KadiscError as error:
        print(f"goals: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"goals: finished runs are in {options.out}; the same command resumes",
            file=sys.stderr,
        )
        return 130
    verdicts = [(plan, judged(plan, records)) for plan in plans]
    if options.json:
        print(
            json.dumps(
                [
                    {**line, "command": plan.runs[0].command}
                    for plan, lines in verdicts
                    for line in lines
                ],
                indent=1,
            )
        )
    else:
        for plan, lines in verdicts:
            tell(plan, lines)
    return 0 if all(line["holds"] for _, lines in verdicts for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
