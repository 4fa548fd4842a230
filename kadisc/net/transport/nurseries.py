"""A nursery that raises one error, not a group of errors.

A trio nursery wraps everything that it raises in an ExceptionGroup: a single exception too, and
also one from the body of a context manager that contains a nursery. A program that writes ``async
with open_node() as node`` need not know that there is a nursery inside: an exception that is raised
in the block must come out as it is. And where several tasks of one call fail of the same cause, as
all do when the node is closed, the caller gets one error that ``except Closed`` catches.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from ...errors import Closed, KadiscError


@asynccontextmanager
async def open_flat_nursery() -> AsyncIterator[trio.Nursery]:
    """As `trio.open_nursery`; but where one exception was raised, or several of one kind, beside
    cancellations, one comes out without a group. See `_sole_error`.
    """
    # Raised after the handler, not in it: the group would become the exception's __context__ and
    # show every traceback twice.
    error: BaseException | None = None
    of_block: BaseException | None = None
    try:
        try:
            async with trio.open_nursery() as nursery:
                try:
                    yield nursery
                except BaseException as raised:
                    of_block = raised
                    raise
        except BaseExceptionGroup as group:
            error = _sole_error(group, of_block)
        if error is not None:
            raise error
    finally:
        del error, of_block  # each refers to this frame, through its traceback


def _sole_error(
    group: BaseExceptionGroup[BaseException], of_block: BaseException | None
) -> BaseException:
    """The error that stands for the group; the group itself where no one can.

    An error of the block comes out before the errors of kadisc's own that it caused in other tasks,
    and KeyboardInterrupt before all; of kadisc's own, `Closed` before the others, because it
    explains them. Errors that kadisc does not raise on purpose are faults in a program: of several
    kinds none may hide another.
    """
    # One level only: a group inside was raised by the caller's own code, which expects it.
    errors = [error for error in group.exceptions if not _is_cancellation(error)]
    if not errors:
        return group.exceptions[0]
    interrupts = [error for error in errors if isinstance(error, KeyboardInterrupt)]
    if interrupts:
        return interrupts[0]
    others = [error for error in errors if not isinstance(error, KadiscError)]
    if of_block is not None and of_block in errors:
        return of_block if others in ([], [of_block]) else group
    if not others:
        return next((error for error in errors if isinstance(error, Closed)), errors[0])
    is_one_kind = len({type(error) for error in others}) == 1
    if len(others) == 1 or (is_one_kind and not isinstance(others[0], BaseExceptionGroup)):
        return others[0]
    return group


def _is_cancellation(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_cancellation(inner) for inner in error.exceptions)
    return isinstance(error, trio.Cancelled)
