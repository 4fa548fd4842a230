"""The mark of a start in the state folder: how many starts in a row ended uncleanly.

What other nodes send is kept over a restart. If it ends a node soon after its start, by a fault
that is not known yet, every later start would end like the first one, and its sender has
silenced the node for good. So a start leaves a mark, which an orderly end takes away, or `PROVEN_S`
of running. A start that finds the marks of two others is the third in a row: it begins without the
saved contacts (`kept_back.py`), which stay in the file for a later one.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

MARK_NAME: Final = "state.starts"
PROVEN_S: Final = 60.0
"""After so long the start was a good one, however the node ends."""
MAX_COUNT: Final = 1_000_000


class StartMark:
    """All methods block; a folder that cannot be written has no mark."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / MARK_NAME
        self.unclean = 0
        """How many starts before this one ended uncleanly, one after the other."""

    def leave(self) -> None:
        """This start is under way."""
        with contextlib.suppress(OSError):
            self.unclean = self._read()
        self._write(min(self.unclean + 1, MAX_COUNT))

    def take_back(self) -> None:
        """This start did not take place, as where the port is in use."""
        if self.unclean:
            self._write(self.unclean)
        else:
            self.take_away()

    def take_away(self) -> None:
        """This start was a good one."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self, count: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with contextlib.suppress(OSError):
            handle = os.open(self._path, flags, 0o600)
            try:
                os.write(handle, b"%d\n" % count)
            finally:
                os.close(handle)

    def _read(self) -> int:
        """0 without a mark. A mark that cannot be understood was cut short: one start left it."""
        try:
            handle = os.open(self._path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return 0
        try:
            text = os.read(handle, 8).strip()
        finally:
            os.close(handle)
        return int(text) if text.isdigit() else 1
