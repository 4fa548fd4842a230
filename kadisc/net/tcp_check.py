"""Whether a TCP port accepts connections: a check of the service that a peer's record names."""

from __future__ import annotations

import socket

import trio

TIMEOUT_S = 3.0
"""A connection that takes longer counts as refused."""


async def accepts(host: str, port: int, timeout_s: float = TIMEOUT_S) -> bool:
    """Connects to a numeric address and closes the connection without sending anything. False also
    where there is no route to it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with (
            trio.move_on_after(timeout_s),
            trio.socket.socket(family, socket.SOCK_STREAM) as connection,
        ):
            await connection.connect((host, port))
            return True
    except OSError:
        pass
    return False
