"""A nursery that raises a single error as itself.

A trio nursery wraps everything that it raises in an ExceptionGroup: a single exception too, and
also one from the body of a context manager that contains a nursery. A program that writes ``async
with open_node() as node`` need not know that there is a nursery inside: an exception that is raised
in the block must come out as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def open_flat_nursery() -> AsyncIterator[trio.Nursery]:
    """As `trio.open_nursery`; but where one exception was raised, beside cancellations, it comes
    out without a group.
    """
    # Raised after the handler, not in it: the group would become the exception's __context__ and
    # show every traceback twice.
    error: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        error = _sole_error(group)
    if error is not None:
        raise error


def _sole_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    # One level only: a group inside was raised by the caller's own code, which expects it.
    others = [error for error in group.exceptions if not _is_cancellation(error)]
    if len(others) == 1:
        return others[0]
    return group if others else group.exceptions[0]


def _is_cancellation(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_cancellation(inner) for inner in error.exceptions)
    return isinstance(error, trio.Cancelled)
