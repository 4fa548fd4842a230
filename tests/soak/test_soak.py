"""An hour of everything at once: `pytest -m soak tests/soak`, or with `--soak-minutes 30`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..chains.lab import TRIAL
from ..support.namespaces import NAMESPACES, UnavailableError, check_namespaces
from ..support.scenario_results import checked, unavailable
from ..support.scenario_runs import ScenarioRuns, fetch_programs

MAX_GROWTH = 0.05
SILENCED = ("KadiscUnreachable",)
"""In a namespace no node is a stranger for long."""


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_nothing_grows_alarms_or_repeats(soak_minutes: float, tmp_path: Path) -> None:
    namespaces = [*NAMESPACES, "--mount-proc"]
    try:
        check_namespaces(TRIAL, namespaces)
        chain_nodes = fetch_programs("chain-nodes")
        prometheus = fetch_programs("prometheus-programs")
    except UnavailableError as error:
        unavailable(str(error))
        return
    limit_s = 60.0 * soak_minutes + 600.0
    runs = ScenarioRuns(namespaces, f"{__package__}.scenario", 1, limit_s)
    try:
        run = runs.start("soak", str(soak_minutes), str(prometheus), programs=chain_nodes)
        seen = checked(run.result())
    finally:
        runs.close()
    print(json.dumps(seen, indent=1))
    fired = {name for name, state in seen["alerts"].items() if state == "firing"}
    assert not {name for name in fired if name.split()[0] not in SILENCED}, seen["alerts"]
    assert seen["repeated"] == {}
    assert seen["up"] == 6
    assert all(each["bytes"] > 0 for each in seen["watched"].values())
    grown = {name: of for name, of in seen["memory"].items() if of["growth"] >= MAX_GROWTH}
    assert grown == {}, seen["memory"]
