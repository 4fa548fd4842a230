"""The interface between the pump and what carries datagrams.

Two carry them: a UDP socket (`udp.py`) and a network in memory (`memory.py`). The pump waits for
readability and then drains without waiting: one await per batch instead of one per datagram serves
several times as many of them.
"""

from __future__ import annotations

import enum
from typing import Final, Protocol

import trio

from ...core.contract.events import Datagram
from ...endpoints import Endpoint, Family


class Sent(enum.Enum):
    """What became of a datagram that was to be sent."""

    SENT = "sent"
    DROPPED = "dropped"
    """The system has no room for it now. UDP may lose any datagram: it is counted, and a query is
    retransmitted.
    """
    REFUSED = "refused"
    """It cannot be sent there: no route, forbidden, too long. The core is told, so that it need not
    wait for a time-out.
    """


SENT: Final = Sent.SENT
"""Read for every datagram: see `endpoints.IPV4`."""


class SendingPort(Protocol):
    """A sink of datagrams of one address family."""

    @property
    def family(self) -> Family: ...

    def send(self, datagram: Datagram) -> Sent:
        """Without waiting; never raises for anything that the network or the system does."""


class Port(SendingPort, Protocol):
    """A bound source and sink of datagrams of one address family."""

    @property
    def local_endpoint(self) -> Endpoint:
        """Where it listens; the address may be the unspecified one (``0.0.0.0``, ``::``)."""

    async def wait_readable(self) -> None:
        """Returns when `drain` may have something; always a trio checkpoint."""

    def drain(self, limit: int) -> list[tuple[bytes, Endpoint]]:
        """At most ``limit`` datagrams with their sources, without waiting. A datagram that is
        longer than the longest acceptable one is cut to one byte more than that, so that the core
        sees that it is too long.
        """

    def close(self) -> None:
        """Call it when no task waits in `wait_readable` any more; a second call does nothing."""


class ClosedPort:
    """In the place of a port whose address is gone: nothing comes in, and nothing can be sent."""

    def __init__(self, port: Port) -> None:
        self.family = port.family
        self.local_endpoint = port.local_endpoint

    async def wait_readable(self) -> None:
        await trio.sleep_forever()

    def drain(self, limit: int) -> list[tuple[bytes, Endpoint]]:
        return []

    def send(self, datagram: Datagram) -> Sent:
        return Sent.REFUSED

    def close(self) -> None:
        pass
