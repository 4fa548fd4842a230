"""What the checks know of the machine, gathered once. A fact that could not be had is `Unknown`,
and says why; the others stand all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..endpoints import Family
from .setup import NodeSetup


@dataclass(frozen=True, slots=True)
class Unknown:
    """``reason``: why the fact could not be had, in words that follow "not looked at:"."""

    reason: str


NOT_ASKED: Final = Unknown("it was not asked for")


@dataclass(frozen=True, slots=True)
class FileFault:
    """``line``: from 1, None where it is not known. ``text`` names the key."""

    text: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Values that are sound by themselves and not together."""

    words: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """``path``: of the file, None without one."""

    path: str | None
    faults: tuple[FileFault, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()


@dataclass(frozen=True, slots=True)
class StateFacts:
    """The state folder. ``refusal``: why a node refuses it (the words of the node), and
    ``unwritable``: why nothing can be written into it. ``owner`` and ``user`` are numbers of users:
    that of the folder, and that of the node. ``damaged``: files that cannot be read, with the
    reason; ``set_aside``: damaged files that a node has renamed. ``file_system``: such as ``ext4``.
    """

    path: str
    exists: bool = True
    owner: int = 0
    user: int = 0
    mode: int = 0o700
    refusal: str | None = None
    unwritable: str | None = None
    file_system: str | None = None
    free_bytes: int | None = None
    damaged: Mapping[str, str] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()
    group_allowed: bool = False
    """Whether the configuration gives the folder to a group."""


@dataclass(frozen=True, slots=True)
class HoldingProcess:
    """A process that has a lock or a port. ``words``: its command, empty where that is not told."""

    pid: int
    words: str = ""

    def __str__(self) -> str:
        return f"process {self.pid}" + (f" ({self.words})" if self.words else "")


@dataclass(frozen=True, slots=True)
class LockFacts:
    """``is_held``: by any process; ``holder``: None where the system does not tell which."""

    path: str
    is_held: bool
    holder: HoldingProcess | None = None


@dataclass(frozen=True, slots=True)
class SocketFileFacts:
    """The control socket. ``kind``: ``socket``, ``other`` or ``missing``. ``connects``: ``yes``,
    ``refused``, ``denied``, or other words of the system.
    """

    path: str
    path_bytes: int
    max_path_bytes: int
    kind: str = "socket"
    mode: int = 0o600
    owner: int = 0
    user: int = 0
    connects: str = "yes"
    process: int | None = None
    """That listens there, also where it does not answer; None where the system does not tell."""


@dataclass(frozen=True, slots=True)
class BindFacts:
    """An address that a node is to listen at. ``problem``: None where it can be bound.
    ``is_fallback``: another port would do.
    """

    address: str
    problem: str | None = None
    holder: HoldingProcess | None = None
    is_taken: bool = False
    is_fallback: bool = False


@dataclass(frozen=True, slots=True)
class BufferFacts:
    """``given``: bytes by socket; ``limit``: ``net.core.rmem_max``, None where it is not told."""

    asked: int
    given: Mapping[str, int]
    limit: int | None


@dataclass(frozen=True, slots=True)
class OverflowFacts:
    """Datagrams that the system dropped because a socket's buffer was full: since the socket was
    opened, and within the last ``seconds``.
    """

    total: int
    grown: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ClockSource:
    """``ahead_s``: by how much this machine's clock is ahead of that one."""

    name: str
    ahead_s: float


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """``is_synchronised``: as the kernel is told by a time daemon; None where it does not tell.
    ``ahead_of_saved_s``: of the sequence of the own record, which is the clock of some earlier
    moment; None without one. ``failed``: sources that gave no time, with the reason.
    """

    sources: tuple[ClockSource, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    is_synchronised: bool | None = None
    ahead_of_saved_s: float | None = None


@dataclass(frozen=True, slots=True)
class NamedHost:
    """``addresses``: the endpoints of HOST:PORT; ``problem``: why there are none."""

    host: str
    addresses: tuple[str, ...] = ()
    problem: str | None = None
    is_numeric: bool = False


@dataclass(frozen=True, slots=True)
class ResolverFacts:
    """``servers``: those of /etc/resolv.conf."""

    hosts: tuple[NamedHost, ...] = ()
    servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedNode:
    """A bootstrap node that was pinged. ``problem``: of the system, such as no route."""

    host: str
    endpoint: str
    rtt_s: float | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """``family``: one that the node is bound in. ``is_explicit``: the operator named an address of
    it. ``source``: the address that datagrams to the internet leave from, None without a route.
    ``needs_none``: the node listens at loopback, or at an address of a link, alone.
    """

    family: Family
    source: str | None
    is_explicit: bool = False
    needs_none: bool = False
    interface: str | None = None
    bound: str = ""


@dataclass(frozen=True, slots=True)
class PathFacts:
    """Queries of growing length to nodes that answer short ones. ``answered``: for each length in
    bytes of the UDP payload, how many of ``asked`` nodes answered one.
    """

    asked: int
    answered: Mapping[int, int]
    interface: str | None = None
    interface_mtu: int | None = None


@dataclass(frozen=True, slots=True)
class ConntrackFacts:
    """``is_there``: whether this machine follows connections; numbers are None where unknown."""

    is_there: bool
    entries: int | None = None
    most: int | None = None
    udp_timeout_s: int | None = None
    udp_stream_timeout_s: int | None = None


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """A rule that drops what the node needs. ``where``: ``in`` or ``out``; ``words``: the rule or
    the policy; ``remedy``: a command that takes it away.
    """

    where: str
    port: int
    words: str
    remedy: str


@dataclass(frozen=True, slots=True)
class FirewallFacts:
    """``tool``: ``nft`` or ``iptables``, whose ``rules`` were read."""

    tool: str
    dropping: tuple[FirewallRule, ...] = ()
    rules: int = 0


@dataclass(frozen=True, slots=True)
class ChainPort:
    """A service of the node with a TCP port, tried from this machine. ``where``: PORT, or HOST:PORT
    of another machine. ``problem``: None where it accepts; ``speaks``: what a handshake told of it,
    ``is_other``: that it is of another chain.
    """

    service: str
    where: str
    problem: str | None = None
    speaks: str = ""
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """All facts of the machine, in the order of their checks."""

    setup: NodeSetup
    config: ConfigFacts | Unknown = NOT_ASKED
    state: StateFacts | Unknown = NOT_ASKED
    lock: LockFacts | Unknown = NOT_ASKED
    socket: SocketFileFacts | Unknown = NOT_ASKED
    binds: tuple[BindFacts, ...] | Unknown = NOT_ASKED
    buffers: BufferFacts | Unknown = NOT_ASKED
    overflows: OverflowFacts | Unknown = NOT_ASKED
    clock: ClockFacts | Unknown = NOT_ASKED
    resolver: ResolverFacts | Unknown = NOT_ASKED
    bootstrap: tuple[AskedNode, ...] | Unknown = NOT_ASKED
    routes: tuple[RouteFacts, ...] | Unknown = NOT_ASKED
    path: PathFacts | Unknown = NOT_ASKED
    conntrack: ConntrackFacts | Unknown = NOT_ASKED
    firewall: FirewallFacts | Unknown = NOT_ASKED
    chain: tuple[ChainPort, ...] | Unknown = NOT_ASKED
