"""The terminal while it is ours: its alternate screen, its modes, its size, what is typed and what
is shown.

A terminal can be slow, and it can stop altogether: Ctrl-S, a laptop that sleeps at the other end of
an ssh connection, a reader who scrolls. A plain write would then wait, and the node with it. So the
terminal is opened once more, for us alone, in non-blocking mode: to set that mode on stdin or
stdout would set it for the shell as well, which shares them. Whatever cannot be written at once is
awaited, and frames that come in the meantime are dropped but for the last.
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
"""The cursor is shown, the alternate screen is left; see `paint.ENTER`."""

_LEAVE_WITHIN_S = 0.5
"""A terminal that takes nothing for so long at the end is left as it is: it will hardly be looked
at.
"""
_TYPED_BYTES = 1024


class Screen:
    """``with`` it, run `write` as a task, call `show` for each frame. What was changed is put back
    at the end of the block, whatever ends it.
    """

    def __init__(self, fd: int, painter: Painter, glyphs: Glyphs) -> None:
        """``fd``: a terminal, opened for reading and writing in non-blocking mode; it is closed
        with the screen.
        """
        self.glyphs = glyphs
        self.dropped = 0
        """Frames that the terminal was too slow for."""
        self.shown = 0
        self._fd = fd
        self._canvas = Canvas(painter)
        self._before: list[Any] | None = None
        self._next: list[Line] | None = None
        self._begun = False
        self._payload = memoryview(b"")
        """What is left to be written of the frame that is under way."""
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

    # --- what is shown ----------------------------------------------------------------------------

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, now."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            columns, rows = 0, 0
        return columns or 80, rows or 24  # a serial line does not know

    @property
    def is_behind(self) -> bool:
        """The terminal has not taken the last frame yet: it is no use to make another."""
        return self._next is not None

    def show(self, lines: list[Line]) -> None:
        """The next frame; one that was not begun to be written is dropped."""
        if self._next is not None:
            self.dropped += 1
        self._next = lines
        self._wanted.set()

    def start_anew(self) -> None:
        """Whatever is on the terminal, the next frame is drawn from nothing: it was resized, or
        scribbled over.
        """
        self._canvas.start_anew()

    async def write(self) -> None:
        """Writes frames, for ever. Raises OSError when the terminal goes away."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            if self._next is None:
                continue
            lines, self._next = self._next, None
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

    # --- what is typed ----------------------------------------------------------------------------

    async def typed(self) -> bytes:
        """The bytes of the next keys. Raises OSError when the terminal goes away."""
        while True:
            await trio.lowlevel.wait_readable(self._fd)
            try:
                keys = os.read(self._fd, _TYPED_BYTES)
            except BlockingIOError:
                continue  # somebody else has read it
            if not keys:
                raise OSError("the terminal was closed")
            return keys

    def _take_keys(self) -> None:
        """Each key at once and unseen. Ctrl-C, Ctrl-Z and Ctrl-S stay what they are."""
        modes = termios.tcgetattr(self._fd)
        modes[3] &= ~(termios.ECHO | termios.ICANON)
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._fd, termios.TCSANOW, modes)

    # --- to and fro -------------------------------------------------------------------------------

    def leave(self) -> None:
        """Puts everything back; again after `enter_again`."""
        if self._before is None:
            return
        before, self._before = self._before, None
        try:
            if self._begun:
                self._write_last(LEAVE)
        finally:
            self._begun, self._payload = False, memoryview(b"")
            with contextlib.suppress(termios.error):  # it has gone away
                # Without waiting for the output, which might never go out.
                termios.tcsetattr(self._fd, termios.TCSANOW, before)

    def enter_again(self) -> None:
        self._before = termios.tcgetattr(self._fd)
        self._take_keys()
        self._canvas.start_anew(ENTER)

    def _write_last(self, payload: bytes) -> None:
        end = time.monotonic() + _LEAVE_WITHIN_S
        try:
            # Stopping it ourselves and going on ends a stop by Ctrl-S too.
            termios.tcflow(self._fd, termios.TCOOFF)
            termios.tcflow(self._fd, termios.TCOON)
            while payload:
                try:
                    payload = payload[os.write(self._fd, payload) :]
                except BlockingIOError:
                    if not select.select([], [self._fd], [], max(0.0, end - time.monotonic()))[1]:
                        return
        except (OSError, termios.error):
            return  # it has gone away


def open_terminal() -> int | None:
    """The terminal behind stdout as a file of our own, non-blocking; None where there is none that
    we could draw on: no terminal, one that cannot be opened again, or one where another program is
    in the foreground.
    """
    try:
        fd = _open_again(sys.stdout.fileno())
    except (OSError, ValueError):
        return None
    try:
        in_background = os.tcgetpgrp(fd) != os.getpgrp()
    except OSError:
        in_background = False  # not our controlling terminal: there is no foreground to ask about
    if in_background:
        os.close(fd)
        return None
    return fd


def _open_again(stdout: int) -> int:
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        return os.open(os.ttyname(stdout), flags)
    except OSError:
        # In a container the name may be that of the world outside.
        return os.open(f"/dev/fd/{stdout}", flags)
