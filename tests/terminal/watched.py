"""A program on its own terminal: its output, and the screen that the output makes (pyte)."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyte

from .commands import COMMAND, PATIENCE_S, environment

LEAVE = b"\x1b[?25h\x1b[?1049l"
_SCRIBBLE = "X"


class Watched:
    def __init__(self, command: Sequence[str], columns: int, rows: int, **changes: str) -> None:
        self._test_end, self._program_end = pty.openpty()
        self.output = b""
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._set_size(columns, rows)
        self.before = termios.tcgetattr(self._program_end)
        self.process = subprocess.Popen(
            command,
            stdin=self._program_end,
            stdout=self._program_end,
            stderr=self._program_end,
            env=environment(LANG="C.UTF-8", LC_ALL="C.UTF-8") | changes,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def until(self, is_there: str | Callable[[str], object], within_s: float = PATIENCE_S) -> str:
        """Reads until the screen has these words, or the function returns true for its text;
        returns the text.
        """
        end = time.monotonic() + within_s
        while not (is_there in self.text if isinstance(is_there, str) else is_there(self.text)):
            ended = self.process.poll() is not None
            assert self._read(min(0.1, end - time.monotonic())) or (
                time.monotonic() < end and not ended
            ), f"not seen in {within_s} s:\n{self.text}"
        return self.text

    def quiet_for(self, seconds: float) -> bool:
        """Whether the program writes nothing for this time."""
        return not select.select([self._test_end], [], [], seconds)[0]

    def type(self, keys: str) -> None:
        os.write(self._test_end, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Resizes the terminal and overwrites the screen, so that a frame that is not redrawn
        entirely is detected.
        """
        self.screen.resize(rows, columns)
        self.screen.reset()
        for row in range(rows):
            self._stream.feed(f"\x1b[{row + 1};1H{_SCRIBBLE * columns}".encode())
        self._set_size(columns, rows)

    def is_scribbled_over(self) -> bool:
        return _SCRIBBLE * 3 in self.text

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Waits for the exit and returns its code; the terminal modes must be restored."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < end:
            self._read(0.05)
        while self._read(0):
            pass
        code = self.process.wait(0)
        assert termios.tcgetattr(self._program_end) == self.before
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._test_end)
        os.close(self._program_end)

    def _read(self, within_s: float) -> bool:
        if not select.select([self._test_end], [], [], max(0.0, within_s))[0]:
            return False
        chunk = os.read(self._test_end, 65536)
        self.output += chunk
        self._stream.feed(chunk)
        return True

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._program_end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def watched(
    *arguments: str, columns: int = 100, rows: int = 30, **changes: str
) -> Iterator[Watched]:
    """Runs ``kadisc`` with these arguments."""
    with watched_program([*COMMAND, *arguments], columns=columns, rows=rows, **changes) as terminal:
        yield terminal


@contextmanager
def watched_program(
    command: Sequence[str], *, columns: int = 100, rows: int = 30, **changes: str
) -> Iterator[Watched]:
    terminal = Watched(command, columns, rows, **changes)
    try:
        yield terminal
    finally:
        terminal.close()


def python_module(name: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", name]


def port_in(text: str) -> int:
    """The port of the node in a frame."""
    match = re.search(r"127\.0\.0\.1:(\d+)", text)
    assert match is not None, text
    return int(match[1])
