"""The router as sockets reach it: where it is, the own address towards it, and a connected UDP
socket for its port 5351.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from ...endpoints import Endpoint, Family, Scope, ip_of, make_endpoint, scope_of
from . import pcp
from .gateway import default_gateway

_SOMEWHERE: Final = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}
"""Addresses for documentation: a UDP socket that is connected there has the source address towards
the internet, and nothing is sent.
"""
_DISCARD_PORT: Final = 9


@dataclass(frozen=True, slots=True)
class Location:
    """The router of one family as this machine sees it. ``source``: the own address towards it, 4
    or 16 bytes: that to which the router forwards.
    """

    family: Family
    gateway: str
    source: bytes


@dataclass(frozen=True, slots=True)
class NoRouter:
    """Why no router is asked. ``is_lasting``: it cannot change without a change of the network."""

    reason: str
    is_lasting: bool


class GatewayPort(Protocol):
    """A question to the router and its answers."""

    def send(self, payload: bytes) -> None:
        """Without waiting. Raises OSError."""

    async def receive(self) -> bytes:
        """The next datagram of the router alone. Raises OSError, as where it refuses by ICMP."""

    def close(self) -> None: ...


class RouterAccess(Protocol):
    """Where the router is, and how it is asked."""

    def locate(self, family: Family, own: Endpoint) -> Location | NoRouter:
        """``own``: where the node's socket is bound."""

    def connect(self, location: Location) -> GatewayPort:
        """Raises OSError."""


class SystemRouters:
    """The routers of this machine. ``configured``: by family, in place of the default routes."""

    def __init__(self, configured: Mapping[Family, str]) -> None:
        self._configured = configured

    def locate(self, family: Family, own: Endpoint) -> Location | NoRouter:
        """As `RouterAccess`. Blocks for less than 1 ms."""
        if scope_of(own) is Scope.LOOPBACK:
            return NoRouter("the node listens on a loopback address", True)
        gateway = self._configured.get(family)
        if gateway is None:
            found = default_gateway(family)
            if found is None:
                return NoRouter("no default route names a router; --gateway names one", False)
            gateway = found.host
        bound = ip_of(own)
        try:
            source = bound if any(bound) else _source_address(family, gateway)
        except OSError as error:
            return NoRouter(f"no route: {_words(error)}", False)
        scope = scope_of(Endpoint(source + b"\0\1"))
        if scope is Scope.LOOPBACK:
            return NoRouter("the node listens on a loopback address", True)
        if family is Family.IPV4 and scope is Scope.PUBLIC:
            return NoRouter("this machine has a public address; no router translates it", True)
        if family is Family.IPV6 and scope is not Scope.PUBLIC:
            return NoRouter("this machine has no public IPv6 address", False)
        return Location(family, gateway, source)

    def connect(self, location: Location) -> GatewayPort:
        """As `RouterAccess`."""
        return GatewaySocket(location)


class GatewaySocket:
    """A UDP socket from the own address to port 5351 of the router, connected: the system delivers
    only what comes from there.
    """

    def __init__(self, location: Location) -> None:
        self._socket = bound_socket(location)
        try:
            self._socket.connect(_socket_address(location.gateway, pcp.PORT))
        except BaseException:
            self._socket.close()
            raise

    def send(self, payload: bytes) -> None:
        self._socket.send(payload)

    async def receive(self) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(pcp.MAX_BYTES + 1)
            except BlockingIOError:
                continue

    def close(self) -> None:
        self._socket.close()


def bound_socket(location: Location) -> socket.socket:
    """A UDP socket at the own address towards the router. Raises OSError."""
    family = socket.AF_INET if location.family is Family.IPV4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.bind((socket.inet_ntop(family, location.source), 0))
    except BaseException:
        sock.close()
        raise
    return sock


def _source_address(family: Family, gateway: str) -> bytes:
    """The address that datagrams leave from. Nothing is sent.

    Towards an IPv6 router the system would choose a link-local address, which no other node
    reaches; so there the address towards the internet counts.
    """
    towards = gateway if family is Family.IPV4 else _SOMEWHERE[family]
    inet = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
    with socket.socket(inet, socket.SOCK_DGRAM) as sock:
        sock.connect((towards, _DISCARD_PORT))
        return ip_of(make_endpoint(sock.getsockname()[0], 1))


def _socket_address(host: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """For `socket.connect`; the scope of a link-local address as its number. Raises OSError."""
    address, _, scope = host.partition("%")
    if not scope:
        return address, port
    return address, port, 0, int(scope) if scope.isdigit() else socket.if_nametoindex(scope)


def _words(error: OSError) -> str:
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def unreachable_words(error: OSError) -> str:
    """Why the router cannot be asked, in words."""
    if isinstance(error, ConnectionRefusedError):
        return "the router has neither PCP nor NAT-PMP (port 5351 is closed)"
    return f"the router cannot be asked: {_words(error)}"
