"""Runs the async part of a command, and cancels it on a signal that asks the program to end."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import trio

from .exit_codes import INTERRUPTED

ASKED_BY_USER: Final = (signal.SIGINT,)
"""The first one cancels, a second one ends the program at once: somebody waits at a terminal."""
OTHER_ENDINGS: Final[tuple[signal.Signals, ...]] = tuple(
    signal.Signals[name]
    for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPWR", "SIGXCPU")
    if name in signal.Signals.__members__
)
"""SIGTERM, which supervisors, and scripts between them and the program, send more than once; and
signals that would kill a program that does not handle them, and that are sent without that
intention: a terminal closes (often with two SIGHUP), a log is rotated, another program's reload or
statistics are asked for, the power fails, a limit of processor time is reached. Each cancels;
however many follow, the program ends in order, and soon: what it waits for then has a limit.
SIGQUIT is left alone: it ends a program that handles nothing any more, and the shell says so.
"""


class Ending:
    """``signal``: the first signal that asked the program to end; None so far. ``by``: what asked
    it to end, in words.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.by: str | None = None
        self._cancel: Callable[[], None] = _nothing

    def cancels(self, cancel: Callable[[], None]) -> None:
        """How the program ends."""
        self._cancel = cancel

    def end(self, by: str) -> None:
        """Ends the program, as a signal does. Not from a signal handler."""
        self.by = self.by or by
        self._cancel()


def _has_terminal() -> bool:
    """Whether the process has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except (OSError, AttributeError):
        return False
    return True


def _nothing() -> None:
    pass


class Hangups:
    """SIGHUP, for a program that does not end by it. However many arrive while one is being dealt
    with count as one more. A terminal that closes sends it too: a program that had one, and has
    none any more, ends.
    """

    def __init__(self) -> None:
        self._arrived = trio.Event()
        self._had_terminal = _has_terminal()

    @property
    def has_lost_terminal(self) -> bool:
        return self._had_terminal and not _has_terminal()

    def note(self) -> None:
        self._arrived.set()

    async def next(self) -> None:
        """Returns when one has arrived since the last call."""
        await self._arrived.wait()
        self._arrived = trio.Event()


def run_until_signalled(
    main: Callable[[], Awaitable[int]],
    *,
    when_signalled: int = INTERRUPTED,
    ending: Ending | None = None,
    hangups: Hangups | None = None,
) -> int:
    """Returns the exit code of ``main``, or ``when_signalled`` if a signal cancelled it, which
    ``ending`` then names. With ``hangups``, SIGHUP is noted there and cancels nothing.
    """
    return trio.run(_run, main, when_signalled, ending or Ending(), hangups)


async def _run(
    main: Callable[[], Awaitable[int]],
    when_signalled: int,
    ending: Ending,
    hangups: Hangups | None,
) -> int:
    # The signal cancels the task, instead of raising KeyboardInterrupt at any line: sockets are
    # closed and operations end in order.
    with trio.CancelScope() as scope, _cancelled_by_signals(scope, ending, hangups):
        ending.cancels(scope.cancel)
        return await main()
    return when_signalled


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """For a command without async tasks: the signals that would kill it raise KeyboardInterrupt in
    it, as SIGINT does, so that it cleans up and says that it was interrupted.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    killing = [number for number in OTHER_ENDINGS if signal.getsignal(number) is signal.SIG_DFL]
    for number in killing:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in killing:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _cancelled_by_signals(
    scope: trio.CancelScope, ending: Ending, hangups: Hangups | None
) -> Iterator[None]:
    token = trio.lowlevel.current_trio_token()
    before = {
        number: signal.getsignal(number) or signal.SIG_DFL
        for number in (*ASKED_BY_USER, *OTHER_ENDINGS)
    }
    # `nohup` and many supervisors let a program ignore SIGHUP: it stays so.
    others = [
        number
        for number in OTHER_ENDINGS
        if before[number] is not signal.SIG_IGN or number is signal.SIGTERM
    ]

    def cancel(number: int, frame: FrameType | None) -> None:
        if ending.signal is None:
            ending.signal = signal.Signals(number)
            ending.by = ending.signal.name
        for each in ASKED_BY_USER:
            signal.signal(each, before[each])
        token.run_sync_soon(scope.cancel, idempotent=True)

    def note(number: int, frame: FrameType | None) -> None:
        assert hangups is not None
        if hangups.has_lost_terminal:
            cancel(number, frame)
        else:
            token.run_sync_soon(hangups.note, idempotent=True)

    for number in (*ASKED_BY_USER, *others):
        is_noted = hangups is not None and number.name == "SIGHUP"
        signal.signal(number, note if is_noted else cancel)
    try:
        yield
    finally:
        for number in ASKED_BY_USER:
            signal.signal(number, before[number])
        for number in others:
            # A second one, after the end of the task, would kill the program on its last lines.
            signal.signal(number, before[number] if ending.by is None else signal.SIG_IGN)
