"""Which addresses of this host have a socket of their own: none where a family has one usable
address, else each, up to a limit. They come and go with the addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...endpoints import Endpoint, Family, ip_of, make_endpoint
from ...errors import AddressInUse, BindError
from ...observe.socket_snapshot import SocketSnapshot, SocketState
from ..transport.local_sockets import LocalSockets
from ..transport.pump import Pump
from ..transport.udp import UdpPort
from .interfaces import LinkState

BEYOND_LIMIT: Final = "more addresses than max_local_sockets: the common socket answers for it"


class AddressSockets:
    """Those of one node. ``max_sockets``: in each family; 0 means that there are none."""

    def __init__(self, pump: Pump, max_sockets: int) -> None:
        self._pump = pump
        self._max_sockets = max_sockets
        self._sockets: dict[Family, LocalSockets] = {}
        self._without: dict[Family, dict[Endpoint, tuple[SocketState, str]]] = {}
        """Addresses that have no socket of their own, and why."""

    def follow(self, links: Mapping[Family, LinkState]) -> None:
        """Opens and closes sockets as the addresses of the host say."""
        for port in self._pump.ports:
            if (
                isinstance(port, UdpPort)
                and port.family in links
                and not any(ip_of(port.local_endpoint))
            ):
                self._follow(port, links[port.family])

    def snapshot(self) -> tuple[SocketSnapshot, ...]:
        """The sockets beside the common ones, and the addresses that should have one."""
        own = [
            SocketSnapshot(family, port.local_endpoint, SocketState.OPEN)
            for family, sockets in self._sockets.items()
            for port in sockets.ports.values()
        ]
        without = [
            SocketSnapshot(family, endpoint, state, reason)
            for family, endpoints in self._without.items()
            for endpoint, (state, reason) in endpoints.items()
        ]
        return (*own, *without)

    def _follow(self, common: UdpPort, link: LinkState) -> None:
        wanted = list(dict.fromkeys(self._endpoint(common, each.ip) for each in link.usable))
        if len(wanted) < 2 or not self._max_sockets:
            wanted = []
        # The primary one first: it is what most other nodes ask at.
        wanted.sort(key=lambda endpoint: ip_of(endpoint) != _ip(link.source))
        chosen, beyond = wanted[: self._max_sockets], wanted[self._max_sockets :]
        sockets = self._sockets.get(common.family)
        if sockets is None and not chosen:
            return
        if sockets is None:
            sockets = self._sockets[common.family] = LocalSockets(common)
            self._pump.send_through(sockets)
        for ip in [each for each in sockets.ports if each not in map(ip_of, chosen)]:
            self._pump.stop_reading(sockets.remove(ip))
        without = dict.fromkeys(beyond, (SocketState.COMMON, BEYOND_LIMIT))
        for endpoint in chosen:
            if ip_of(endpoint) in sockets.ports:
                continue
            try:
                self._pump.read_also(sockets.open(ip_of(endpoint)))
            except AddressInUse as error:
                without[endpoint] = SocketState.TAKEN, str(error)
            except BindError as error:
                without[endpoint] = SocketState.LOST, str(error)
        self._without[common.family] = without
        if not chosen:
            self._pump.send_through(sockets.end())
            del self._sockets[common.family], self._without[common.family]

    def _endpoint(self, common: UdpPort, ip: str) -> Endpoint:
        return make_endpoint(ip, int.from_bytes(common.local_endpoint[-2:], "big"))


def _ip(source: str | None) -> bytes | None:
    return None if source is None else ip_of(make_endpoint(source, 1))
