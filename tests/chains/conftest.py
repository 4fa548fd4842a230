"""The lab for the tests in this folder. A machine without namespaces or the chain nodes skips them
and says why; in CI that is a failure.
"""

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from ..support.namespaces import UnavailableError, check_namespaces
from ..support.scenario_results import asked, checked, unavailable
from .lab import TRIAL, ChainLab, Seen, fetch_chain_nodes


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
