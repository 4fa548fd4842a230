"""The lab for the tests in this folder. A machine without namespaces or the chain nodes skips them
and says why; in CI that is a failure.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from ..support.namespaces import UnavailableError, check_namespaces
from ..support.scenario_results import asked, checked, unavailable
from .lab import TRIAL, ChainLab, Seen, fetch_chain_nodes

TIMEOUT_S = 900
"""Of a test: the first one of a scenario waits for all of it, and for those before."""
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[str, "Future[Seen]"]]:
    """All scenarios that the chosen tests ask for, started together."""
    try:
        check_namespaces(TRIAL)
        lab = ChainLab(fetch_chain_nodes())
    except UnavailableError as error:
        unavailable(str(error))
        return
    try:
        yield {each: lab.start(each) for each in asked(request.session, "seen_beside_chain")}
    finally:
        lab.close()


@pytest.fixture
def seen_beside_chain(request: pytest.FixtureRequest, runs: dict[str, "Future[Seen]"]) -> Seen:
    """What the scenario saw."""
    return checked(runs[request.param].result())
