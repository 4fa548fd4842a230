"""Runs of a sweep on a Dask cluster that is there already. dask.distributed comes with the extra
``sweep`` and is imported here alone, late.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Generator, Sequence
from typing import Any

from ...errors import KadiscError, NoAnswer, UsageError
from ...version import __version__
from .sweep import Lost, Record, Run, record_of

CONNECT_S = 5.0
_ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:\d{1,5}")


def finished_on_cluster(
    runs: Sequence[Run], address: str, noted: Callable[[str], None]
) -> Generator[Record | Lost, None, None]:
    """The records of ``runs`` as they finish at the scheduler's workers. Close it to take back all
    that has not begun; a run that has goes on to its end in its worker, and nobody is told.
    ``noted`` is called with what someone who waits should know. Raises UsageError without
    dask.distributed or for an address that is none; NoAnswer where no scheduler is; KadiscError for
    workers without this kadisc.
    """
    distributed = _distributed()
    client = _connected(distributed, address)
    futures: dict[Any, Run] = {}
    try:
        if not client.scheduler_info()["workers"]:
            noted(f"the cluster at {address} has no workers yet; the runs wait for them")
        # Not pure: by name and arguments Dask would take yesterday's results, of a failed run too.
        futures = {client.submit(_run_there, run, pure=False): run for run in runs}
        for future in distributed.as_completed(futures, loop=client.loop, raise_errors=False):
            yield _outcome(future, futures[future])
    finally:
        client.cancel(list(futures), force=True)
        client.close(timeout=1)


def _run_there(run: Run) -> Record:
    return record_of(run)


def _outcome(future: Any, run: Run) -> Record | Lost:
    if future.status == "finished":
        record: Record = future.result()
        if record["version"] != __version__:
            raise KadiscError(
                f"the workers of the cluster run kadisc {record['version']}, here is {__version__}; install the same on both"
            )
        return record
    error = future.exception() if future.status == "error" else None
    if isinstance(error, UsageError):
        raise error
    if isinstance(error, ImportError):
        raise KadiscError(
            f"the workers of the cluster cannot run kadisc: {error}; install it there"
        )
    return Lost(run, " ".join(str(error or f"the cluster gave it up ({future.status})").split()))


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise UsageError(
            "--scheduler needs dask.distributed; pip install 'kadisc[sweep]' brings it"
        ) from None
    logging.getLogger("distributed").setLevel(
        logging.CRITICAL
    )  # it logs a lost connection with a traceback; we say it in a line
    return distributed


def _connected(distributed: Any, address: str) -> Any:
    # Before a client is made: one that was given a wrong address ends with a traceback, ten seconds
    # later.
    if not _ADDRESS.fullmatch(address):
        raise UsageError(f"--scheduler: an address like tcp://HOST:PORT is expected, not {address}")
    try:
        asyncio.run(asyncio.wait_for(_greet(distributed, address), CONNECT_S))
        return distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except Exception:  # noqa: BLE001  # there may be anything at that address, and Dask stumbles over what it says in as many ways
        raise NoAnswer(f"--scheduler {address}: no Dask scheduler answers there") from None


async def _greet(distributed: Any, address: str) -> None:
    async with distributed.core.rpc(address) as remote:
        if (await remote.identity())["type"] != "Scheduler":
            raise NoAnswer("a worker answers there")
