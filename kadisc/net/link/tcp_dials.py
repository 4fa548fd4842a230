"""Connects to the TCP ports that other nodes of the network want to have tried, and hangs up.

Attack: a node has others connect to ports of a third party, or to many ports at once. Defence: the
core asks only for the address that a query with a token came from, at a port that a signed record
names, within budgets; here few connections are opened at a time, each is given up after three
seconds, nothing is sent and nothing is read.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

import trio

from ...core.contract.events import DialOutcome, TcpDialWanted
from ...endpoints import Endpoint, Family, family_of, host_of, port_of
from ..transport.pump import Pump
from ..transport.udp import UdpPort

TIMEOUT_S: Final = 3.0
"""A port that has not accepted by then counts as silent."""
MAX_DIALS: Final = 8
"""Connections that are being opened at a time."""
_REFUSED: Final = frozenset({errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED})
_SILENT: Final = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EHOSTDOWN})
"""Errors that routers on the way report, or that silence causes. All others are of this side."""


async def dial(
    endpoint: Endpoint, *, source_ip: str | None = None, timeout_s: float = TIMEOUT_S
) -> DialOutcome:
    """What a connection comes to. ``source_ip``: the address that it leaves from; None for the one
    that the system chooses.
    """
    family = socket.AF_INET if family_of(endpoint) is Family.IPV4 else socket.AF_INET6
    try:
        with (
            trio.move_on_after(timeout_s),
            trio.socket.socket(family, socket.SOCK_STREAM) as connection,
        ):
            if source_ip is not None:
                await connection.bind((source_ip, 0))
            await connection.connect((host_of(endpoint), port_of(endpoint)))
            return DialOutcome.ACCEPTED
    except OSError as error:
        if error.errno in _REFUSED:
            return DialOutcome.REFUSED
        if error.errno not in _SILENT:
            return DialOutcome.NOT_TRIED
    return DialOutcome.SILENT


class TcpDials:
    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._running = 0
        # As many as the core may want within the time that one takes; beyond, an ask of the core
        # ends without an outcome, as busy.
        self._put, self._wanted = trio.open_memory_channel[TcpDialWanted](MAX_DIALS)
        pump.dispatch.tap(self._note)

    async def run(self) -> None:
        """Connects until it is cancelled."""
        async with trio.open_nursery() as nursery:
            async for wanted in self._wanted:
                if self._running >= MAX_DIALS:
                    self._tell(wanted, DialOutcome.NOT_TRIED)
                else:
                    self._running += 1
                    nursery.start_soon(self._dial, wanted, name="kadisc tcp dial")

    def _note(self, event: object) -> None:
        if isinstance(event, TcpDialWanted):
            try:
                self._put.send_nowait(event)
            except trio.WouldBlock:
                return

    async def _dial(self, wanted: TcpDialWanted) -> None:
        try:
            outcome = DialOutcome.NOT_TRIED
            if (port := self._port_for(wanted.endpoint)) is not None:
                outcome = await dial(wanted.endpoint, source_ip=_bound_ip(port))
        finally:
            self._running -= 1
        self._tell(wanted, outcome)

    def _port_for(self, endpoint: Endpoint) -> UdpPort | None:
        """The socket of that family, if this node speaks to a real network by it."""
        for port in self._pump.ports:
            if port.family is family_of(endpoint) and isinstance(port, UdpPort):
                return port
        return None

    def _tell(self, wanted: TcpDialWanted, outcome: DialOutcome) -> None:
        if not self._pump.closed:
            self._pump.core.tcp_dialled(wanted.dial, outcome, self._pump.now())
            self._pump.flush()


def _bound_ip(port: UdpPort) -> str | None:
    """The address that the node is bound to; None where it is bound to all."""
    return host_of(port.local_endpoint) if any(port.local_endpoint[:-2]) else None
