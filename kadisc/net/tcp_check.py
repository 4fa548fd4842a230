"""Whether a TCP port accepts connections: what a peer's record says it offers, tried."""

from __future__ import annotations

import socket

import trio

TIMEOUT_S = 3.0


async def accepts(host: str, port: int, timeout_s: float = TIMEOUT_S) -> bool:
    """Connects to a numeric address, and hangs up at once without a word."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with trio.move_on_after(timeout_s), trio.socket.socket(family, socket.SOCK_STREAM) as connection:
        try:
            await connection.connect((host, port))
        except OSError:
            return False
        return True
    return False
