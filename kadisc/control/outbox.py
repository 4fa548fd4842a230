"""What is on its way to one client: bounded, so that a client that does not read costs no more than
this.
"""

from __future__ import annotations

from collections import deque

import trio


class TooSlow(Exception):
    """The client does not read what it has asked for."""


class Gone(Exception):
    """The client has hung up."""


class Outbox:
    """Lines in the order in which they were put; `put` never waits. What was sent of a line is
    known at every moment, so that whoever is cancelled in the middle of one can go on with the rest
    of it.
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
        """Raises TooSlow if that is more than is kept for it. A single line always finds room in an
        empty box.
        """
        if self._lines and self.waiting_bytes + len(line) > self._max_bytes:
            raise TooSlow
        self._lines.append(line)
        self.waiting_bytes += len(line)
        self._more.set()

    async def send(self) -> None:
        """Until it is empty. Raises TooSlow where nothing is read for so long, Gone where nobody is
        there.
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

    async def send_for_ever(self) -> None:
        while True:
            await self.send()
            self._more = trio.Event()
            await self._more.wait()

    async def finish(self, patience_s: float) -> None:
        """Sends what is left, whatever is being cancelled."""
        with trio.move_on_after(patience_s, shield=True):
            await self.send()
