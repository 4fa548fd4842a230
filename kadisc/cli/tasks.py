"""Running a command's async part so that Ctrl-C ends it in an orderly way."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import trio

from ..net.transport.nurseries import open_flat_nursery

INTERRUPTED = 130


def run_until_signalled(
    main: Callable[[], Awaitable[int]], *, when_signalled: int = INTERRUPTED
) -> int:
    """The exit code of ``main``, or ``when_signalled`` if SIGINT or SIGTERM cancelled it. A second
    signal ends the program at once.
    """
    return trio.run(_run, main, when_signalled)


async def _run(main: Callable[[], Awaitable[int]], when_signalled: int) -> int:
    code = when_signalled
    async with open_flat_nursery() as nursery:
        # A signal as an event, not as a KeyboardInterrupt at whatever line runs: sockets are closed
        # and operations end as always.
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
