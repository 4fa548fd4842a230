"""``kadisc run`` as a service: what its manager is told, at a socket of the test's own."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
        assert process.wait(PATIENCE_S) == 0
        assert time.monotonic() - asked < SOON_S


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
