"""What the checks know of a node: plain values, taken once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ..config import DEFAULT_NETWORK
from ..core.reach.reach_snapshot import ReachSnapshot, ServiceReach
from ..core.snapshot import DhtSnapshot
from ..endpoints import Family, port_of
from ..net.link.interfaces import LinkState
from ..net.mapping.arguments import MappedPort
from ..observe.lan import LanSnapshot
from ..observe.mappings import MappingSnapshot
from ..observe.socket_snapshot import SocketSnapshot

FORK: Final = "fork"
"""The service whose value tells forks of a chain apart."""


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """The node in one address family. ``reach``: None for a node that does not test whether it is
    reached; ``link``: None if it is not known; ``local_sockets``: at the addresses of a host that
    has several; ``untested``: why it is not tested whether strangers reach it, None if it is.
    """

    dht: DhtSnapshot
    socket: SocketSnapshot
    voters_needed: int = 12
    reach: ReachSnapshot | None = None
    link: LinkState | None = None
    local_sockets: tuple[SocketSnapshot, ...] = ()
    untested: str | None = None
    largest_network: tuple[str, int] | None = None
    doubtful: int = 0

    @property
    def family(self) -> Family:
        return self.dht.family

    @property
    def port(self) -> int:
        """Where the socket listens."""
        return port_of(self.socket.endpoint)

    @property
    def is_in_use(self) -> bool:
        """Whether any node has answered in this family."""
        return self.dht.joined or self.dht.contacts > 0

    @property
    def has_no_route(self) -> bool:
        """Whether this machine has no way to the internet in this family."""
        return self.link is not None and self.link.source is None


@dataclass(frozen=True, slots=True)
class DoctorFacts:
    """All that the checks know.

    Args:
        is_lasting: Whether it is the node of ``kadisc run``, and not one opened for the tests.
        uptime_s: Since the node was made.
        read_only: Whether the node answers no queries (BEP 43).
        tests_reach: Whether the node tests if it is reached.
        waits_for_contact: Whether the node knows no other node to join by.
        families: The node in each address family.
        state_dir: The folder that the node is to keep its state in, None for none.
        keeps_state: Whether it holds the lock of that folder.
        cannot_save: Whether the last save failed.
        port_mapping: ``auto``, ``upnp`` or ``off``.
        map_ports: The ports of the application that routers are to forward.
        mappings: What has become of them and of the node's own port.
        offered: The services of the node that have a port, by name.
        not_believed: Its services at other hosts that no other node believes, by name.
        check_services: Whether the node has them tested.
        services: What other nodes found of them.
        lan: The nodes that beacons found on the links of this machine.
        network: The name of the node's network.
        is_private_network: Whether the node joins by none of Mainline's public routers.
        peers_online: Peers of its network that answered last time.
        peers_of_own_fork: How many of some of these offer the same ``fork``; None for a node that
            offers none.
    """

    is_lasting: bool
    uptime_s: float
    read_only: bool
    tests_reach: bool
    waits_for_contact: bool
    families: tuple[FamilyFacts, ...]
    state_dir: str | None = None
    keeps_state: bool = False
    cannot_save: bool = False
    port_mapping: str = "auto"
    map_ports: tuple[MappedPort, ...] = ()
    mappings: tuple[MappingSnapshot, ...] = ()
    offered: Mapping[str, int] = field(default_factory=dict)
    check_services: bool = True
    not_believed: Mapping[str, str] = field(default_factory=dict)
    services: tuple[ServiceReach, ...] = ()
    lan: LanSnapshot = field(default_factory=LanSnapshot)
    network: str = DEFAULT_NETWORK
    is_private_network: bool = False
    peers_online: int = 0
    peers_of_own_fork: int | None = None

    def own_mapping(self, family: FamilyFacts) -> MappingSnapshot | None:
        """The mapping of the node's own port in a family."""
        found = self.mappings_of("udp", family.port)
        return next((each for each in found if each.family is family.family), None)

    def mappings_of(self, protocol: str, internal: int) -> Iterable[MappingSnapshot]:
        """Those of one port of this machine, in all families."""
        return (
            each for each in self.mappings if (each.protocol, each.internal) == (protocol, internal)
        )

    @property
    def is_private(self) -> bool:
        """Whether no stranger can reach the node, wherever it is in use."""
        return all(each.untested is not None for each in self.families_in_use)

    @property
    def families_in_use(self) -> tuple[FamilyFacts, ...]:
        """Those in which any node has answered; all, if none has anywhere."""
        return tuple(each for each in self.families if each.is_in_use) or self.families
