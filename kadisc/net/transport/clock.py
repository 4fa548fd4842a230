"""The clocks that the core's ``now`` is read from.

CLOCK_MONOTONIC stands still while the machine is suspended: after a resume every contact would look
fresh and every NAT mapping alive. The core gets a clock that goes on, and is told of the suspend.
"""

from __future__ import annotations

import time
from typing import Protocol

import trio


class Clock(Protocol):
    """What a node reads the time from."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes backwards."""

    def slept_s(self) -> float:
        """Seconds that the machine has been suspended, since some fixed moment."""

    def wall_s(self) -> float:
        """Seconds since 1970, by the machine's wall clock."""

    def trio_deadline(self, deadline: float) -> float:
        """A deadline of this clock as one of trio's clock; true until the next suspend."""


class SystemClock:
    """The machine's time, suspends included (CLOCK_BOOTTIME). Where the system has no such clock,
    the time stands still in a suspend, and the node does not notice it.
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
    """trio's clock: virtual under `trio.testing.MockClock`. It knows of no suspends."""

    def now(self) -> float:
        return trio.current_time()

    def slept_s(self) -> float:
        return 0.0

    def wall_s(self) -> float:
        return time.time()

    def trio_deadline(self, deadline: float) -> float:
        return deadline
