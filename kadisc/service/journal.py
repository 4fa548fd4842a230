"""Whether a stream is systemd's journal, and what stands before a line of it.

systemd names the device and inode of the journal's socket in ``JOURNAL_STREAM``. Programs that the
service starts inherit the variable, and may have another stdout: so the numbers are compared, as
systemd.exec(5) wants it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, TextIO

VARIABLE: Final = "JOURNAL_STREAM"
ERROR: Final = "error"
"""The level of what ends a command."""
_PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, ERROR: 3}
"""Those of syslog, by level."""


def is_journal(stream: TextIO, variables: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to the stream goes to the journal."""
    named = variables.get(VARIABLE)
    if not named:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{found.st_dev}:{found.st_ino}"


def prefix(level: str) -> str:
    """``<6>``: the priority of a line, which the journal takes off."""
    return f"<{_PRIORITIES[level]}>"
