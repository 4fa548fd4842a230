"""``kadisc run`` as a service: what its manager is told, at a socket of the test's own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..support.json_schema import SchemaChecker
from .commands import COMMAND, PATIENCE_S, environment

SOON_S = 10.0
"""Five times the two seconds that are meant."""


class ServiceManager:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE_S)
        self.socket.bind(str(self.path))

    def next(self, start: str) -> str:
        """The next message that begins like this."""
        while not (message := self.socket.recv(4096).decode()).startswith(start):
            pass
        return message


@contextmanager
def service(
    folder: Path, *arguments: str, **variables: str
) -> Iterator[tuple[subprocess.Popen[str], ServiceManager]]:
    manager = ServiceManager(folder)
    named = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "1000000", **variables}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**named),
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process, manager
    finally:
        process.kill()
        process.communicate()
        manager.socket.close()


def test_the_manager_is_told_of_start_state_and_end(tmp_path: Path) -> None:
    devnet = "run", "--devnet", "5", "--bind", "127.0.0.1:0", "--json"
    with service(tmp_path, *devnet) as (process, manager):
        assert manager.next("READY=1") == "READY=1\n"
        assert manager.next("STATUS=joined").startswith("STATUS=joined, 4 contacts, ")
        manager.next("WATCHDOG=1")
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert manager.next("STOPPING=1") == "STOPPING=1\nSTATUS=stopping\n"
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert time.monotonic() - asked < SOON_S
    lines = [json.loads(line) for line in output.splitlines()]
    checker = SchemaChecker(
        json.loads((Path(__file__).parents[2] / "docs/reference/log.schema.json").read_text())
    )
    assert [fault for line in lines for fault in checker.faults(line, line["event"])] == []
    assert {"listening", "joined", "devnet_joined"} <= {line["event"] for line in lines}
    assert lines[-1]["event"] == "stopped"


def test_a_manager_that_vanishes_does_not_end_the_node(tmp_path: Path) -> None:
    devnet = "run", "--devnet", "1", "--bind", "127.0.0.1:0", "--json"
    with service(tmp_path, *devnet) as (process, manager):
        manager.next("WATCHDOG=1")
        manager.path.unlink()
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith(
            f"kadisc: warning: the service manager cannot be told at {manager.path}, retrying: "
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""


def test_in_the_journal_each_line_has_a_priority_and_no_clock(tmp_path: Path) -> None:
    place = tmp_path / "journal"
    with place.open("w") as journal, place.open("a") as errors:
        found = os.fstat(journal.fileno())
        variables = environment(JOURNAL_STREAM=f"{found.st_dev}:{found.st_ino}")
        arguments = ["run", "--devnet", "1", "--bind", "127.0.0.1:0", "--external", "45.2.3.4"]
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=journal, stderr=errors, env=variables
        )
        try:
            deadline = time.monotonic() + PATIENCE_S
            while "control: " not in place.read_text() and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
            process.wait()
    lines = place.read_text().splitlines()
    assert lines[0].startswith("<6>listening: 127.0.0.1:")
    assert lines[-1] == "<6>stopped: by SIGTERM"
    assert all(line.startswith(("<6>", "<4>")) for line in lines)


def test_errors_and_warnings_on_stderr_have_a_priority_in_the_journal(tmp_path: Path) -> None:
    place = tmp_path / "journal"
    with place.open("w") as journal:
        found = os.fstat(journal.fileno())
        variables = environment(JOURNAL_STREAM=f"{found.st_dev}:{found.st_ino}")
        done = subprocess.run(
            [*COMMAND, "run", "--bind", "nonsense"],
            stdout=subprocess.DEVNULL,
            stderr=journal,
            env=variables,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 2
    assert place.read_text().startswith("<3>--bind: ")
