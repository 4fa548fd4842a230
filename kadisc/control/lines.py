"""Splits chunks of bytes into lines."""

from __future__ import annotations


class LineTooLong(Exception):
    """A line has more bytes than the limit."""


class LineBuffer:
    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, blank ones left out. Raises LineTooLong, after which
        the buffer must not be used any more.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if any(len(line) > self._max_bytes for line in (*lines, self._rest)):
            raise LineTooLong
        return [line for line in lines if line.strip()]
