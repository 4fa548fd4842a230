"""What the fixtures of scenarios do with their documents."""

import os
from typing import Any

import pytest

from .scenario_runs import Seen


def unavailable(reason: str) -> None:
    """Skips the test; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must run this test: {reason}", pytrace=False)
    pytest.skip(reason)


def asked(session: pytest.Session, fixture: str) -> list[Any]:
    """The different parameters of ``fixture`` in the chosen tests."""
    found = [
        item.callspec.params[fixture]
        for item in session.items
        if fixture in getattr(getattr(item, "callspec", None), "params", ())
    ]
    return list(dict.fromkeys(found))


def checked(document: Seen) -> Seen:
    """Fails with the last lines of each program's log when something did not happen."""
    if "unavailable" in document:
        unavailable(document["unavailable"])
    if "error" in document:
        logs = [
            f"--- {program}\n{lines}"
            for program, streams in document["logs"].items()
            for lines in _pretty(streams)
        ]
        seen = {
            name: value
            for name, value in document.items()
            if name not in ("error", "logs", "elapsed_s")
        }
        pytest.fail("\n".join([document["error"], f"so far: {seen}", *logs]), pytrace=False)
    return document


def _pretty(streams: dict[str, list[str]] | list[str]) -> list[str]:
    if isinstance(streams, list):
        return ["\n".join(streams)]
    return [f"[{name}]\n" + "\n".join(lines) for name, lines in streams.items() if lines]
