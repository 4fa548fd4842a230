"""Runs of a sweep in processes of this machine.

Each is started afresh (spawn): a fork of a process with threads and signal handlers takes half of
their state along. None of them outlives the sweep: Ctrl-C is the parent's business alone, who kills
them; and a parent that is killed itself takes them along, because each of them watches it.
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
from .sweep import Lost, Record, Run, record_of

TELL_EVERY_S = 0.5
Told = Callable[[Run, float], None]
"""Called with a run and the share of it that is done."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    run: Run


def finished_here(
    runs: Sequence[Run], jobs: int, told: Told
) -> Generator[Record | Lost, None, None]:
    """The records of ``runs`` as they finish, ``jobs`` at a time. Close it to end all that is under
    way at once. Raises UsageError.
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


def _started(run: Run) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    # A Ctrl-C goes to every process of the terminal: blocked for the child from its first moment,
    # until it can ignore it; ours comes after.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        theirs.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    worker = _Worker(process, ours, run)
    _give(worker)
    return worker


def _give(worker: _Worker) -> None:
    with suppress(BrokenPipeError):  # it has died: its pipe says so next, and this run is lost
        worker.pipe.send(worker.run)


def _ended(worker: _Worker) -> str:
    """Lets it go, and says how it went."""
    worker.pipe.close()
    worker.process.join()
    code = worker.process.exitcode or 0
    worker.process.close()
    return (
        f"its process was killed by signal {-code}"
        if code < 0
        else f"its process ended with exit code {code}"
    )


# --- in the worker --------------------------------------------------------------------------------


def _work(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        while True:
            run = pipe.recv()
            try:
                pipe.send(record_of(run, _teller(pipe)))
            except UsageError as error:
                pipe.send(error)
    except (EOFError, BrokenPipeError):  # the sweep is done, or gone
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
