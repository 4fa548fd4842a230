"""How many datagrams a second the simulator takes through real nodes, and where its time goes.

Run ``python benchmarks/simulator.py [NODES...]``: worlds of 1,000 nodes unless told otherwise, one
after the other, settled and warmed up, then run for some 200,000 deliveries, each encoded and
decoded once. By the clock, and by the CPU time of this process, which other work on the machine
changes less. The shares are of samples, taken every 2 ms of CPU time: which folder the running
function lies in; what a compiled function takes counts for its caller, all of a compiled core too.
The sampling is part of what is measured, and takes less than 1 %.

With ``--oracles`` the same world runs twice, a second of it in turns, with the oracles that are
always on and without any; printed is the ratio of the CPU times. Both worlds must give one digest.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

import kadisc
from kadisc.sim.lab import Lab, without_pauses
from kadisc.sim.options import SimOptions
from kadisc.version import COMPILED

DELIVERIES = 200_000
WARMUP_S = 60.0
STEP_S = 1.0
TURN_S = 5.0
SAMPLE_EVERY_S = 0.002
GOAL_PER_S = 25_000
PACKAGE = Path(kadisc.__file__).parent
NAMES = {"core": "core", "wire": "codec", "sim": "sim"}


class Shares:
    """Of the CPU time between ``start`` and ``stop``, by folder of the package."""

    def __init__(self) -> None:
        self.samples: Counter[str] = Counter()
        self._names: dict[str, str] = {}

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_EVERY_S, SAMPLE_EVERY_S)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def __str__(self) -> str:
        total = sum(self.samples.values())
        return ", ".join(
            f"{name} {100 * count / total:.0f} %" for name, count in self.samples.most_common()
        )

    def _sample(self, number: int, frame: FrameType | None) -> None:
        if frame is not None:
            file = frame.f_code.co_filename
            if file not in self._names:
                self._names[file] = _folder(file)
            self.samples[self._names[file]] += 1


def _folder(file: str) -> str:
    path = Path(file)
    if PACKAGE not in path.parents:
        return "other"
    return NAMES.get(path.relative_to(PACKAGE).parts[0], "nouns")


def measure(nodes: int) -> None:
    began = time.process_time()
    lab = Lab(SimOptions(nodes=nodes, seed=1))
    with without_pauses():
        lab.settle(warmup_s=WARMUP_S)
        core = "a compiled core" if COMPILED else "the core as Python"
        print(
            f"{nodes:,} nodes with {core}: set up and warmed up for {WARMUP_S:.0f} "
            f"virtual s in {time.process_time() - began:.1f} s of CPU time"
        )
        world, shares = lab.world, Shares()
        virtual, delivered, ticks = world.now, world.delivered, world.ticks
        shares.start()
        wall, cpu = time.perf_counter(), time.process_time()
        while world.delivered - delivered < DELIVERIES:
            lab.run(STEP_S)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        shares.stop()
    delivered, ticks = world.delivered - delivered, world.ticks - ticks
    print(
        f"  {delivered:,} datagrams and {ticks:,} ticks in {world.now - virtual:.0f} "
        f"virtual s, {wall:.1f} s by the clock, {cpu:.1f} s of CPU time"
    )
    print(
        f"  {delivered / wall:,.0f} datagrams/s by the clock, {delivered / cpu:,.0f} "
        f"by CPU time; goal {GOAL_PER_S:,}"
    )
    print(f"  CPU time in {shares}; digest {world.digest.hexdigest()}")


def measure_oracles(nodes: int) -> None:
    """Prints what the oracles cost."""
    labs = [Lab(SimOptions(nodes=nodes, seed=1)) for _ in range(2)]
    labs[1].world.watchers.remove(labs[1].oracles)
    cpu = [0.0, 0.0]
    ratios: list[float] = []
    with without_pauses():
        for lab in labs:
            lab.settle(warmup_s=WARMUP_S)
        delivered = labs[0].world.delivered
        turn = 0
        while labs[0].world.delivered - delivered < DELIVERIES:
            took = [0.0, 0.0]
            for which in (turn % 2, 1 - turn % 2):
                began = time.process_time()
                labs[which].run(TURN_S)
                took[which] = time.process_time() - began
            turn += 1
            cpu = [total + each for total, each in zip(cpu, took, strict=True)]
            ratios.append(took[0] / took[1])
    digests = {lab.world.digest.hexdigest() for lab in labs}
    ratios.sort()
    print(
        f"{nodes:,} nodes: {cpu[0]:.1f} s of CPU time with the oracles, {cpu[1]:.1f} s without; "
        f"ratio {cpu[0] / cpu[1]:.3f}, median of {turn} turns {ratios[len(ratios) // 2]:.3f}; "
        f"{'the same digest' if len(digests) == 1 else 'DIGESTS DIFFER'}"
    )


def main() -> None:
    words = [word for word in sys.argv[1:] if word != "--oracles"]
    measured = measure_oracles if "--oracles" in sys.argv[1:] else measure
    for nodes in map(int, words or ["1000"]):
        measured(nodes)


if __name__ == "__main__":
    main()
