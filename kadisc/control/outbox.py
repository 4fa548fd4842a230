"""What is on its way to one client: bounded, so that a client that does not read costs no more than this."""

from __future__ import annotations

from collections import deque

import trio


class TooSlow(Exception):
    """The client does not read what it has asked for."""


class Outbox:
    """Lines in the order in which they were put; `put` never waits."""

    def __init__(self, stream: trio.abc.SendStream, *, max_bytes: int, stall_s: float) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._stall_s = stall_s
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._more = trio.Event()
        self._in_line = False

    @property
    def is_empty(self) -> bool:
        return not self._lines

    def put(self, line: bytes) -> None:
        """Raises TooSlow if that is more than is kept for it. A single line always finds room in an empty box."""
        if self._lines and self._bytes + len(line) > self._max_bytes:
            raise TooSlow
        self._lines.append(line)
        self._bytes += len(line)
        self._more.set()

    async def send_all(self) -> None:
        """Until it is empty. Raises TooSlow where nothing is read for so long, BrokenResourceError where nobody is there."""
        while self._lines:
            self._in_line = True
            try:
                with trio.fail_after(self._stall_s):
                    await self._stream.send_all(self._lines[0])
            except trio.TooSlowError:
                raise TooSlow from None
            self._in_line = False
            self._bytes -= len(self._lines.popleft())

    async def send_for_ever(self) -> None:
        while True:
            await self.send_all()
            self._more = trio.Event()
            await self._more.wait()

    async def finish(self, patience_s: float) -> None:
        """Sends what is left, whatever is being cancelled. Not after half a line: what follows would not be read as what it is."""
        if self._in_line:
            return
        with trio.move_on_after(patience_s, shield=True):
            await self.send_all()
