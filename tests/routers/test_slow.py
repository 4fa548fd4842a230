"""The slow list: each kind of NAT five times, and ten idle minutes with mappings of 30 seconds.
``pytest -m slow tests/routers -s`` runs it and prints what was seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ..support.namespaces import UnavailableError, check_namespaces
from ..support.routers.namespaces import ROUTER_NAMESPACES, TRIAL
from ..support.routers.nat import KINDS
from ..support.scenario_results import checked, unavailable
from ..support.scenario_runs import ScenarioRuns, Seen, fetch_programs
from .test_kinds import DEPENDENT, OPEN

LIMIT_S = 1500.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * LIMIT_S)]


@pytest.fixture(scope="module")
def slow_runs() -> Iterator[ScenarioRuns]:
    try:
        check_namespaces(TRIAL, ROUTER_NAMESPACES)
    except UnavailableError as error:
        unavailable(str(error))
        return
    runs = ScenarioRuns(ROUTER_NAMESPACES, "tests.routers.scenarios", 1, LIMIT_S)
    yield runs
    runs.close()


def played(runs: ScenarioRuns, name: str, parts: tuple[str, ...]) -> dict[str, Seen]:
    programs = fetch_programs("router-programs")
    document = checked(runs.start(name, ",".join(parts), programs=programs).result())
    return {part: checked(document["parts"][part]) for part in parts}


def test_each_kind_of_nat_five_times(slow_runs: ScenarioRuns) -> None:
    for kind, seen in played(slow_runs, "again", KINDS).items():
        print(kind, json.dumps(seen["runs"]))
        assert len(seen["runs"]) == 5
        for run in seen["runs"]:
            assert run["stranger"] is (kind in OPEN)
            if kind == "blocked":
                assert run["verdict"] == "unknown"
            elif kind in DEPENDENT:
                assert (run["verdict"] in ("unknown", "no"), run["nat"]) == (True, "dependent")
            else:
                assert run["verdict"] == ("yes" if kind in OPEN else "no")


def test_ten_idle_minutes_behind_a_router_that_forgets_after_30_s(slow_runs: ScenarioRuns) -> None:
    kinds = ("preserving", "address-restricted", "full-cone")
    for kind, seen in played(slow_runs, "idle", kinds).items():
        looks = seen["looks"]
        print(kind, seen["steps"], seen["queries_per_s"], json.dumps(looks[-1]))
        assert seen["verdict"] == ("yes" if kind in OPEN else "no")
        assert all(look["online"] for look in looks)
        assert {look["verdict"] for look in looks} == {seen["verdict"]}
        assert len({json.dumps(look["address"]["host"]) for look in looks}) == 1
        assert min(look["contacts"] for look in looks) >= 10
