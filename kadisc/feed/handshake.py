"""Whether a chain node answers at an address of a record, and of which chain it is: a TCP
connection that is opened, looked at, and closed.

A record is made by others: the address may be of a web server, of a node of another chain, of one
that accepts and says nothing. Whatever it is, the handshake ends within its time limit, reads a
bounded number of bytes, and returns a verdict.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import trio

from ..endpoints import make_endpoint
from ..version import __version__
from .bitcoin_version import NotBitcoin, OtherMagic, RemoteVersion, VersionReader, version_message

TIMEOUT_S: Final = 5.0
"""The time limit of a whole handshake."""
FULL_S: Final = 1.0
"""How long the other side has to close the connection before anything is said. Bitcoin Core at its
limit of connections accepts and closes at once (``AcceptConnection``, "connection dropped (full)");
with another chain's magic it closes only after it has read that magic.
"""
AGENT: Final = f"/kadisc:{__version__}/"
_CHUNK_BYTES: Final = 2048
_NO_ROUTE: Final = ("no route", "unreachable")

Judged = Literal["bad", "busy", "wrong-network"]


@dataclass(frozen=True, slots=True)
class HandshakeOutcome:
    """``verdict`` is None for a sound peer, and where ``is_own_fault``: this machine has no route
    to it, which says nothing of the peer. ``words`` for people, ``fields`` for programs.
    """

    verdict: Judged | None
    words: str
    fields: Mapping[str, object] = field(default_factory=dict)
    is_own_fault: bool = False

    @property
    def is_sound(self) -> bool:
        return self.verdict is None and not self.is_own_fault


class Handshake(Protocol):
    async def __call__(self, host: str, port: int) -> HandshakeOutcome:
        """``host`` is a numeric address. Raises nothing but cancellation."""


async def no_handshake(host: str, port: int) -> HandshakeOutcome:
    await trio.lowlevel.checkpoint()
    return HandshakeOutcome(None, "not checked")


async def tcp_handshake(host: str, port: int) -> HandshakeOutcome:
    """Whether the port accepts a connection and keeps it open for a moment."""
    return await _connected(host, port, _stays_open)


class BitcoinHandshake:
    """``magic``: that of the chain, in the order of its bytes on the wire."""

    def __init__(self, magic: bytes) -> None:
        self._magic = magic

    async def __call__(self, host: str, port: int) -> HandshakeOutcome:
        return await _connected(host, port, self._converse)

    async def _converse(self, stream: trio.SocketStream, host: str, port: int) -> HandshakeOutcome:
        reader = VersionReader(self._magic)
        with trio.move_on_after(FULL_S):
            early = await stream.receive_some(_CHUNK_BYTES)
            if not early:
                return FULL
            if (remote := reader.feed(early)) is not None:
                return _sound(remote)
        to, nonce = make_endpoint(host, port), secrets.randbits(64)
        await stream.send_all(version_message(self._magic, AGENT, nonce, int(time.time()), to))
        while True:
            chunk = await stream.receive_some(_CHUNK_BYTES)
            if not chunk:
                return _closed_on_us(reader)
            if (remote := reader.feed(chunk)) is not None:
                return _sound(remote)


FULL: Final = HandshakeOutcome("busy", "closes the connection at once: full, or refuses this host")


def _closed_on_us(reader: VersionReader) -> HandshakeOutcome:
    if reader.has_received:
        return HandshakeOutcome("bad", "closes the connection within its first message")
    return HandshakeOutcome(
        "wrong-network", "closes the connection at this chain's magic: another chain's node"
    )


def _sound(remote: RemoteVersion) -> HandshakeOutcome:
    return HandshakeOutcome(
        None,
        f"{remote.agent}  height {remote.height}  services {remote.services:#x}",
        {"agent": remote.agent, "height": remote.height, "services": f"{remote.services:#x}"},
    )


async def _stays_open(stream: trio.SocketStream, host: str, port: int) -> HandshakeOutcome:
    with trio.move_on_after(FULL_S):
        if not await stream.receive_some(_CHUNK_BYTES):
            return FULL
    return HandshakeOutcome(None, "accepts connections")


class _Conversation(Protocol):
    async def __call__(
        self, stream: trio.SocketStream, host: str, port: int
    ) -> HandshakeOutcome: ...


async def _connected(host: str, port: int, converse: _Conversation) -> HandshakeOutcome:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    is_connected = False
    try:
        with (
            trio.move_on_after(TIMEOUT_S),
            trio.socket.socket(family, socket.SOCK_STREAM) as connection,
        ):
            await connection.connect((host, port))
            is_connected = True
            return await converse(trio.SocketStream(connection), host, port)
    except OtherMagic as error:
        return HandshakeOutcome("wrong-network", str(error), {"magic": error.magic.hex()})
    except NotBitcoin as error:
        return HandshakeOutcome("bad", str(error))
    except trio.BrokenResourceError:
        return FULL
    except ConnectionRefusedError:
        return HandshakeOutcome("bad", "refuses connections")
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        return HandshakeOutcome("bad", words, is_own_fault=any(each in words for each in _NO_ROUTE))
    silent = "accepts connections and says nothing" if is_connected else "does not answer"
    return HandshakeOutcome("bad", silent)
