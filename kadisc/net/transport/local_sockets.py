"""One socket for each address of this host, so that answers leave from the address that was asked.

Fault: a socket that is bound to all addresses of a host with several sends from the one that the
route prefers. A node that was asked at another one is answered from an address that it never asked,
and drops that: answers are matched with their exact source.

The sockets are beside the common one, at the same port; the system prefers the socket with the
exact address (read in source: Linux ``net/ipv4/udp.c``), so nearly everything comes in through
them. *Answers* leave by the socket that last heard the other node. *Queries* leave by the common
socket, so that routes choose the address: other nodes see one node at one endpoint, and no other
address of the host becomes known (BEP 45). ``IP_PKTINFO`` would do without further sockets, and
cost every datagram a ``recvmsg``.
"""

from __future__ import annotations

from typing import Final

from ...core.contract.events import Datagram
from ...endpoints import Endpoint
from .ports import Sent
from .udp import UdpPort

GENERATION: Final = 4_096
"""Nodes in one generation of those heard. Two are kept: a node that was heard among the last so
many is answered from where it asked.
"""
_QUERY: Final = b"q"
"""The last but one byte of a query (BEP 5): ``1:y1:q`` stands last in it. It is ``r`` or ``e`` in
answers.
"""


class LocalSockets:
    """What a family is sent through: the common socket, and one for each address."""

    def __init__(self, common: UdpPort) -> None:
        self.common = common
        self.family = common.family
        self.ports: dict[bytes, UdpPort] = {}
        """By address (4 or 16 bytes)."""
        self._heard: dict[Endpoint, UdpPort] = {}
        self._heard_before: dict[Endpoint, UdpPort] = {}
        common.heard = self._note

    def open(self, ip: bytes) -> UdpPort:
        """A socket at one more address, which the caller reads. Raises BindError."""
        port = self.ports[ip] = self.common.open_beside(ip)
        port.heard = self._note
        return port

    def remove(self, ip: bytes) -> UdpPort:
        """Nothing is sent through the socket at that address any more. The caller closes it."""
        port = self.ports.pop(ip)
        self._heard = {each: by for each, by in self._heard.items() if by is not port}
        self._heard_before = {e: by for e, by in self._heard_before.items() if by is not port}
        return port

    def end(self) -> UdpPort:
        """Only the common socket is left, which is returned."""
        self.common.heard = None
        return self.common

    def send(self, datagram: Datagram) -> Sent:
        payload, destination = datagram
        if payload[-2:-1] == _QUERY:
            return self.common.send(datagram)
        return (self.port_for(destination) or self.common).send(datagram)

    def port_for(self, destination: Endpoint) -> UdpPort | None:
        """The socket that last heard a node; None if it was not heard lately."""
        return self._heard.get(destination) or self._heard_before.get(destination)

    def _note(self, batch: list[tuple[bytes, Endpoint]], port: UdpPort) -> None:
        heard = self._heard
        for _, source in batch:
            heard[source] = port
        if len(heard) >= GENERATION:
            self._heard, self._heard_before = {}, heard
