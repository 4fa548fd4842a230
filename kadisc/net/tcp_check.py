"""Whether a TCP port accepts connections: what a peer's record says it offers, tried."""

from __future__ import annotations

import socket

import trio

TIMEOUT_S = 3.0


async def accepts(host: str, port: int, timeout_s: float = TIMEOUT_S) -> bool:
    """Connects to a numeric address, and hangs up at once without a word. False also where there is
    no way to it from here.
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
