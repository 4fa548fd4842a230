"""The lab for the tests in this folder. A machine without namespaces or Debian's router programs
skips them and says why; in CI that is a failure.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from ..support.namespaces import UnavailableError, check_namespaces
from ..support.routers.namespaces import ROUTER_NAMESPACES, TRIAL
from ..support.scenario_results import asked, checked, unavailable
from ..support.scenario_runs import ScenarioRuns, Seen, fetch_programs

AT_ONCE = 3
"""More would only wait for the two cores: each has a world of some 40 nodes."""
LIMIT_S = 400.0
TIMEOUT_S = 900
"""Of a test: the first one of a scenario waits for all of it, and for those before."""
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def router_runs(request: pytest.FixtureRequest) -> Iterator[dict[str, "Future[Seen]"]]:
    """All scenarios that the chosen tests ask for, started together, with the parts that these
    tests need.
    """
    try:
        check_namespaces(TRIAL, ROUTER_NAMESPACES)
        programs = fetch_programs("router-programs")
    except UnavailableError as error:
        unavailable(str(error))
        return
    runs = ScenarioRuns(ROUTER_NAMESPACES, "tests.routers.scenarios", AT_ONCE, LIMIT_S)
    parts: dict[str, list[str]] = {}
    for name in asked(request.session, "behind"):
        scenario, part = name.split("/")
        parts.setdefault(scenario, []).append(part)
    try:
        yield {
            scenario: runs.start(scenario, ",".join(names), programs=programs)
            for scenario, names in parts.items()
        }
    finally:
        runs.close()


@pytest.fixture
def behind(request: pytest.FixtureRequest, router_runs: dict[str, "Future[Seen]"]) -> Seen:
    """What happened behind a router in one part of a scenario: SCENARIO/PART."""
    scenario, part = request.param.split("/")
    document = checked(router_runs[scenario].result())
    return checked(document["parts"][part])
