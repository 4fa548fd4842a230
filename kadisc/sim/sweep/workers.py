"""Runs of a sweep in processes of this machine.

Workers are started by spawn: a fork of a process with threads and signal handlers would inherit a
part of their state. No worker outlives the sweep: workers ignore Ctrl-C, and the parent kills them;
each worker watches the parent and exits if that is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from ...errors import UsageError
from .sweep import Job, Lost, Record

TELL_EVERY_S = 0.5
"""The time between two reports of progress by a worker."""
Told = Callable[[Job, float], None]
"""A function called with a run and the share of it that is done."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    run: Job


def finished_here(
    runs: Sequence[Job], jobs: int, told: Told
) -> Generator[Record | Lost, None, None]:
    """The records of ``runs`` as they finish, ``jobs`` at a time. Close the generator to kill all
    runs in progress. Raises UsageError.
    """
    waiting, workers = deque(runs), dict[Connection, _Worker]()
    try:
        while waiting or workers:
            while waiting and len(workers) < jobs:
                worker = _started(waiting.popleft())
                workers[worker.pipe] = worker
            for pipe in wait(list(workers)):
                assert isinstance(pipe, Connection)
                worker = workers[pipe]
                try:
                    news = pipe.recv()
                except (EOFError, OSError):
                    yield Lost(worker.run, _ended(workers.pop(pipe)))
                    continue
                if isinstance(news, float):
                    told(worker.run, news)
                    continue
                if isinstance(news, UsageError):
                    raise news
                if waiting:
                    worker.run = waiting.popleft()
                    _give(worker)
                else:
                    _ended(workers.pop(pipe))
                yield news
    finally:
        for worker in workers.values():
            worker.process.kill()
        for worker in workers.values():
            _ended(worker)


def _started(run: Job) -> _Worker:
    context = multiprocessing.get_context("spawn")
    own_end, child_end = context.Pipe()
    process = context.Process(target=_work, args=(child_end,), daemon=True)
    # A Ctrl-C goes to every process of the terminal: the child starts with the signal blocked until
    # it can ignore it; the parent receives it afterwards.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        child_end.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    worker = _Worker(process, own_end, run)
    _give(worker)
    return worker


def _give(worker: _Worker) -> None:
    with suppress(BrokenPipeError):  # it has died: its pipe reports that next, and this run is lost
        worker.pipe.send(worker.run)


def _ended(worker: _Worker) -> str:
    """Waits for the process to end; how it ended, in words."""
    worker.pipe.close()
    worker.process.join()
    code = worker.process.exitcode or 0
    worker.process.close()
    if code < 0:
        return f"its process was killed by signal {-code}"
    return f"its process ended with exit code {code}"


# --- in the worker --------------------------------------------------------------------------------


def _work(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        while True:
            run = pipe.recv()
            try:
                pipe.send(run.record(_teller(pipe)))
            except UsageError as error:
                pipe.send(error)
    except (EOFError, BrokenPipeError):  # the sweep has finished, or was killed
        return


def _teller(pipe: Connection) -> Callable[[float], None]:
    next_at = 0.0

    def tell(share: float) -> None:
        nonlocal next_at
        now = time.monotonic()
        if now >= next_at:
            next_at = now + TELL_EVERY_S
            pipe.send(share)

    return tell


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
