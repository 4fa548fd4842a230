"""Sockets that are bound to one address, and close when no interface has it any more.

Such a socket can neither send nor receive, and Linux reports each attempt as another error. Closed,
its family shows as down, no contact is blamed for silence, and the address can be bound again when
it is back. Sockets on the unspecified address need none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeAlias

from ...endpoints import Endpoint, Family, format_endpoint, ip_of
from ...errors import BindError
from ...observe.shell_events import SocketBack, SocketLost
from ...observe.socket_snapshot import SocketSnapshot, SocketState
from ..transport.ports import ClosedPort, Port
from ..transport.pump import Pump
from .interfaces import is_own_address

NO_INTERFACE: Final = "no interface has that address any more"


Bind: TypeAlias = Callable[[str], Port]
"""Opens a port at a numeric ``HOST:PORT``. Raises BindError."""


class BoundSockets:
    """Those of one node. Only `follow` changes anything."""

    def __init__(
        self, pump: Pump, bind: Bind, has_address: Callable[[Endpoint], bool] = is_own_address
    ) -> None:
        self._pump = pump
        self._bind = bind
        self._has_address = has_address
        self._lost: dict[Family, str] = {}
        """Why the socket of a family is closed."""

    def follow(self, families: Collection[Family]) -> None:
        """Closes the sockets whose address is gone, and tries to open the others again."""
        for port in self._pump.ports:
            family, endpoint = port.family, port.local_endpoint
            if family not in families or not any(ip_of(endpoint)):
                continue
            is_there = self._has_address(endpoint)
            if family in self._lost:
                if is_there:
                    self._reopen(family, endpoint)
            elif not is_there:
                self._lose(port)

    def snapshot(self) -> tuple[SocketSnapshot, ...]:
        return tuple(
            SocketSnapshot(
                port.family,
                port.local_endpoint,
                SocketState.LOST if port.family in self._lost else SocketState.OPEN,
                self._lost.get(port.family),
            )
            for port in self._pump.ports
        )

    def _lose(self, port: Port) -> None:
        self._lost[port.family] = NO_INTERFACE
        self._pump.replace_port(ClosedPort(port))
        self._pump.core.socket_lost(port.family, self._pump.now())
        self._pump.publish(SocketLost(port.family, port.local_endpoint))
        self._pump.flush()

    def _reopen(self, family: Family, endpoint: Endpoint) -> None:
        try:
            port = self._bind(format_endpoint(endpoint))
        except BindError as error:
            self._lost[family] = str(error)
            return
        del self._lost[family]
        self._pump.replace_port(port)
        self._pump.publish(SocketBack(family, endpoint))
