"""The verdicts of scripts/goals."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_a_goal_is_missed_if_one_of_its_runs_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    goals = runpy.run_path(str(SCRIPTS / "goals.py"))
    row = goals["ROWS_BY_NAME"]["lookup"]
    met = [
        replace(figure, read=lambda records, bound=figure.bound: bound) for figure in row.figures
    ]
    plan = goals["plan_of"](replace(row, figures=tuple(met)), [1, 2], full=False)
    records = {run.key: {"seed": run.options.seed} for run in plan.runs}
    assert all(line["holds"] for line in goals["judged"](plan, records))
    records.popitem()
    assert not any(line["holds"] for line in goals["judged"](plan, records))


def test_nodes_that_never_arrived_count_among_the_slowest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    read = runpy.run_path(str(SCRIPTS / "goal_rows.py"))["pooled"]("time", 99, "arrived")

    def run(*, arrived: float, slowest: float = 100.0) -> dict[str, object]:
        return {
            "metrics": {"time_quantiles": [*map(float, range(100)), slowest], "arrived": arrived}
        }

    assert read([run(arrived=1.0)]) == 99.0
    assert read([run(arrived=1.0), run(arrived=1.0, slowest=1000.0)]) == 99.0
    assert read([run(arrived=1.0), run(arrived=0.9)]) == float("inf")
    assert read([{"metrics": {"time_quantiles": [], "arrived": 0.0}}]) == float("inf")
