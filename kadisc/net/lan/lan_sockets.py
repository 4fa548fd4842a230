"""The sockets of beacons: one that listens to the group and to broadcasts, which several programs
on one host may share, and one that sends, to which answers come.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ...errors import BindError
from .lan_interfaces import LanInterface

GROUP: Final = "239.255.77.68"
"""Administratively scoped (RFC 2365)."""
PORT: Final = 17468
BROADCAST: Final = "255.255.255.255"
MAX_READ: Final = 64
"""Datagrams that one look at a socket reads at most."""
_READ_BYTES: Final = 64
_ANCILLARY_BYTES: Final = 128
# Linux; Python names only some of them.
_IP_PKTINFO: Final = getattr(socket, "IP_PKTINFO", 8)
_IP_RECVTTL: Final = getattr(socket, "IP_RECVTTL", 12)
_IP_MULTICAST_ALL: Final = 49
_IP_TTL: Final = socket.IP_TTL


@dataclass(frozen=True, slots=True)
class Heard:
    """A datagram of a host of the link. ``source``: host and port."""

    payload: bytes
    source: tuple[str, int]
    interface: LanInterface


class LanSockets:
    """For these interfaces. Raises BindError where the system has no such sockets; Linux has."""

    def __init__(self, interfaces: Iterable[LanInterface]) -> None:
        self.interfaces = {each.index: each for each in interfaces}
        self._own = {each.host: each for each in self.interfaces.values()}
        self.refused = 0
        """Beacons that the system did not send, as on an interface that went down."""
        self.off_link = 0
        """Datagrams that did not come from the link itself."""
        opened: list[socket.socket] = []
        try:
            for reuse in (True, False):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                opened.append(sock)
                _prepare(sock, reuse=reuse)
                sock.bind(("0.0.0.0", PORT if reuse else 0))
        except OSError as error:
            for sock in opened:
                sock.close()
            raise BindError(f"cannot listen for nodes of the LAN: {error.strerror}") from error
        self.listening, self.sending = opened
        self._joined = [each for each in self.interfaces.values() if self._join(each)]

    @property
    def sockets(self) -> Sequence[socket.socket]:
        return self.listening, self.sending

    def _join(self, interface: LanInterface) -> bool:
        membership = struct.pack(
            "@4s4si", socket.inet_aton(GROUP), socket.inet_aton(interface.host), interface.index
        )
        try:
            self.listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        except OSError:  # it went down meanwhile; broadcasts may still come
            return False
        return True

    def send_to_all(self, payload: bytes, *, broadcast: bool) -> int:
        """Sends to the group, and as a broadcast where that is wanted, on every interface. Returns
        how many datagrams were sent.
        """
        hosts = (GROUP, BROADCAST) if broadcast else (GROUP,)
        sent = 0
        for interface in self.interfaces.values():
            for host in hosts:
                sent += self._send(payload, (host, PORT), interface)
        return sent

    def send_to(self, payload: bytes, to: tuple[str, int]) -> int:
        """Sends to one host of a link."""
        for interface in self.interfaces.values():
            if interface.is_on_link(to[0]):
                return self._send(payload, to, interface)
        return 0

    def _send(self, payload: bytes, to: tuple[str, int], interface: LanInterface) -> int:
        information = struct.pack("@i4s4s", interface.index, socket.inet_aton(interface.host), b"")
        try:
            self.sending.sendmsg([payload], [(socket.IPPROTO_IP, _IP_PKTINFO, information)], 0, to)
        except OSError:
            self.refused += 1
            return 0
        return 1

    def drain(self, sock: socket.socket) -> Iterator[Heard]:
        """What waits in a socket, from hosts of the links alone: with the TTL that beacons are sent
        with, no router has passed it on.
        """
        for _ in range(MAX_READ):
            try:
                payload, ancillary, _, source = sock.recvmsg(_READ_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                return
            except OSError:  # of an earlier datagram of this node
                continue
            index, ttl = _told(ancillary)
            # Between two nodes of this host datagrams pass over the loopback interface.
            interface = self.interfaces.get(index) or self._own.get(source[0])
            if ttl != 1 or interface is None or not interface.is_on_link(source[0]):
                self.off_link += 1
                continue
            yield Heard(payload, (source[0], source[1]), interface)

    def close(self) -> None:
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.close()


def _prepare(sock: socket.socket, *, reuse: bool) -> None:
    sock.setblocking(False)
    if reuse:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    for option, value in (
        (_IP_MULTICAST_ALL, 0),  # only groups that this socket joined
        (_IP_PKTINFO, 1),
        (_IP_RECVTTL, 1),
        (socket.IP_MULTICAST_TTL, 1),
        (socket.IP_TTL, 1),
        (socket.IP_MULTICAST_LOOP, 1),  # for other nodes of this host
    ):
        sock.setsockopt(socket.IPPROTO_IP, option, value)


def _told(ancillary: Iterable[tuple[int, int, bytes]]) -> tuple[int, int]:
    """The number of the interface and the TTL that the system tells; 0 for what it does not."""
    index = ttl = 0
    for level, kind, value in ancillary:
        if level != socket.IPPROTO_IP:
            continue
        if kind == _IP_PKTINFO and len(value) >= 4:
            (index,) = struct.unpack_from("@i", value)
        elif kind == _IP_TTL and len(value) >= 4:
            (ttl,) = struct.unpack_from("@i", value)
    return index, ttl
