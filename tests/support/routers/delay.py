"""Delay and loss without netem: holds every IPv4 packet that crosses a namespace for a while, or
loses it. `python -m tests.support.routers.delay DELAY_MS LOSS`, until standard input ends.

The namespace sends what comes in into the TUN that this opens, by a rule of its routing.
"""

from __future__ import annotations

import os
import random
import select
import sys
import time
from collections import deque
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
from discovery.relay import TUN_NAME, open_tun  # type: ignore[import-not-found]

READ_AT_ONCE = 256


def relay(tun: int, delay_s: float, loss: float) -> None:
    held: deque[tuple[float, bytes]] = deque()
    rng = random.Random(1)
    while True:
        wait_s = max(0.0, held[0][0] - time.monotonic()) if held else None
        ready, _, _ = select.select([tun, sys.stdin], [], [], wait_s)
        if sys.stdin in ready and not sys.stdin.readline():
            return
        if tun in ready:
            for _ in range(READ_AT_ONCE):
                try:
                    packet = os.read(tun, 65535)
                except BlockingIOError:
                    break
                if rng.random() >= loss:
                    held.append((time.monotonic() + delay_s, packet))
        while held and held[0][0] <= time.monotonic():
            os.write(tun, held.popleft()[1])


if __name__ == "__main__":
    opened = open_tun()
    print(TUN_NAME, flush=True)
    relay(opened, float(sys.argv[1]) / 1e3, float(sys.argv[2]))
