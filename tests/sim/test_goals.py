"""The verdicts of scripts/goals."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_a_goal_does_not_hold_while_a_run_of_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    goals = runpy.run_path(str(SCRIPTS / "goals.py"))
    row = goals["ROWS_BY_NAME"]["lookup"]
    met = [replace(figure, read=lambda records, bound=figure.bound: bound) for figure in row.figures]
    plan = goals["plan_of"](replace(row, figures=tuple(met)), [1, 2], full=False)
    records = {run.key: {"seed": run.options.seed} for run in plan.runs}
    assert all(line["holds"] for line in goals["judged"](plan, records))
    records.popitem()
    assert not any(line["holds"] for line in goals["judged"](plan, records))
