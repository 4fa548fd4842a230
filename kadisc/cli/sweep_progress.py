"""The progress of a sweep on stderr: on a terminal one line that is rewritten, elsewhere a line
every 30 s. Failures are reported at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import ProgressLine, is_lively, say

if TYPE_CHECKING:
    from ..sim.sweep.sweep import Job, Lost, Record

WIDTH = 24
INTERVAL_S = 0.2
MIN_SHARE_FOR_ESTIMATE = 0.005
"""The share of the work after which the rest is estimated: during the set-up of networks virtual
time does not pass.
"""
LINE_INTERVAL_S = 30.0
"""The time between two lines if stderr is not a terminal."""


class SweepProgress:
    def __init__(self, runs: Sequence[Job], missing: Sequence[Job]) -> None:
        self.total = len(runs)
        self.already_done = len(runs) - len(missing)
        self.finished = self.already_done
        self.failed = 0
        self.began = time.monotonic()
        self._weights = {run.key: run.weight for run in missing}
        self._shares: dict[str, float] = {}
        self._line = ProgressLine()
        self._lively = is_lively(sys.stderr)
        self._next_at = self.began + (0.0 if self._lively else LINE_INTERVAL_S)
        self._show()

    def told(self, run: Job, share: float) -> None:
        """A worker reported the share of a run that is done."""
        self._shares[run.key] = share
        self._show()

    def finish(self, record: Record) -> None:
        self._shares[record["run"]] = 1.0
        self.finished += 1
        if "failed" in record:
            self.failed += 1
            self.say(f"failed: {record['failed']}; reproduce: {record['command']}")
        self._show()

    def lost(self, lost: Lost) -> None:
        self._shares[lost.run.key] = 1.0
        self.failed += 1
        self.say(f"no result: {lost.reason}; reproduce: {lost.run.command}")

    def say(self, text: str) -> None:
        self._line.clear()
        say(text)

    def clear(self) -> None:
        self._line.clear()

    def words(self, now: float) -> str:
        done = min(1.0, self.finished / self.total) if self.total else 1.0
        filled = round(done * WIDTH)
        bar = "━" * filled + "╌" * (WIDTH - filled)
        left_s = self._left_s(now)
        left = "" if left_s is None else f", {_minutes(left_s)} left"
        return (
            f"{bar} {self.finished} of {self.total} done, {self.failed} failed, "
            f"{_minutes(now - self.began)}{left}"
        )

    def _left_s(self, now: float) -> float | None:
        """The estimated time left, from the weights of the runs and their finished shares."""
        done = sum(self._weights[key] * share for key, share in self._shares.items())
        whole = sum(self._weights.values())
        if done <= MIN_SHARE_FOR_ESTIMATE * whole:
            return None
        return (now - self.began) * (whole - done) / done

    def _show(self) -> None:
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + (INTERVAL_S if self._lively else LINE_INTERVAL_S)
        if self._lively:
            self._line.show(self.words(now))
        else:
            say(self.words(now))


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
