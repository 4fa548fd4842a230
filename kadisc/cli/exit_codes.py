"""The exit codes of all commands, and the error codes of the JSON documents, in one place. Both are
public: docs/reference/command-line.md lists them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ..errors import (
    AddressInUse,
    BindError,
    Busy,
    Closed,
    Conflict,
    ErrorAnswer,
    KadiscError,
    NoAnswer,
    NotFound,
    NotRunning,
    StateInUse,
    StateUnusable,
    UsageError,
)

DONE: Final = 0
"""The command did what was asked. Also the end of ``run`` by a signal."""
FAILED: Final = 1
"""Nothing was found, or the command failed for a reason that the codes below do not name."""
WRONG_USAGE: Final = 2
"""An argument, an option or a configuration file is wrong; the same command fails again."""
CANNOT_LISTEN: Final = 3
"""The address to listen on is in use, or the system refuses it."""
STATE_UNUSABLE: Final = 4
"""The state folder is in use by another node, or cannot be used."""
INTERRUPTED: Final = 130
"""SIGINT or SIGTERM ended the command before it was done."""


class Failure(NamedTuple):
    """``code``: the error code in JSON, in snake_case; ``exit_code``: that of the process."""

    exit_code: int
    code: str


_FAILURES: Final[tuple[tuple[type[KadiscError], Failure], ...]] = (
    (AddressInUse, Failure(CANNOT_LISTEN, "address_in_use")),
    (BindError, Failure(CANNOT_LISTEN, "cannot_listen")),
    (StateInUse, Failure(STATE_UNUSABLE, "state_in_use")),
    (StateUnusable, Failure(STATE_UNUSABLE, "state_unusable")),
    (UsageError, Failure(WRONG_USAGE, "wrong_usage")),
    (NotFound, Failure(FAILED, "not_found")),
    (NoAnswer, Failure(FAILED, "no_answer")),
    (Conflict, Failure(FAILED, "conflict")),
    (ErrorAnswer, Failure(FAILED, "error_answer")),
    (Busy, Failure(FAILED, "busy")),
    (Closed, Failure(FAILED, "closed")),
    (NotRunning, Failure(FAILED, "not_running")),
    (KadiscError, Failure(FAILED, "failed")),
)
"""The first that matches counts: an exception comes before its bases."""


def failure_of(error: KadiscError) -> Failure:
    return next(failure for kind, failure in _FAILURES if isinstance(error, kind))
