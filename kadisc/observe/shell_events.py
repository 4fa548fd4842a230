"""Events of the shell, about the operating system, name servers, bootstrap hosts and state files.

Subscribers get them in addition to the core's events. Each reports a change of state, never a
single attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..endpoints import Endpoint, Family
from .admin_events import AdminEvent
from .mappings import MappingSnapshot


@dataclass(frozen=True, slots=True)
class BootstrapFailing:
    """No bootstrap node answered. The node retries without further events."""

    family: Family
    reason: str


@dataclass(frozen=True, slots=True)
class BootstrapWorking:
    """A bootstrap node answered, after `BootstrapFailing`."""

    family: Family


@dataclass(frozen=True, slots=True)
class HostUnresolved:
    """The name of a bootstrap host could not be resolved."""

    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class MappingChanged:
    """A port is forwarded by a router, or no longer, or by another one; or the router refuses."""

    mapping: MappingSnapshot


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """The machine may be in another network now: it was suspended, or its addresses, its source
    address, its gateway or the address of its router changed. The node looks for its place in the
    DHT and for its external address anew. Contacts and peers stay.
    """

    slept_s: float = 0.0
    """How long the machine was suspended, in seconds; 0 for another cause."""
    cause: str = "suspended"
    """``suspended``, ``addresses`` (of interfaces), ``source`` (the address that datagrams leave
    from), ``gateway``, or ``router`` (it names another external address): the first that differs.
    """
    families: tuple[Family, ...] = (Family.IPV4, Family.IPV6)
    """The address families that it concerns."""


@dataclass(frozen=True, slots=True)
class SocketLost:
    """The address that a socket was bound to is gone. The socket is closed, and the node has no
    socket of that family. It tries to open it again and again.
    """

    family: Family
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class SocketBack:
    """The socket is open again, after `SocketLost`."""

    family: Family
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class NoContactsLeft:
    """The last contact was removed. The node joins again."""

    family: Family


@dataclass(frozen=True, slots=True)
class NothingToJoin:
    """The node has no bootstrap host, no static peer and no saved contact, and no node has
    contacted it in its first second. It waits for one.
    """


@dataclass(frozen=True, slots=True)
class StateUnsaved:
    """The state could not be saved for the next run. The node retries without further events."""

    reason: str


@dataclass(frozen=True, slots=True)
class StateSaved:
    """The state was saved, after `StateUnsaved`."""


@dataclass(frozen=True, slots=True)
class StateFolderRemade:
    """The state folder, or the lock in it, had been removed while the node ran. It was made again,
    and key and state were saved in it.
    """

    folder: str


@dataclass(frozen=True, slots=True)
class ControlSocketRemade:
    """The control socket had been removed while the node ran. It was made again."""

    path: str


@dataclass(frozen=True, slots=True)
class ControlSocketMissing:
    """The control socket was removed while the node ran, and cannot be made again. The node retries
    without further events.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class StateSetAside:
    """The state file of the last run was damaged. It was renamed, and a new one started."""

    file: str
    renamed_to: str
    reason: str


@dataclass(frozen=True, slots=True)
class StateDamaged:
    """A part of the state file of the last run could not be read and was ignored."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class StateKeptBack:
    """The last starts ended within a minute, and not in order. So this one has begun without the
    saved contacts (``without_book``: without the address book, too), which stay in the file.
    """

    unclean_starts: int
    without_book: bool


@dataclass(frozen=True, slots=True)
class SelfCheckFailed:
    """The self-check found that the node contradicts itself, by a fault of this program. ``what``:
    in words; the text before its first colon is the same for all faults of one kind, of which the
    first is told. The node goes on.
    """

    what: str


@dataclass(frozen=True, slots=True)
class LanChanged:
    """Nodes came to a link of this machine or left it: so many of the own network, and so many
    others, beacon there now.
    """

    interface: str
    members: int
    others: int


ShellEvent: TypeAlias = (
    AdminEvent
    | BootstrapFailing
    | BootstrapWorking
    | HostUnresolved
    | LanChanged
    | MappingChanged
    | NetworkChanged
    | NoContactsLeft
    | NothingToJoin
    | SelfCheckFailed
    | SocketLost
    | SocketBack
    | StateUnsaved
    | StateSaved
    | StateFolderRemade
    | ControlSocketRemade
    | ControlSocketMissing
    | StateSetAside
    | StateDamaged
    | StateKeptBack
)
