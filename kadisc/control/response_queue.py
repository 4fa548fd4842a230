"""The lines that wait to be sent to one client.

Attack: a client that does not read makes the node keep ever more lines. Defence: a bound on the
waiting bytes, and a time limit for reading.
"""

from __future__ import annotations

from collections import deque

import trio


class TooSlow(Exception):
    """The client does not read its responses."""


class Gone(Exception):
    """The client has closed the connection."""


class ResponseQueue:
    """Lines, first in, first out; `put` never waits. The queue records how much of a line was sent,
    so that a sender that is cancelled in the middle of a line can resume with the rest of it.
    """

    def __init__(self, sock: trio.socket.SocketType, *, max_bytes: int, stall_s: float) -> None:
        self._socket = sock
        self._max_bytes = max_bytes
        self._stall_s = stall_s
        self._lines: deque[bytes] = deque()
        self._sent_of_first = 0
        self._more = trio.Event()
        self.waiting_bytes = 0

    @property
    def is_empty(self) -> bool:
        return not self._lines

    def put(self, line: bytes) -> None:
        """Raises TooSlow if more than ``max_bytes`` would wait. An empty queue takes a line of any
        length.
        """
        if self._lines and self.waiting_bytes + len(line) > self._max_bytes:
            raise TooSlow
        self._lines.append(line)
        self.waiting_bytes += len(line)
        self._more.set()

    async def send(self) -> None:
        """Sends until the queue is empty. Raises TooSlow if the client reads nothing for
        ``stall_s``, and Gone if the connection is closed.
        """
        while self._lines:
            rest = memoryview(self._lines[0])[self._sent_of_first :]
            try:
                with trio.fail_after(self._stall_s):
                    sent = await self._socket.send(rest)
            except trio.TooSlowError:
                raise TooSlow from None
            except (OSError, trio.ClosedResourceError):
                raise Gone from None
            self._sent_of_first += sent
            self.waiting_bytes -= sent
            if sent == len(rest):
                self._lines.popleft()
                self._sent_of_first = 0

    async def send_forever(self) -> None:
        while True:
            await self.send()
            self._more = trio.Event()
            await self._more.wait()

    async def finish(self, timeout_s: float) -> None:
        """Sends the rest, also while the task is being cancelled."""
        with trio.move_on_after(timeout_s, shield=True):
            await self.send()
