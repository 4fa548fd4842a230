"""``kadisc run`` as a service: what its manager is told, at a socket of the test's own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ..support.json_schema import SchemaChecker
from .commands import COMMAND, PATIENCE_S, environment, kadisc, next_event, running

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


@contextmanager
def pair(folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two nodes of a network that have verified each other."""
    hosts = [f"127.{os.getpid() % 200 + 20}.{number}.1" for number in (1, 2)]
    with ExitStack() as stack:
        nodes, endpoints = [], list[str]()
        for host in hosts:
            words = ["run", "--network", "pair", "--bind", f"{host}:0", "--json", "--no-routers"]
            words += ["--allow-private", "--state-dir", str(folder / host)]
            words += [word for each in endpoints for word in ("--bootstrap", each)]
            process = stack.enter_context(running(*words))
            endpoints.append(next_event(process, "listening")["nodes"][0]["endpoints"][0])
            nodes.append(process)
        for process in nodes:
            next_event(process, "peer_verified")
        yield nodes


def test_sigterm_ends_within_two_seconds_and_peers_are_told(tmp_path: Path) -> None:
    """However many follow the first one."""
    with pair(tmp_path) as (stays, ends):
        asked = time.monotonic()
        for _ in range(3):
            ends.send_signal(signal.SIGTERM)
            time.sleep(0.01)
        output, errors = ends.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - asked < SOON_S
        assert (ends.returncode, errors) == (0, "")
        assert json.loads(output.splitlines()[-1])["signal"] == "SIGTERM"
        assert next_event(stays, "peer_lost")["reason"] == "goodbye"


@pytest.mark.real
def test_a_reader_that_is_gone_ends_the_node_in_order(tmp_path: Path) -> None:
    """At the next line, as that of SIGTERM: the pipe is broken, and peers are told all the same."""
    with pair(tmp_path) as (stays, ends):
        assert ends.stdout is not None
        assert ends.stderr is not None
        ends.stdout.close()
        ends.send_signal(signal.SIGTERM)
        assert ends.wait(PATIENCE_S) == 0
        assert ends.stderr.read() == ""
        assert next_event(stays, "peer_lost")["reason"] == "goodbye"


@pytest.mark.real
def test_the_manager_is_told_of_a_reload(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('network = "x"\n[log]\nlevel = "warning"\n')
    words = "run", "--config", str(file), "--bind", "127.0.0.1:0", "--no-routers", "--no-dashboard"
    with service(tmp_path, *words, "--state-dir", str(tmp_path / "s")) as (process, manager):
        manager.next("READY=1")
        for text in ('network = "x"\n[log]\nlevel = "debug"\n', "not TOML"):
            file.write_text(text)
            process.send_signal(signal.SIGHUP)
            assert manager.next("RELOADING=1").startswith("RELOADING=1\nMONOTONIC_USEC=")
            assert manager.next("READY=1") == "READY=1\n"
            time.sleep(1.1)  # a node reads its configuration at most once a second
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.real
def test_a_health_check_is_an_exit_code(tmp_path: Path) -> None:
    here = "--state-dir", str(tmp_path / "s")
    words = "run", *here, "--bind", "127.0.0.1:0", "--no-routers", "--json"
    with running(*words) as process:
        next_event(process, "listening")
        done = kadisc("status", "--quiet", *here)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    done = kadisc("status", "--quiet", *here)
    assert (done.returncode, done.stdout) == (1, "")
