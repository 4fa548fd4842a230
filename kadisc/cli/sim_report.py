"""``kadisc sim report``: makes a page with charts from results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .output import print_json, say, show

if TYPE_CHECKING:
    from ..sim.report.charts import Chart
    from ..sim.report.points import Subject

SUMMARY = "make a page with charts from the results of sweeps"
DESCRIPTION = (
    "Makes one HTML file with charts from results: distributions of latencies, recall and dead "
    "entries over time, cost per node, the success of attacks, and each metric against each varied "
    "option with the spread over the seeds. Below are the numbers, the failed seeds, and the "
    "commands that reproduce them."
)
EXAMPLES = """\
examples:
  kadisc sim report churn.jsonl
  kadisc sim report churn.jsonl lookup.jsonl --out report.html
  kadisc sim run lookup --json >> runs.jsonl; kadisc sim report runs.jsonl"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results",
        nargs="+",
        metavar="RESULTS.jsonl",
        help="files that kadisc sim sweep wrote",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="the page (default: the name of the first file, with .html)"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the contents of the page as JSON on stdout and nothing else",
    )


def execute(options: argparse.Namespace) -> int:
    from ..sim.report.charts import charts_of
    from ..sim.report.page import page
    from ..sim.report.points import subjects
    from ..sim.sweep.results import read_results

    records = []
    for path in options.results:
        found, torn = read_results(path)
        records += found
        if torn:
            say(f"the last line of {path} is incomplete and ignored")
    out = Path(options.out or Path(options.results[0]).with_suffix(".html"))
    if out.resolve() in [Path(path).resolve() for path in options.results]:
        raise UsageError(f"--out {out}: this is one of the results files")
    every = subjects(records)
    charts = {subject.scenario: list(charts_of(subject)) for subject in every}
    try:
        out.write_text(
            page(every, charts, [Path(path).name for path in options.results]), encoding="utf-8"
        )
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}") from None
    if options.json:
        print_json(_document(str(out), every, charts))
    else:
        _print(str(out), every, charts)
    return 0


def _document(out: str, every: list[Subject], charts: dict[str, list[Chart]]) -> dict[str, object]:
    from ..sim.report.points import numeric_columns

    points = [(subject, point) for subject in every for point in subject.points]
    tables = [(subject, "", subject.rows()) for subject in every] + [
        (subject, name, rows) for subject in every for name, rows in subject.tables().items()
    ]
    return {
        "out": out,
        "runs": sum(len(point.runs) for _, point in points),
        "failed": [
            {name: run[name] for name in ("scenario", "seed", "failed", "command")}
            for _, point in points
            for run in point.failed
        ],
        "charts": [
            {"scenario": scenario, "title": chart.title}
            for scenario, found in charts.items()
            for chart in found
        ],
        "rows": [
            {
                "scenario": subject.scenario,
                **({"table": table, "variant": row.variant} if table else {}),
                "values": dict(row.point.values),
                "seeds": row.point.seeds,
                "failed_seeds": sorted(run["seed"] for run in row.point.failed),
                "command": row.point.command,
                "medians": {
                    name: spread[0]
                    for name in numeric_columns([row])
                    if (spread := row.spread(name)) is not None
                },
            }
            for subject, table, rows in tables
            for row in rows
        ],
    }


def _print(out: str, every: list[Subject], charts: dict[str, list[Chart]]) -> None:
    for subject in every:
        runs = sum(len(point.runs) for point in subject.points)
        failed = sum(len(point.failed) for point in subject.points)
        show(f"{subject.scenario}: {runs} runs, {failed} failed")
        for chart in charts[subject.scenario]:
            show(f"  {chart.title}")
    show(f"page: {out}")
