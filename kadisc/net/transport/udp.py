"""A UDP socket as a port, and how one is bound."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from typing import Final, cast

import trio

from ...core.contract.events import Datagram
from ...endpoints import IPV4_ENDPOINT_BYTES, Endpoint, Family, make_endpoint, split_host_port
from ...errors import AddressInUse, BindError, UsageError
from .ports import SENT, Sent

_TRANSIENT: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.ENOMEM})
"""Errors that say nothing about the destination: the system is out of room at the moment."""

_ADVICE = {
    errno.EADDRINUSE: "another program has it; choose another port, or port 0 for any free one",
    errno.EADDRNOTAVAIL: "no interface of this machine has that address",
    errno.EACCES: "the system does not allow it; choose a port above 1023",
    errno.EPERM: "the system does not allow it; choose a port above 1023",
    errno.EAFNOSUPPORT: "this machine has no IPv6",
    errno.EMFILE: "allow more of them with ulimit -n",
}


class UdpPort:
    """One non-blocking UDP socket, read in batches."""

    def __init__(self, sock: socket.socket, *, max_datagram_bytes: int) -> None:
        self._socket = sock
        # One byte more, so that a datagram that is too long can be told from one that just fits.
        self._read_bytes = max_datagram_bytes + 1
        self.family = Family.IPV6 if sock.family == socket.AF_INET6 else Family.IPV4
        self._pack_ip = socket.inet_aton if self.family is Family.IPV4 else _pack_ipv6
        host, port = sock.getsockname()[:2]
        self.local_endpoint = Endpoint(self._pack_ip(host) + port.to_bytes(2, "big"))
        self._address_of: dict[Endpoint, tuple[str, int]] = {}
        self.heard: Callable[[list[tuple[bytes, Endpoint]], UdpPort], None] | None = None
        """Told of each batch that came in by this socket, where a host has several."""
        self.receive_errors = 0
        """Reads that reported an error, such as ICMP's "port unreachable" for an earlier datagram
        of this node.
        """

    @property
    def receive_buffer_bytes(self) -> int:
        """What the system gave, which may be less than was asked for."""
        return given_buffer(self._socket)

    async def wait_readable(self) -> None:
        await trio.lowlevel.wait_readable(self._socket)

    def drain(self, limit: int) -> list[tuple[bytes, Endpoint]]:
        batch: list[tuple[bytes, Endpoint]] = []
        receive, read_bytes, pack_ip = self._socket.recvfrom, self._read_bytes, self._pack_ip
        # Nearly every sender is answered at once. Its address is kept as the system gave it, so
        # that `send` need not make it from the endpoint.
        address_of = self._address_of = {}
        for _ in range(limit):
            try:
                payload, address = receive(read_bytes)
            except BlockingIOError:
                break
            except OSError:
                # The error is of an earlier datagram of this node, not of one that waits here: the
                # next read may succeed.
                self.receive_errors += 1
                continue
            # make_endpoint would cost ten times as much, for every datagram; a cast costs nothing
            # in compiled code.
            source = cast("Endpoint", pack_ip(address[0]) + address[1].to_bytes(2, "big"))
            address_of[source] = address
            batch.append((payload, source))
        if self.heard is not None and batch:
            self.heard(batch, self)
        return batch

    def send(self, datagram: Datagram) -> Sent:
        payload, destination = datagram
        try:
            self._socket.sendto(payload, self._address_of.get(destination) or _address(destination))
        except OSError as error:
            return Sent.DROPPED if error.errno in _TRANSIENT else Sent.REFUSED
        return SENT

    def open_beside(self, ip: bytes) -> UdpPort:
        """A port at one address of this machine (4 or 16 bytes) and the same port number, while
        this one is bound to all addresses. Raises BindError.

        The system allows it to sockets with SO_REUSEADDR alone. Both have it only for this moment:
        after that no other program gets in (measured on Linux).
        """
        host = socket.inet_ntop(self._socket.family, ip)
        port = int.from_bytes(self.local_endpoint[-2:], "big")
        sock = None
        try:
            sock = socket.socket(self._socket.family, socket.SOCK_DGRAM)
            _prepare(sock, self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2)
            for each in (self._socket, sock):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            return UdpPort(sock, max_datagram_bytes=self._read_bytes - 1)
        except OSError as error:
            if sock is not None:
                sock.close()
            raise _bind_error(f"{host} port {port}", error) from error
        finally:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    def close(self) -> None:
        self._socket.close()


def _address(endpoint: Endpoint) -> tuple[str, int]:
    port = int.from_bytes(endpoint[-2:], "big")
    if len(endpoint) == IPV4_ENDPOINT_BYTES:
        return socket.inet_ntoa(endpoint[:4]), port
    return socket.inet_ntop(socket.AF_INET6, endpoint[:16]), port


def _pack_ipv6(host: str) -> bytes:
    # A link-local address comes with its interface, as in fe80::1%eth0.
    return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])


def bind_udp(address: str, *, max_datagram_bytes: int, socket_buffer_bytes: int) -> UdpPort:
    """A port at a numeric ``HOST:PORT``; port 0 lets the system choose. Raises UsageError for an
    address that cannot be read, AddressInUse or another BindError where the system refuses it.
    """
    try:
        host, port = split_host_port(address)
        family = socket.AF_INET6 if len(make_endpoint(host, port or 1)) == 18 else socket.AF_INET
    except ValueError as error:
        raise UsageError(f"cannot listen on {address}: {error}") from None
    sock = None
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        _prepare(sock, socket_buffer_bytes)
        sock.bind((host, port))
        return UdpPort(sock, max_datagram_bytes=max_datagram_bytes)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise _bind_error(address, error) from error


def _bind_error(address: str, error: OSError) -> BindError:
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    advice = _ADVICE.get(error.errno or 0)
    kind = AddressInUse if error.errno == errno.EADDRINUSE else BindError
    return kind(f"cannot listen on {address}: {reason}" + (f": {advice}" if advice else ""))


def given_buffer(sock: socket.socket) -> int:
    """The receive buffer of a socket in bytes. Linux doubles what was asked for, and tells that."""
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return told // 2 if sys.platform == "linux" else told


def _prepare(sock: socket.socket, buffer_bytes: int) -> None:
    sock.setblocking(False)
    # A burst that arrives while Python is busy waits in the socket; the system's default holds a
    # tenth of a second of a busy node's datagrams.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    if sock.family == socket.AF_INET6:
        # One socket per family: IPv4 on an IPv6 socket would come as mapped addresses.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
