"""What a client of the control socket may do: all, or, for a member of a group, only read.

Attack: a program of another user, such as an exporter of metrics, is taken over, and withdraws the
services of the node or judges its peers. Defence: the system says which user opened the connection;
another user than that of the node (and root) may only call methods that change nothing, unless the
operator lets the group do more.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Final

import trio

_CREDENTIALS: Final = struct.Struct("3i")
"""Of Linux: process, user, group."""


def may_write(sock: trio.socket.SocketType, *, has_group: bool, group_writes: bool) -> bool:
    """Whether the client may call methods that change something. ``has_group``: members of a group
    may open the socket too.
    """
    if not has_group or group_writes:
        return True
    return user_of(sock) in (os.geteuid(), 0)


def user_of(sock: trio.socket.SocketType) -> int | None:
    """The number of the user that opened the connection; None where the system does not tell."""
    credentials = _credentials(sock)
    return credentials[1] if credentials is not None else None


def process_of(sock: trio.socket.SocketType) -> int | None:
    """The number of the process at the other end, for a client that which listens; None where the
    system does not tell, as of a process in another container.
    """
    credentials = _credentials(sock)
    return credentials[0] or None if credentials is not None else None


def _credentials(sock: trio.socket.SocketType) -> tuple[int, int, int] | None:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    try:
        told = sock.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    except OSError:
        return None
    assert isinstance(told, bytes)
    process, user, group = _CREDENTIALS.unpack(told)
    return process, user, group
