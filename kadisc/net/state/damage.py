"""Why a file of a node's state cannot be read."""

from __future__ import annotations

from ...text import one_line


class DamagedState(Exception):
    """The bytes are no state of a node; the text says why."""


class NewerState(Exception):
    """A later version of this program wrote it."""


def reason_of(error: Exception) -> str:
    """What an error says, in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return one_line(" ".join(str(error).split())) or type(error).__name__
