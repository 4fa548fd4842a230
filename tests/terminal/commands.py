"""Runs the command line as a user does, in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

COMMAND = [sys.executable, "-W", "error", "-m", "kadisc"]
PATIENCE_S = 60
"""The time limit for programs that should end at once; only a broken one reaches it."""


_HOME = tempfile.TemporaryDirectory(prefix="kadisc-home-", ignore_cleanup_errors=True)
"""State and configuration folders for the tests, apart from those of the user; each process gets
new ones.
"""


def environment(**changes: str) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    home = tempfile.mkdtemp(dir=_HOME.name)
    places = {f"XDG_{kind}_HOME": f"{home}/{kind.lower()}" for kind in ("CONFIG", "STATE")}
    return kept | {"TERM": "xterm"} | places | changes


def kadisc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(),
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed at the end of the block."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def devnet(count: int) -> Iterator[list[dict[str, Any]]]:
    """A joined devnet; yields the nodes in its `listening` event."""
    with running("run", "--devnet", str(count), "--bind", "127.0.0.1:0", "--json") as process:
        nodes = next_event(process, "listening")["nodes"]
        next_event(process, "joined")
        yield nodes


def error_code(output: str) -> str:
    """The code in the error document that is the whole output of a failed command."""
    document = json.loads(output)
    assert list(document) == ["error"]
    assert list(document["error"]) == ["code", "message"]
    assert document["error"]["message"]
    code: str = document["error"]["code"]
    return code


def next_event(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    """The next JSON line with this event."""
    assert process.stdout is not None
    for line in process.stdout:
        record: dict[str, Any] = json.loads(line)
        if record["event"] == name:
            return record
    raise AssertionError(f"it ended without {name}")
