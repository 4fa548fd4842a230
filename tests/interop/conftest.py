"""The lab for the tests in this folder. A machine without namespaces or Debian's clients skips them
and says why; in CI that is a failure.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from ..support.namespaces import UnavailableError, check_namespaces
from .lab import TRIAL, Lab, Seen, fetch_programs


def unavailable(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"CI must run the tests against real clients: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, str], "Future[Seen]"]]:
    """All scenarios that the chosen tests ask for, started together."""
    try:
        check_namespaces(TRIAL)
        lab = Lab(fetch_programs())
    except UnavailableError as error:
        unavailable(str(error))
        return
    asked = [
        item.callspec.params["seen"]
        for item in request.session.items
        if "seen" in getattr(getattr(item, "callspec", None), "params", ())
    ]
    try:
        yield {
            (scenario, subject): lab.start(scenario, subject)
            for scenario, subject in dict.fromkeys(asked)
        }
    finally:
        lab.close()


@pytest.fixture
def seen(request: pytest.FixtureRequest, runs: dict[tuple[str, str], "Future[Seen]"]) -> Seen:
    """What the scenario saw; fails with the last lines of each client's log when something did not
    happen.
    """
    document = runs[request.param].result()
    if "unavailable" in document:
        unavailable(document["unavailable"])
    if "error" in document:
        logs = [
            f"--- {client}\n{lines}"
            for client, streams in document["logs"].items()
            for lines in pretty(streams)
        ]
        pytest.fail(
            "\n".join(
                [
                    document["error"],
                    f"so far: {document.get('steps')}",
                    f"replies: {document.get('replies')}",
                    *logs,
                ]
            ),
            pytrace=False,
        )
    return document


def pretty(streams: dict[str, list[str]] | list[str]) -> list[str]:
    if isinstance(streams, list):
        return ["\n".join(streams)]
    return [f"[{name}]\n" + "\n".join(lines) for name, lines in streams.items() if lines]
