"""One profile for all property tests, the rule that in CI a skipped test marked ``real`` fails, and
the rule that no test addresses the router of the machine.

The profile makes the same examples in every run, few enough for a fast test run.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from .support import network_guard

network_guard.switch_off()

settings.register_profile(
    "kadisc",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=False,
)
settings.load_profile("kadisc")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak-minutes", type=float, default=60.0, help="the length of the tests marked soak (60)"
    )


@pytest.fixture(autouse=True)
def no_router_is_addressed() -> Generator[None]:
    """Nodes of tests map no port and watch no interface; a test whose processes send to a port of
    routers all the same fails. Tests in namespaces of their own are free to.
    """
    yield
    noted = network_guard.take_noted()
    assert not noted, f"sent outside of a namespace: {noted}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test marked ``real`` that cannot run here is skipped and says why; in CI it must run."""
    report = yield
    if report.skipped and item.get_closest_marker("real") and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"CI must run this test: {report.longrepr}"
    return report
