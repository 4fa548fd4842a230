"""Where lines of the log are written: stdout. A full disk ends nothing: lines are lost, and their
number is told when writing works again. A closed reader (BrokenPipeError) ends the program.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


class LogStream:
    """``lost``: makes the line that tells how many could not be written. ``warn``: is told once,
    in words, that writing has failed.
    """

    def __init__(self, lost: Callable[[int], str], warn: Callable[[str], None]) -> None:
        self._lost_line = lost
        self._warn = warn
        self._lost = 0
        """Lines that could not be written since the last successful one."""

    def write(self, line: str) -> None:
        try:
            if self._lost:
                _print(self._lost_line(self._lost))
                self._lost = 0
            _print(line)
        except BrokenPipeError:
            raise
        except OSError as error:
            if not self._lost:
                reason = (error.strerror or str(error)).lower()
                self._warn(f"the log cannot be written, retrying: {reason}")
            self._lost += 1
            _discard_buffer()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _discard_buffer() -> None:
    """Discards the buffer of stdout: otherwise its rest would be written later, between other
    lines, or cause an error at exit.
    """
    output = sys.stdout.fileno()
    null = os.open(os.devnull, os.O_WRONLY)
    saved = os.dup(output)
    os.dup2(null, output)
    sys.stdout.flush()
    os.dup2(saved, output)
    os.close(saved)
    os.close(null)
