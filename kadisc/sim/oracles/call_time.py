"""How long one call of the core takes.

Promise: a call takes at most 5 ms, so that a node answers its neighbours meanwhile. That goal is of
a real clock, and a violation is five times the goal, of CPU time. Some systems take longer to tell
the CPU time than a call takes, so it is read every `CHECK_EVERY` calls and after a long one: what
that one took is at least the CPU time since then, less all other time that has passed since then.
A call during which all garbage was collected does not count. A virtual machine whose host is busy
stands still now and then, and counts that as CPU time: the third call of a run is told.
"""

from __future__ import annotations

import gc
import time
from typing import Final

from ...endpoints import Endpoint
from ..model.host import Host
from .violation import Broken

GOAL_S: Final = 0.005
FACTOR: Final = 5.0
MOST_S: Final = FACTOR * GOAL_S
CHECK_EVERY: Final = 64
TOLD_AT: Final = 3
"""What is too slow is so again and again; what the machine does is rare."""


class CallTimeOracle:
    """Calls the core in place of the world."""

    name: Final = "call-time"
    needs: Final = ("charged_time", "bounded_answers")

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self._calls = 0
        self._slow_calls = 0
        self._collections = 0
        self._cpu_s = 0.0
        self._wall_s = 0.0

    def receive(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        self._check_in()
        began_s = time.perf_counter()
        host.node.receive(payload, source, now)
        if (took_s := time.perf_counter() - began_s) > MOST_S:
            self.took(host, took_s, payload)

    def tick(self, host: Host, now: float) -> None:
        self._check_in()
        began_s = time.perf_counter()
        host.node.tick(now)
        if (took_s := time.perf_counter() - began_s) > MOST_S:
            self.took(host, took_s, None)

    def _check_in(self) -> None:
        self._calls -= 1
        if self._calls <= 0:
            self._calls = CHECK_EVERY
            self._collections = _collections()
            self._cpu_s, self._wall_s = time.thread_time(), time.perf_counter()

    def took(self, host: Host, took_s: float, payload: bytes | None) -> None:
        """A call has taken so long by the clock."""
        others_s = time.perf_counter() - self._wall_s - took_s
        cpu_s = time.thread_time() - self._cpu_s - others_s
        self._calls = 0
        if cpu_s <= MOST_S or not host.honest or _collections() != self._collections:
            return
        self._slow_calls += 1
        if self._slow_calls >= TOLD_AT:
            what = "a tick" if payload is None else f"the datagram {payload[:200]!r}"
            self._broken(host, f"{what} took {1e3 * cpu_s:.1f} ms of CPU time")


def _collections() -> int:
    """How often all garbage was collected, or that of the two younger generations."""
    return sum(each["collections"] for each in gc.get_stats()[1:])
