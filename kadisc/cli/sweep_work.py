"""Carries out the runs of a sweep, or the seeds of a hunt, and keeps their records."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

from ..sim.sweep.results import ResultsFile
from ..sim.sweep.sweep import Job, Lost, Record
from .sweep_progress import SweepProgress


def carry_out(
    missing: Sequence[Job],
    at_a_time: int,
    scheduler: str | None,
    results: ResultsFile,
    progress: SweepProgress,
) -> list[Lost]:
    """Each record is written as soon as it is there; returns what ended without one.

    Args:
        at_a_time: How many run on this machine.
        scheduler: The address of the Dask cluster that runs them instead.
    """
    lost: list[Lost] = []
    if not missing:
        return lost
    with closing(_finished(missing, at_a_time, scheduler, progress)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Lost):
                lost.append(outcome)
                progress.lost(outcome)
            else:
                results.add(outcome)
                progress.finish(outcome)
    return lost


def _finished(
    missing: Sequence[Job], at_a_time: int, scheduler: str | None, progress: SweepProgress
) -> Generator[Record | Lost, None, None]:
    if scheduler is not None:
        from ..sim.sweep.cluster import finished_on_cluster

        return finished_on_cluster(missing, scheduler, progress.say)
    from ..sim.sweep.workers import finished_here

    return finished_here(missing, at_a_time, progress.told)
