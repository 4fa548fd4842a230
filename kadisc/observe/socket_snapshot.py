"""The state of a node's sockets, as it is shown to operators and programs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..endpoints import Endpoint, Family


class SocketState(Enum):
    OPEN = "open"
    LOST = "lost"
    """The address that it was bound to is gone; the node tries again and again to open it."""
    TAKEN = "taken"
    """Another program has the port at this address of the host, and gets what is sent there."""
    COMMON = "common"
    """The host has too many addresses: this one has no socket of its own, and is not answered from.
    """


@dataclass(frozen=True, slots=True)
class SocketSnapshot:
    """A UDP socket that the node has, or wants to have."""

    family: Family
    endpoint: Endpoint
    """Where it listens, or did; the address may be the unspecified one (``0.0.0.0``, ``::``)."""
    state: SocketState
    reason: str | None = None
    """Why it is not open, in words; None for an open one."""
