"""The progress line of a simulation: a bar, the virtual time, its ratio to real time, datagrams/s
and the number of live nodes.
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
        """The function that the lab calls from time to time."""

        def show_if_due() -> None:
            now = time.perf_counter()
            if now >= self._next_at:
                self._next_at = now + INTERVAL_S
                self._line.show(progress_text(lab, now))

        return show_if_due

    def clear(self) -> None:
        self._line.clear()


def progress_text(lab: Lab, wall_now: float) -> str:
    since, wall_since, delivered_before = lab.measuring_since
    world = lab.world
    virtual_s = world.now - since
    wall_s = max(wall_now - wall_since, 1e-9)
    whole_s = lab.ends_at - since
    done = min(1.0, virtual_s / whole_s) if whole_s > 0 else 0.0
    filled = round(done * WIDTH)
    bar = "━" * filled + "╌" * (WIDTH - filled)
    minutes, seconds = divmod(int(world.now), 60)
    return (
        f"{lab.phase} {bar} {minutes}:{seconds:02} virtual, {virtual_s / wall_s:.1f}x real time, "
        f"{(world.delivered - delivered_before) / wall_s:,.0f} datagrams/s, "
        f"{len(world.hosts)} live nodes"
    )
