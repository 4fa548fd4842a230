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


class ForwardClock:
    """A clock that is never behind what it has said before, whatever ``clock`` does. A clock that
    is set back goes on from its last value: were it only held there until the old value is reached
    again, no timer would end until then.

    Fault: a container or a virtual machine that is restored from a snapshot can read a smaller
    CLOCK_BOOTTIME than before. The core computes ages and rates from differences of ``now``.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.now()
        self._ahead_s = 0.0

    def now(self) -> float:
        now = self._clock.now() + self._ahead_s
        if now < self._last:
            self._ahead_s += self._last - now
            return self._last
        self._last = now
        return now

    def slept_s(self) -> float:
        return self._clock.slept_s()

    def wall_s(self) -> float:
        return self._clock.wall_s()

    def trio_deadline(self, deadline: float) -> float:
        return self._clock.trio_deadline(deadline - self._ahead_s)


def forward_clock(clock: Clock) -> ForwardClock:
    """The same clock, if it never goes back already."""
    return clock if isinstance(clock, ForwardClock) else ForwardClock(clock)


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
