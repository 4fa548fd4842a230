"""Pings from a socket of the command's own: whether a node answers, and up to which length."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Sequence
from typing import Final

import trio

from ...endpoints import Endpoint, Family, family_of, format_ip, ip_of, port_of
from ...net.state.damage import reason_of
from ...wire import bencode

PATIENCE_S: Final = 1.0
TRIES: Final = 3
_AF: Final = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_PADDING: Final = b"x"
"""A key of the query that no node knows (BEP 5 has them ignore it)."""


def ping(tid: bytes, node_id: bytes, length: int = 0) -> bytes:
    """A read-only ``ping`` (BEP 43), padded to ``length`` bytes where it is shorter."""

    def written(padding: int) -> bytes:
        fields: dict[bytes, object] = {
            b"a": {b"id": node_id},
            b"q": b"ping",
            b"ro": 1,
            b"t": tid,
            b"y": b"q",
        }
        if padding:
            fields[_PADDING] = bytes(padding)
        return bencode.encode(fields)

    plain = written(0)
    if len(plain) >= length:
        return plain
    # The key, and the length of the padding in up to four digits, take room as well.
    padding = max(1, length - len(plain) - 8)
    while len(written(padding)) < length:
        padding += 1
    return written(padding)


async def ask(endpoint: Endpoint, length: int = 0) -> float | str | None:
    """The round-trip time in seconds of a ping of that length, sent up to three times; None where
    no answer came, or what the system said.
    """
    family = family_of(endpoint)
    address = (format_ip(ip_of(endpoint)), port_of(endpoint))
    problem: str | None = None
    node_id = secrets.token_bytes(20)
    try:
        with trio.socket.socket(_AF[family], socket.SOCK_DGRAM) as sock:
            for _ in range(TRIES):
                tid = secrets.token_bytes(4)
                began = trio.current_time()
                try:
                    await sock.sendto(ping(tid, node_id, length), address)
                    with trio.move_on_after(PATIENCE_S):
                        while True:
                            answer, source = await sock.recvfrom(2048)
                            if source[:2] == address and tid in answer:
                                return trio.current_time() - began
                except OSError as error:
                    problem = reason_of(error)
                    await trio.sleep(0.1)
    except OSError as error:
        problem = reason_of(error)
    return problem


async def ask_all(endpoints: Sequence[Endpoint], length: int = 0) -> list[float | str | None]:
    """The answers of several nodes, in their order."""
    found: list[float | str | None] = [None] * len(endpoints)

    async def one(at: int, endpoint: Endpoint) -> None:
        found[at] = await ask(endpoint, length)

    async with trio.open_nursery() as nursery:
        for at, endpoint in enumerate(endpoints):
            nursery.start_soon(one, at, endpoint)
    return found
