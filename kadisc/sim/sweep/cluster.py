"""Runs of a sweep on an existing Dask cluster. dask.distributed comes with the extra ``sweep``;
only functions here import it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Generator, Sequence
from typing import Any

from ...errors import KadiscError, NoAnswer, UsageError
from ...version import __version__
from .sweep import Job, Lost, Record

CONNECT_S = 5.0
_ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:\d{1,5}")


def finished_on_cluster(
    runs: Sequence[Job], address: str, noted: Callable[[str], None]
) -> Generator[Record | Lost, None, None]:
    """The records of ``runs`` as they finish at the scheduler's workers.

    Close the generator to cancel the runs that have not begun; a run in progress ends in its worker
    without a record. ``noted`` is called with messages for the user. Raises UsageError without
    dask.distributed or for a malformed address; NoAnswer if no scheduler answers; KadiscError for
    workers without this version of kadisc.
    """
    distributed = _distributed()
    client = _connected(distributed, address)
    futures: dict[Any, Job] = {}
    try:
        if not client.scheduler_info()["workers"]:
            noted(f"the cluster at {address} has no workers yet; the runs wait for them")
        # Not pure: otherwise Dask would reuse earlier results of equal arguments, failed ones too.
        futures = {client.submit(_run_there, run, pure=False): run for run in runs}
        for future in distributed.as_completed(futures, loop=client.loop, raise_errors=False):
            yield _outcome(future, futures[future])
    finally:
        client.cancel(list(futures), force=True)
        client.close(timeout=1)


def _run_there(run: Job) -> Record:
    return run.record()


def _outcome(future: Any, run: Job) -> Record | Lost:
    if future.status == "finished":
        record: Record = future.result()
        if record["version"] != __version__:
            raise KadiscError(
                f"the cluster's workers run kadisc {record['version']}, this is {__version__}; "
                "install the same version on both"
            )
        return record
    error = future.exception() if future.status == "error" else None
    if isinstance(error, UsageError):
        raise error
    if isinstance(error, ImportError):
        raise KadiscError(
            f"the workers of the cluster cannot run kadisc: {error}; install it there"
        )
    return Lost(run, " ".join(str(error or f"the cluster dropped it ({future.status})").split()))


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise UsageError(
            "--scheduler needs dask.distributed; pip install distributed brings it"
        ) from None
    # It logs a lost connection with a traceback; an error message here has one line.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return distributed


def _connected(distributed: Any, address: str) -> Any:
    # Before a client is made: with a wrong address it would end with a traceback ten seconds later.
    if not _ADDRESS.fullmatch(address):
        raise UsageError(f"--scheduler: an address like tcp://HOST:PORT is expected, not {address}")
    try:
        asyncio.run(asyncio.wait_for(_greet(distributed, address), CONNECT_S))
        return distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except Exception:  # noqa: BLE001  # a server that is no scheduler causes errors of many kinds
        raise NoAnswer(f"--scheduler {address}: no Dask scheduler answers there") from None


async def _greet(distributed: Any, address: str) -> None:
    async with distributed.core.rpc(address) as remote:
        if (await remote.identity())["type"] != "Scheduler":
            raise NoAnswer("a worker answers there")
