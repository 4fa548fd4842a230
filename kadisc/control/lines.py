"""Lines out of chunks."""

from __future__ import annotations


class LineTooLong(Exception):
    """More bytes without a newline than a line may have."""


class LineBuffer:
    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now, blank ones left out. Raises LineTooLong; then nothing
        more can be read.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if any(len(line) > self._max_bytes for line in (*lines, self._rest)):
            raise LineTooLong
        return [line for line in lines if line.strip()]
