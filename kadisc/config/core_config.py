"""What the core is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from .book import BookConfig
from .core import AddressConfig, LookupConfig, QueryConfig, TableConfig
from .declaration import from_the_node, setting, within
from .defences import Defences
from .gossip import GossipConfig, RendezvousConfig
from .limits import LimitsConfig
from .maintenance import MaintenanceConfig
from .reach import ReachConfig
from .serving import ServingConfig, StoreConfig


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """The numbers of the protocol, and what the core may do."""

    table: TableConfig = field(default_factory=TableConfig)
    query: QueryConfig = field(default_factory=QueryConfig)
    lookup: LookupConfig = field(default_factory=LookupConfig)
    maintenance: MaintenanceConfig = field(default_factory=MaintenanceConfig)
    serving: ServingConfig = field(default_factory=ServingConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    address: AddressConfig = field(default_factory=AddressConfig)
    gossip: GossipConfig = field(default_factory=GossipConfig)
    book: BookConfig = field(default_factory=BookConfig)
    rendezvous: RendezvousConfig = field(default_factory=RendezvousConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    reach: ReachConfig = field(default_factory=ReachConfig)
    defences: Defences = field(default_factory=Defences)
    # These are fields of `Config`, which `Config.settled` passes on. Only what makes a core without
    # a node sets them here.
    read_only: bool = from_the_node(False)
    reachable: str = from_the_node("auto")
    external_with_port: tuple[str, ...] = from_the_node(())
    """The address families, ``ipv4`` and ``ipv6``, whose external endpoint the operator named with
    its port: in these the node presents itself as one that strangers reach.
    """
    help_others: bool = from_the_node(True)
    check_services: bool = from_the_node(True)
    tests_reach: bool = from_the_node(True)
    """False for nodes that do not test whether strangers reach them: those bound to loopback, and
    those of commands that open a node for a moment. See ``tests_reachability``.
    """
    allow_private: bool = from_the_node(False)
    ban: tuple[str, ...] = from_the_node(())
    netrestrict: tuple[str, ...] = from_the_node(())
    unlimited: bool = from_the_node(False)
    max_datagram_bytes: int = setting(
        2048,
        within(512, 65_535),
        "Datagrams of more than this many bytes are dropped unread.",
    )

    @property
    def tests_reachability(self) -> bool:
        """Whether the node tests its own endpoints, and helps others to test theirs."""
        return self.tests_reach and not self.read_only
