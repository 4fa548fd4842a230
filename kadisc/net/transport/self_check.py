"""The self-check of a live node: every so many operations, whether its core contradicts itself
(`core/self_check.py`). What it finds is told and counted, and ends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...core.core import Core
from ...observe.shell_events import SelfCheckFailed

MAX_TOLD: Final = 64
"""Faults of different kinds that are told; further ones are counted alone."""


class SelfCheck:
    """Operations are datagrams that were received, and calls of the core that were flushed.
    ``every``: how many of them lie between two checks.
    """

    def __init__(self, core: Core, every: int) -> None:
        self._core = core
        self._every = every
        self._flushes = 0
        self._due_at = every
        self._told: set[str] = set()
        self.checks = 0
        self.faults = 0
        """What all checks have found. A fault that stays is found again by each."""

    def flushed(self, now: Callable[[], float]) -> list[SelfCheckFailed]:
        """To be called after each flush. Checks, if it is time, and returns what was not told
        before.
        """
        self._flushes += 1
        operations = self._flushes + self._core.counters.received
        if operations < self._due_at:
            return []
        self._due_at = operations + self._every
        self.checks += 1
        failed: list[SelfCheckFailed] = []
        for fault in self._core.inconsistencies(now()):
            self.faults += 1
            kind = fault.split(":")[0]
            if kind not in self._told and len(self._told) < MAX_TOLD:
                self._told.add(kind)
                failed.append(SelfCheckFailed(fault))
        return failed
