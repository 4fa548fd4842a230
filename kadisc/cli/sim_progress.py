"""The progress of a simulation, in one line that is rewritten: a bar, virtual time, how much faster
than real time, datagrams/s, nodes alive.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .output import ProgressLine

if TYPE_CHECKING:
    from ..sim.lab import Lab

INTERVAL_S = 0.2
WIDTH = 24


class SimProgress:
    def __init__(self) -> None:
        self._line = ProgressLine()
        self._next_at = 0.0

    def watch(self, lab: Lab) -> Callable[[], None]:
        """What the lab is to call now and then."""

        def look() -> None:
            now = time.perf_counter()
            if now >= self._next_at:
                self._next_at = now + INTERVAL_S
                self._line.show(words(lab, now))

        return look

    def clear(self) -> None:
        self._line.clear()


def words(lab: Lab, wall_now: float) -> str:
    since, wall_since, delivered_before = lab.measuring_since
    world = lab.world
    wall_s = max(wall_now - wall_since, 1e-9)
    whole_s = lab.ends_at - since
    done = min(1.0, (world.now - since) / whole_s) if whole_s > 0 else 0.0
    bar = "━" * round(done * WIDTH) + "╌" * (WIDTH - round(done * WIDTH))
    rate, factor = (world.delivered - delivered_before) / wall_s, (world.now - since) / wall_s
    minutes, seconds = divmod(int(world.now), 60)
    return f"{lab.phase} {bar} {minutes}:{seconds:02} virtual, {factor:.1f}x real time, {rate:,.0f} datagrams/s, {len(world.hosts)} nodes alive"
