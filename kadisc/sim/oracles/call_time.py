"""How long one call of the core takes.

Promise: a call takes at most 5 ms, so that a node answers its neighbours meanwhile. That goal is of
a real clock: only CPU time of this thread is counted, a call during which all garbage was collected
does not count, and a violation is five times the goal.
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


class CallTimeOracle:
    """Calls the core in place of the world."""

    name: Final = "call-time"
    needs: Final = ("charged_time", "bounded_answers")

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self._collections = 0
        self.longest_s = 0.0

    def receive(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        began_s = time.thread_time()
        host.node.receive(payload, source, now)
        self._took(host, time.thread_time() - began_s, payload)

    def tick(self, host: Host, now: float) -> None:
        began_s = time.thread_time()
        host.node.tick(now)
        self._took(host, time.thread_time() - began_s, None)

    def _took(self, host: Host, took_s: float, payload: bytes | None) -> None:
        if took_s <= self.longest_s:
            return
        collections = sum(each["collections"] for each in gc.get_stats()[1:])
        if collections != self._collections:
            self._collections = collections
            return
        self.longest_s = took_s
        if took_s > FACTOR * GOAL_S and host.honest:
            what = "a tick" if payload is None else f"the datagram {payload[:200]!r}"
            self._broken(host, f"{what} took {1e3 * took_s:.1f} ms of CPU time")
