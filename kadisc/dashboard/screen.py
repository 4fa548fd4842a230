"""The terminal of the dashboard: its alternate screen, modes, size, input and output.

A terminal can be slow or stop: because of Ctrl-S, a laptop that sleeps at the other end of an ssh
connection, or a user who scrolls. A blocking write would then block the node. So the terminal is
opened a second time in non-blocking mode; setting that mode on stdin or stdout would set it for the
shell too, which shares them. Output that cannot be written at once waits, and of the frames that
come in the meantime only the last is kept.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import time
from types import TracebackType
from typing import Any

import trio

from .glyphs import Glyphs
from .lines import Line
from .paint import ENTER, Canvas, Painter

LEAVE = b"\x1b[0m\x1b[?25h\x1b[?1049l"
"""Shows the cursor and leaves the alternate screen; see `paint.ENTER`."""

_LEAVE_WITHIN_S = 0.5
"""How long the exit waits for a terminal that takes no output."""
_TYPED_BYTES = 1024


class Screen:
    """Use as a context manager, run `write` as a task, and call `show` for each frame. The end of
    the block restores the terminal, also after an error.
    """

    def __init__(self, fd: int, painter: Painter, glyphs: Glyphs) -> None:
        """``fd``: a terminal, opened for reading and writing in non-blocking mode; the screen
        closes it.
        """
        self.glyphs = glyphs
        self.dropped = 0
        """The number of frames that the terminal was too slow for."""
        self.shown = 0
        self._fd = fd
        self._canvas = Canvas(painter)
        self._before: list[Any] | None = None
        self._next: list[Line] | None = None
        self._begun = False
        self._payload = memoryview(b"")
        """The rest of the frame that is being written."""
        self._wanted = trio.Event()

    def __enter__(self) -> Screen:
        self._before = termios.tcgetattr(self._fd)
        self._take_keys()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.leave()
        finally:
            os.close(self._fd)

    # --- output -----------------------------------------------------------------------------------

    @property
    def size(self) -> tuple[int, int]:
        """The current number of columns and rows."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            columns, rows = 0, 0
        return columns or 80, rows or 24  # a serial line has no size

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has not taken the last frame yet."""
        return self._next is not None

    def show(self, lines: list[Line]) -> None:
        """Sets the next frame. A frame that waits is dropped."""
        if self._next is not None:
            self.dropped += 1
        self._next = lines
        self._wanted.set()

    def redraw(self) -> None:
        """Makes the next frame clear the terminal first, because it was resized or overwritten."""
        self._canvas.redraw()

    async def write(self) -> None:
        """Writes frames until it is cancelled. Raises OSError when the terminal closes."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            if self._next is None:
                continue
            lines = self._next
            self._next = None
            self._payload = memoryview(
                self._canvas.strokes(lines).encode(self.glyphs.encoding, "replace")
            )
            self._begun = True
            while self._payload:
                try:
                    self._payload = self._payload[os.write(self._fd, self._payload) :]
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._fd)
            self.shown += 1

    # --- input ------------------------------------------------------------------------------------

    async def typed(self) -> bytes:
        """The bytes of the next keys. Raises OSError when the terminal closes."""
        while True:
            await trio.lowlevel.wait_readable(self._fd)
            try:
                keys = os.read(self._fd, _TYPED_BYTES)
            except BlockingIOError:
                continue  # another process has read it
            if not keys:
                raise OSError("the terminal was closed")
            return keys

    def _take_keys(self) -> None:
        """Sets the mode for single keys without echo. Ctrl-C, Ctrl-Z, Ctrl-S keep their effect."""
        modes = termios.tcgetattr(self._fd)
        modes[3] &= ~(termios.ECHO | termios.ICANON)
        modes[6][termios.VMIN] = 1
        modes[6][termios.VTIME] = 0
        termios.tcsetattr(self._fd, termios.TCSANOW, modes)

    # --- leaving and returning --------------------------------------------------------------------

    def leave(self) -> None:
        """Restores the terminal. `enter_again` reverses it."""
        if self._before is None:
            return
        before = self._before
        self._before = None
        try:
            if self._begun:
                self._write_last(LEAVE)
        finally:
            self._begun = False
            self._payload = memoryview(b"")
            with contextlib.suppress(termios.error):  # the terminal is closed
                # TCSANOW does not wait for the output, which might never be sent.
                termios.tcsetattr(self._fd, termios.TCSANOW, before)

    def enter_again(self) -> None:
        """Raises OSError when the terminal has closed."""
        try:
            self._before = termios.tcgetattr(self._fd)
            self._take_keys()
        except termios.error as error:
            raise OSError(*error.args) from None
        self._canvas.redraw(ENTER)

    def _write_last(self, payload: bytes) -> None:
        end = time.monotonic() + _LEAVE_WITHIN_S
        try:
            # Stopping and restarting the output also ends a stop by Ctrl-S.
            termios.tcflow(self._fd, termios.TCOOFF)
            termios.tcflow(self._fd, termios.TCOON)
            while payload:
                try:
                    payload = payload[os.write(self._fd, payload) :]
                except BlockingIOError:
                    if not select.select([], [self._fd], [], max(0.0, end - time.monotonic()))[1]:
                        return
        except (OSError, termios.error):
            return  # the terminal is closed


def open_terminal() -> int | None:
    """Opens the terminal of stdout again, in non-blocking mode. None if it cannot be used: stdout
    is not a terminal, the terminal cannot be opened again, or another program is in the foreground.
    """
    try:
        fd = _open_again(sys.stdout.fileno())
    except (OSError, ValueError):
        return None
    try:
        in_background = os.tcgetpgrp(fd) != os.getpgrp()
    except OSError:
        in_background = False  # not the controlling terminal: it has no foreground
    if in_background:
        os.close(fd)
        return None
    return fd


def _open_again(stdout: int) -> int:
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(os.ttyname(stdout), flags)
    except OSError:
        # In a container the name may be one of the host.
        return os.open(f"/dev/fd/{stdout}", flags)
