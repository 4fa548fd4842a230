"""The ``version`` message of Bitcoin's protocol: bytes to write, and bytes read back, without I/O.

::

    header:   magic 4 | command 12, NUL-padded | length 4 | checksum 4     (little-endian)
    version:  protocol 4 | services 8 | time 8 | to 26 | from 26 | nonce 8 |
              agent (length, then text) | height 4 | relay 1

Bitcoin Core, and the many chains that descend from it, differ in the magic alone. The side that
connects speaks first; the other one answers with its own ``version``, or closes the connection if
the magic is another chain's. https://en.bitcoin.it/wiki/Protocol_documentation#version
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ..endpoints import Endpoint, ip_of

MAGIC_BYTES: Final = 4
HEADER_BYTES: Final = 24
PROTOCOL: Final = 70015
"""That of Bitcoin Core 0.14 to 0.20, and of Litecoin Core: all later ones take it."""
MAX_AGENT_BYTES: Final = 256
"""MAX_SUBVERSION_LENGTH of Bitcoin Core."""
MAX_PAYLOAD_BYTES: Final = 1024
"""The longest ``version`` that is read. Those of Bitcoin Core have at most 345 bytes; Dash adds 65,
Zcash and others a few.
"""
_VERSION: Final = b"version".ljust(12, b"\0")
_FIXED: Final = struct.Struct("<iQq26s26sQ")
_IPV4_IN_IPV6: Final = bytes(10) + b"\xff\xff"


class NotBitcoin(Exception):
    """The bytes are no ``version`` message; the text says in plain words what they are."""


class OtherMagic(Exception):
    """The bytes are of Bitcoin's protocol, with another chain's ``magic``."""

    def __init__(self, magic: bytes) -> None:
        super().__init__(f"another chain's magic, {magic.hex()}")
        self.magic = magic


@dataclass(frozen=True, slots=True)
class RemoteVersion:
    """What a node says of itself. ``time_s``: its clock, in seconds since 1970. ``agent`` is a text
    of another node, which may hold anything.
    """

    protocol: int
    services: int
    time_s: int
    nonce: int
    agent: str
    height: int


def version_message(magic: bytes, agent: str, nonce: int, time_s: int, to: Endpoint) -> bytes:
    """A whole message. ``agent``: as in ``/kadisc:0.1.0/``; no services, no blocks, and no wish to
    have transactions relayed.
    """
    name = agent.encode("ascii")
    if len(magic) != MAGIC_BYTES or len(name) >= 0xFD:
        raise ValueError("a magic has 4 bytes, an agent less than 253")
    payload = b"".join(
        (
            _FIXED.pack(PROTOCOL, 0, time_s, _address(to), bytes(26), nonce),
            bytes((len(name),)),
            name,
            (0).to_bytes(4, "little"),
            b"\0",
        )
    )
    return message(magic, _VERSION, payload)


def message(magic: bytes, command: bytes, payload: bytes) -> bytes:
    """``command``: up to 12 bytes."""
    length = len(payload).to_bytes(4, "little")
    return magic + command.ljust(12, b"\0") + length + _checksum(payload) + payload


def _address(endpoint: Endpoint) -> bytes:
    """Services, address and port of the receiver."""
    ip = ip_of(endpoint)
    return bytes(8) + (ip if len(ip) == 16 else _IPV4_IN_IPV6 + ip) + endpoint[-2:]


def _checksum(payload: bytes) -> bytes:
    return sha256(sha256(payload).digest()).digest()[:4]


class VersionReader:
    """Reads the first message of the other side, in chunks of any size."""

    def __init__(self, magic: bytes) -> None:
        self._magic = magic
        self._received = bytearray()

    @property
    def has_received(self) -> bool:
        return bool(self._received)

    def feed(self, chunk: bytes) -> RemoteVersion | None:
        """The message when it is complete, else None. Raises OtherMagic and NotBitcoin, as soon as
        the bytes so far show it: no more than one message is ever kept.
        """
        self._received += chunk[: HEADER_BYTES + MAX_PAYLOAD_BYTES - len(self._received)]
        header = bytes(self._received[:HEADER_BYTES])
        if header[:MAGIC_BYTES] != self._magic[: len(header)]:
            is_undecided = _VERSION.startswith(header[MAGIC_BYTES:]) or not _is_text(header)
            if len(header) < MAGIC_BYTES + len(_VERSION) and is_undecided:
                return None  # the command shows whether this is Bitcoin's protocol at all
            raise _unlike(header)
        command = header[MAGIC_BYTES : MAGIC_BYTES + len(_VERSION)]
        if command != _VERSION[: len(command)]:
            raise NotBitcoin("its first message is no version message")
        if len(header) < HEADER_BYTES:
            return None
        length = int.from_bytes(header[16:20], "little")
        if length > MAX_PAYLOAD_BYTES:
            raise NotBitcoin(f"a version message of {length} bytes")
        if len(self._received) < HEADER_BYTES + length:
            return None
        payload = bytes(self._received[HEADER_BYTES : HEADER_BYTES + length])
        if _checksum(payload) != header[20:]:
            raise NotBitcoin("the checksum of its version message is wrong")
        return decode_version(payload)


def _unlike(header: bytes) -> NotBitcoin | OtherMagic:
    if header[MAGIC_BYTES : MAGIC_BYTES + len(_VERSION)] == _VERSION:
        return OtherMagic(header[:MAGIC_BYTES])
    if header.startswith(b"HTTP/"):
        return NotBitcoin("it answers as an HTTP server")
    return NotBitcoin("it does not speak Bitcoin's protocol")


def _is_text(header: bytes) -> bool:
    """Whether a whole word of printable characters came, as from HTTP, SMTP, SSH and FTP servers;
    those of a magic are chosen not to be such.
    """
    return len(header) >= 5 and header.isascii() and header.decode("ascii").isprintable()


def decode_version(payload: bytes) -> RemoteVersion:
    """The payload of a ``version`` message; raises NotBitcoin. Bytes after the height are ignored:
    they differ from chain to chain.
    """
    if len(payload) < _FIXED.size + 1:
        raise NotBitcoin(f"a version message of only {len(payload)} bytes")
    protocol, services, time_s, _, _, nonce = _FIXED.unpack_from(payload)
    start, size = _FIXED.size + 1, payload[_FIXED.size]
    if size == 0xFD:
        size = int.from_bytes(payload[start : start + 2], "little")
        start += 2
    if size > MAX_AGENT_BYTES or len(payload) < start + size + 4:
        raise NotBitcoin("a version message whose agent does not fit")
    height = int.from_bytes(payload[start + size : start + size + 4], "little", signed=True)
    agent = payload[start : start + size].decode("utf-8", "replace")
    return RemoteVersion(protocol, services, time_s, nonce, agent, height)
