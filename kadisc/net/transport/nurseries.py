"""A nursery that raises a single error as itself.

A trio nursery wraps whatever it raises in an ExceptionGroup, also a single exception, and also one
from the body of a context manager that merely contains a nursery. Whoever writes ``async with
open_node() as node`` need not know that there is one inside: an exception raised in there must come
out as it went in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def open_flat_nursery() -> AsyncIterator[trio.Nursery]:
    """As `trio.open_nursery`, but if everything that went wrong is one exception (beside
    cancellations), that one is raised.
    """
    # Raised after the handler, not in it: as an exception's __context__ the group would show every
    # traceback twice.
    error: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        error = _sole_error(group)
    if error is not None:
        raise error


def _sole_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    # One level only: a group inside was raised by the caller's own code, and is what the caller
    # expects.
    others = [error for error in group.exceptions if not _is_cancellation(error)]
    if len(others) == 1:
        return others[0]
    return group if others else group.exceptions[0]


def _is_cancellation(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_cancellation(inner) for inner in error.exceptions)
    return isinstance(error, trio.Cancelled)
