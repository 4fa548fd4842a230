"""Runs the async part of a command and cancels it on SIGINT and SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import trio

from ..net.transport.nurseries import open_flat_nursery

INTERRUPTED = 130


def run_until_signalled(
    main: Callable[[], Awaitable[int]], *, when_signalled: int = INTERRUPTED
) -> int:
    """Returns the exit code of ``main``, or ``when_signalled`` if SIGINT or SIGTERM cancelled it. A
    second signal ends the program at once.
    """
    return trio.run(_run, main, when_signalled)


async def _run(main: Callable[[], Awaitable[int]], when_signalled: int) -> int:
    code = when_signalled
    async with open_flat_nursery() as nursery:
        # The signal cancels the task, instead of raising KeyboardInterrupt at any line: sockets are
        # closed and operations end in order.
        await nursery.start(_cancel_on_signal, nursery.cancel_scope)
        code = await main()
        nursery.cancel_scope.cancel()
    return code


async def _cancel_on_signal(scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
            break
