"""The clocks that the core's ``now`` is read from.

CLOCK_MONOTONIC stands still while the machine sleeps: after a resume every contact would look fresh
and every mapping alive. The core is given a clock that goes on, and is told about the sleep.
"""

from __future__ import annotations

import time
from typing import Protocol

import trio


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since some fixed moment, never backwards."""

    def slept_s(self) -> float:
        """How long the machine has been suspended since some fixed moment."""

    def wall_s(self) -> float:
        """Seconds since 1970, as far as this machine knows."""

    def trio_deadline(self, deadline: float) -> float:
        """A deadline of this clock on trio's, for as long as the machine stays awake."""


class SystemClock:
    """The machine's time, suspension included. Where the system has no such clock, it stops in a
    suspend and nothing is noticed.
    """

    def __init__(self) -> None:
        self._clock_id = getattr(time, "CLOCK_BOOTTIME", None)

    def now(self) -> float:
        return (
            time.clock_gettime(self._clock_id) if self._clock_id is not None else time.monotonic()
        )

    def slept_s(self) -> float:
        return self.now() - time.monotonic()

    def wall_s(self) -> float:
        return time.time()

    def trio_deadline(self, deadline: float) -> float:
        return trio.current_time() + (deadline - self.now())


class TrioClock:
    """trio's own clock: virtual under `trio.testing.MockClock`."""

    def now(self) -> float:
        return trio.current_time()

    def slept_s(self) -> float:
        return 0.0

    def wall_s(self) -> float:
        return time.time()

    def trio_deadline(self, deadline: float) -> float:
        return deadline
