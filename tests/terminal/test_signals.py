"""Signals: commands end soon, with the right exit code, and restore the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kadisc.cli.tasks import OTHER_ENDINGS

from .commands import COMMAND, PATIENCE_S, devnet, environment, error_code, next_event, running

SOON_S = 5.0
"""Five times the expected second."""


@contextmanager
def silent_host() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


@pytest.mark.parametrize(
    ("number", "devnet_size"),
    [
        (signal.SIGINT, 1),
        (signal.SIGINT, 60),
        (signal.SIGTERM, 60),
        *((number, 1) for number in OTHER_ENDINGS if number is not signal.SIGHUP),
    ],
)
def test_run_ends_on_a_signal(number: signal.Signals, devnet_size: int) -> None:
    with running("run", "--devnet", str(devnet_size), "--bind", "127.0.0.1:0", "--json") as process:
        next_event(process, "listening")
        asked = time.monotonic()
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - asked < SOON_S
        assert (process.returncode, errors) == (0, "")
        assert '"event": "stopped"' in output.splitlines()[-1]
        assert output.endswith(f'"signal": "{number.name}"}}\n')


def test_a_closed_terminal_ends_the_node_in_order(tmp_path: Path) -> None:
    """The kernel and the shell both send SIGHUP, and nothing can be written any more."""
    folder = ["--state-dir", str(tmp_path), "--bind", "127.0.0.1:0", "--no-dashboard"]
    with silent_host() as where:
        terminal = Terminal("run", "--bootstrap", where, *folder)
        try:
            terminal.read_until(b"listening")
            (tmp_path / "state.sqlite3").unlink(missing_ok=True)
            terminal.hang_up()
            for _ in range(3):
                terminal.process.send_signal(signal.SIGHUP)
            assert terminal.process.wait(PATIENCE_S) == 0
        finally:
            terminal.process.kill()
            terminal.process.wait()
    assert (tmp_path / "state.sqlite3").exists()
    assert not (tmp_path / "control.sock").exists()


def test_a_node_that_was_told_to_ignore_sighup_runs_on() -> None:
    """As by nohup."""
    process = subprocess.Popen(
        [*COMMAND, "run", "--devnet", "1", "--bind", "127.0.0.1:0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=_ignore_hang_up,
    )
    try:
        next_event(process, "listening")
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.terminate()
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    assert output.endswith('"message": "by SIGTERM", "signal": "SIGTERM"}\n')


def _ignore_hang_up() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("command", "number"),
    [
        (["find", "random", "--bootstrap"], signal.SIGINT),
        (["ping"], signal.SIGINT),
        (["ping"], signal.SIGHUP),
    ],
)
def test_an_interrupted_command_ends_with_130(command: list[str], number: signal.Signals) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.bind(("127.0.0.1", 0))
        with running(*command, f"127.0.0.1:{sock.getsockname()[1]}", "--json") as process:
            sock.recv(2048)  # now it waits for an answer
            asked = time.monotonic()
            process.send_signal(number)
            output, errors = process.communicate(timeout=PATIENCE_S)
            assert time.monotonic() - asked < SOON_S
            assert (process.returncode, error_code(output), errors) == (130, "interrupted", "")


class Terminal:
    """A process on its own terminal, where Ctrl-C is typed instead of a signal sent."""

    def __init__(self, *arguments: str, **changes: str) -> None:
        self._own, other_end = pty.openpty()
        fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
        self.before = termios.tcgetattr(other_end)
        self._other_end = other_end
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=other_end,
            stdout=other_end,
            stderr=other_end,
            env=environment(**changes),
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        self.output = b""

    def read_until(self, words: bytes) -> None:
        end = time.monotonic() + PATIENCE_S
        while words not in self.output:
            ready, _, _ = select.select([self._own], [], [], max(0, end - time.monotonic()))
            assert ready, self.output
            self.output += os.read(self._own, 65536)

    def type(self, keys: bytes) -> None:
        os.write(self._own, keys)

    def wait(self) -> int:
        code = self.process.wait(PATIENCE_S)
        while select.select([self._own], [], [], 0)[0]:
            self.output += os.read(self._own, 65536)
        assert termios.tcgetattr(self._other_end) == self.before
        return code

    def hang_up(self) -> None:
        os.close(self._other_end)
        os.close(self._own)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._own)
        os.close(self._other_end)


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def on_terminal(*arguments: str, **changes: str) -> Iterator[Terminal]:
    terminal = Terminal(*arguments, **changes)
    try:
        yield terminal
    finally:
        terminal.close()


def _cursor_is_shown(output: bytes) -> bool:
    return output.rfind(b"\x1b[?25l") <= output.rfind(b"\x1b[?25h")


def test_find_shows_its_progress_and_ctrl_c_leaves_a_clean_line() -> None:
    with silent_host() as where, on_terminal("find", "random", "--bootstrap", where) as terminal:
        terminal.read_until(b"1 datagram sent, 0 answered")
        asked = time.monotonic()
        terminal.type(b"\x03")
        assert terminal.wait() == 130
        assert time.monotonic() - asked < SOON_S
        assert _cursor_is_shown(terminal.output)
        assert terminal.output.endswith(b"\r\x1b[K")


def test_run_on_a_terminal_is_ended_by_ctrl_c() -> None:
    with on_terminal("run", "--devnet", "5", "--bind", "127.0.0.1:0", "--no-dashboard") as terminal:
        terminal.read_until(b"5 of 5 nodes have joined")
        asked = time.monotonic()
        terminal.type(b"\x03")
        assert terminal.wait() == 0
        assert time.monotonic() - asked < SOON_S
        assert _cursor_is_shown(terminal.output)
        assert b"\x1b[1mlistening" in terminal.output
        assert b"stopped" in terminal.output


@pytest.mark.parametrize(
    ("changes", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_find_on_a_terminal_ends_with_its_table(changes: dict[str, str], colored: bool) -> None:
    with (
        devnet(9) as nodes,
        on_terminal(
            "find", "random", "--bootstrap", nodes[0]["endpoints"][0], **changes
        ) as terminal,
    ):
        assert terminal.wait() == 0
        assert b"8 nodes in" in terminal.output
        assert (b"\x1b[1m" in terminal.output) == colored
        assert _cursor_is_shown(terminal.output)
