"""The facts that Linux tells in files: limits, drops, connections. All functions block."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ...endpoints import Endpoint, ip_of, parse_endpoint, port_of
from ...net.transport.udp import given_buffer
from ..machine import BufferFacts, ConntrackFacts, OverflowFacts
from ..setup import NodeSetup
from .processes import PROC, udp_rows

SYSCTL: Final = PROC / "sys"


def number_in(path: Path) -> int | None:
    """The number in a file of /proc; None where there is none, or it may not be read."""
    try:
        return int(path.read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def buffer_facts(setup: NodeSetup) -> BufferFacts:
    """What the running node was given, or what a socket would be given now."""
    given = {each.endpoint: each.given for each in setup.buffers}
    if not given:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, setup.buffer_bytes)
            given = {"a socket": given_buffer(sock)}
    return BufferFacts(setup.buffer_bytes, given, number_in(SYSCTL / "net/core/rmem_max"))


def drops(endpoints: Sequence[str], pid: int) -> int:
    """Datagrams that the system dropped for want of room, at these sockets of a process. Raises
    OSError.
    """
    bound = {_place(parse_endpoint(each)) for each in endpoints}
    return sum(
        row.drops for row in udp_rows(PROC, str(pid or "self")) if (row.ip, row.port) in bound
    )


def _place(endpoint: Endpoint) -> tuple[bytes, int]:
    return ip_of(endpoint), port_of(endpoint)


def overflow_facts(before: int, after: int, seconds: float) -> OverflowFacts:
    return OverflowFacts(after, max(0, after - before), seconds)


def conntrack_facts(root: Path = SYSCTL / "net/netfilter") -> ConntrackFacts:
    most = number_in(root / "nf_conntrack_max")
    if most is None:
        return ConntrackFacts(is_there=False)
    return ConntrackFacts(
        True,
        number_in(root / "nf_conntrack_count"),
        most,
        number_in(root / "nf_conntrack_udp_timeout"),
        number_in(root / "nf_conntrack_udp_timeout_stream"),
    )
