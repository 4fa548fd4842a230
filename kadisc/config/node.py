"""What a node is opened with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ..service_values import ServiceValue
from .control import ControlConfig
from .core_config import CoreConfig
from .declaration import (
    Commands,
    Form,
    Heading,
    HoldsFor,
    Option,
    ValueFlag,
    metadata,
    one_of,
    setting,
    switch,
    within,
)
from .defences import DIVERSITY_DEFENCES
from .feed import FeedConfig
from .log import LogConfig
from .metrics import MetricsConfig
from .service import SERVICE

CLIENT_VERSION: Final = b"KD\x00\x01"
"""The ``v`` of this program (BEP 5): two letters for the client, two bytes for its version."""
DEFAULT_PORT: Final = 6881
DEFAULT_NETWORK: Final = "mainline"
PUBLIC_ROUTERS: Final = ("dht.libtorrent.org:25401", "dht.transmissionbt.com:6881")
"""Mainline's public bootstrap nodes, none of them reliable; used where no other is given."""


@dataclass(frozen=True, slots=True)
class Config:
    """What ``open_node`` takes. The fields have the names of the keys in the configuration file:
    ``[core.table] k = 20`` is ``Config(core=CoreConfig(table=TableConfig(k=20)))``.
    """

    bind: tuple[str, ...] = setting(
        ("0.0.0.0:0",),
        Form.LISTEN_ADDRESS,
        "The node listens at these HOST:PORT, one per address family; port 0 lets the system"
        " choose. An empty list means port 6881 in every family, or any free one.",
        file_default=(),
        option=Option(
            Commands.OPENING_A_NODE,
            "HOST:PORT",
            "listen at this numeric address; once per family, as in 0.0.0.0:6881 or [::]:6881;"
            " port 0 lets the system choose",
            heading=Heading.ADDRESS,
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    external: tuple[str, ...] = setting(
        (),
        Form.EXTERNAL_ADDRESS,
        "Other nodes see this node at these addresses, one per address family. An empty list means"
        " that the addresses are learned from other nodes.",
        option=Option(
            Commands.RUN,
            "IP[:PORT]",
            "external address of this node; once per family (default: learned from other nodes)",
            heading=Heading.ADDRESS,
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    bootstrap: tuple[str, ...] = setting(
        (),
        Form.HOST,
        "The node joins the DHT through these nodes.",
        option=Option(
            Commands.JOINING,
            "HOST:PORT",
            "join the DHT through this node, a name or an address; repeatable, all are tried at"
            " once (default: Mainline's public routers)",
        ),
        holds_for=HoldsFor.NOT_A_DEVNET,
    )
    routers: tuple[str, ...] = setting(
        (),
        Form.HOST,
        "The node joins the DHT through these nodes when no other node that it knows has answered"
        " within a second; an empty list is right for a DHT that is not Mainline.",
        file_default=PUBLIC_ROUTERS,
        holds_for=HoldsFor.NOT_A_DEVNET,
    )
    no_routers: bool = switch(
        False,
        "The node asks none of the ``routers``, for a network of its own that is not part of"
        " Mainline.",
        option=Option(
            Commands.JOINING,
            help="never ask Mainline's public routers, for a network without Mainline",
        ),
    )
    peer: tuple[str, ...] = setting(
        (),
        Form.HOST,
        "The node always keeps these static peers: beyond the limits of the table, and also while"
        " they are silent.",
        option=Option(
            Commands.RUN,
            "HOST:PORT",
            "static peer: kept also while it does not answer; repeatable",
            heading=Heading.PEERS,
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    asmap: str | None = setting(
        None,
        Form.FILE,
        "This file maps addresses to autonomous systems, in the format of Bitcoin Core. With one,"
        " operators are told apart by it and not by /16 (IPv6 /32), and one system has few places"
        " in the table.",
        option=Option(
            Commands.RUN,
            "FILE",
            "map of autonomous systems in the format of Bitcoin Core (asmap): contacts are spread"
            " over systems, not over /16s",
            heading=Heading.PEERS,
        ),
        holds_for=HoldsFor.NOT_A_DEVNET,
    )
    network: str = setting(
        DEFAULT_NETWORK,
        Form.NETWORK_NAME,
        "The node belongs to the network of this name: nodes with the same name find each other on"
        " any DHT, and contacts and peers are kept under it.",
        option=Option(
            Commands.OPENING_A_NODE,
            "NAME",
            "name of your network; nodes with the same name find each other (default: mainline)",
        ),
    )
    service: Mapping[str, ServiceValue] | Sequence[str] = field(
        default_factory=dict, hash=False, metadata=metadata(SERVICE)
    )
    state_dir: str | None = setting(
        None,
        Form.FOLDER,
        "Key, own address, contacts and control socket are kept in this folder. Without it the"
        " commands use the XDG state folder, and the library keeps nothing.",
        option=Option(
            Commands.NAMING_A_NODE,
            "DIR",
            "folder for key, own address, contacts and control socket (default:"
            " $KADISC_STATE_DIR, or the XDG state folder)",
            heading=Heading.FILES,
        ),
        holds_for=HoldsFor.NOT_A_DEVNET,
    )
    read_only: bool = switch(
        False,
        "The node sends queries and never answers any (BEP 43), so that no other node keeps it in a"
        " table.",
        option=Option(Commands.RUN, heading=Heading.PEERS),
    )
    reachable: str = setting(
        "auto",
        one_of("auto", "yes", "no"),
        "Whether strangers reach this node: with ``auto`` that is found out; ``yes`` or ``no``"
        " fixes how the node presents itself, and the tests go on and are shown.",
        option=Option(
            Commands.RUN,
            "yes|no|auto",
            "whether nodes that this one never contacted reach it (default: auto, found out by"
            " tests)",
            heading=Heading.ADDRESS,
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    help_others: bool = switch(
        True,
        "The node helps other nodes to find out whether strangers reach them: it draws witnesses"
        " for them and pings them.",
    )
    check_services: bool = switch(
        True,
        "The node has other nodes check whether the TCP ports of its services can be reached.",
    )
    allow_private: bool = switch(
        False,
        "The node accepts private and loopback addresses from every source, as public ones (labs,"
        " devnets).",
        option=Option(Commands.OPENING_A_NODE, heading=Heading.LAB),
    )
    ban: tuple[str, ...] = setting(
        (),
        Form.SUBNET,
        "The node neither answers nor contacts addresses in these subnets.",
        option=Option(
            Commands.RUN,
            "CIDR",
            "neither answer nor contact addresses in this subnet; repeatable",
            heading=Heading.PEERS,
        ),
    )
    ban_file: tuple[str, ...] = setting(
        (),
        Form.FILE,
        "The subnets in these files are banned as those of ``ban``: one a line, in CIDR notation or"
        " a single address; what follows ``#`` or ``;`` is a comment. They are read again at each"
        " reload.",
        option=Option(
            Commands.RUN,
            "FILE",
            "ban the subnets in this file, one a line; read again at kadisc reload; repeatable",
            heading=Heading.PEERS,
        ),
        holds_for=HoldsFor.NOT_A_DEVNET,
    )
    netrestrict: tuple[str, ...] = setting(
        (),
        Form.SUBNET,
        "The node answers and contacts addresses in these subnets alone; an empty list allows all.",
        option=Option(
            Commands.RUN,
            "CIDR",
            "answer and contact addresses in this subnet alone, as in 10.0.0.0/8; repeatable",
            heading=Heading.PEERS,
        ),
    )
    port_mapping: str = setting(
        "auto",
        one_of("auto", "off", "upnp"),
        "The node asks the router to forward its port: by PCP and NAT-PMP (``auto``), by UPnP as"
        " well (``upnp``), or not at all (``off``).",
        option=Option(
            Commands.RUN,
            heading=Heading.ADDRESS,
            flags=(
                ValueFlag("--no-map", "off", "ask no router to forward a port"),
                ValueFlag(
                    "--upnp",
                    "upnp",
                    "ask the router by UPnP as well; needs the extra upnp (default: by PCP and"
                    " NAT-PMP alone)",
                ),
            ),
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    map_port: tuple[str, ...] = setting(
        (),
        Form.MAPPED_PORT,
        "The router is asked to forward these ports of the application too; a service at such a"
        " port has the port of the router in the record, for as long as it is forwarded.",
        option=Option(
            Commands.RUN,
            "tcp:PORT[=PORT]",
            "have the router forward this port of the application (tcp or udp) as well, at the"
            " external port behind =; repeatable",
            heading=Heading.ADDRESS,
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    gateway: tuple[str, ...] = setting(
        (),
        Form.GATEWAY,
        "These routers are asked to forward ports, one per address family. An empty list means the"
        " default routes of this machine (Linux).",
        option=Option(
            Commands.RUN,
            "IP",
            "router to ask for forwarded ports; once per family (default: that of the default"
            " route)",
            heading=Heading.ADDRESS,
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    unlimited: bool = switch(
        False,
        "The rate limits are lifted, for labs and benchmarks; the accounting still runs.",
        option=Option(
            Commands.OPENING_A_NODE,
            help="no rate limits, for labs and benchmarks",
            heading=Heading.LAB,
        ),
    )
    no_caps: bool = switch(
        False,
        "The limits on nodes per address range are lifted, for labs inside one subnet.",
        option=Option(
            Commands.OPENING_A_NODE,
            help="no limits on nodes per subnet, for labs inside one subnet",
            heading=Heading.LAB,
        ),
    )
    self_check: int = setting(
        0,
        within(0, 100_000_000),
        "Every so many operations (datagrams received, and calls of the application), the node"
        " checks that its table, book, view and stores keep their bounds and do not contradict each"
        " other; 0 means never. A check takes some 1 to 20 ms. What it finds is logged and counted,"
        " and ends nothing.",
        option=Option(
            Commands.RUN,
            "N",
            "check every N operations that table, book and stores do not contradict themselves, and"
            " log what does (default: never)",
            heading=Heading.LAB,
        ),
    )
    core: CoreConfig = field(default_factory=CoreConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    control: ControlConfig = field(default_factory=ControlConfig)
    log: LogConfig = field(default_factory=LogConfig)
    feed: FeedConfig = field(default_factory=FeedConfig)
    bootstrap_retry_s: float = setting(
        2.0,
        within(0.01, 86_400),
        "A failed bootstrap is tried again after this many seconds; the pause doubles, jittered, up"
        " to ``bootstrap_retry_max_s``.",
    )
    bootstrap_retry_max_s: float = setting(
        60.0,
        within(0.01, 86_400),
        "At most this many seconds pass between two tries of bootstrap; ten times as many where"
        " some node has answered.",
    )
    resolve_timeout_s: float = setting(
        5.0,
        within(0.01, 86_400),
        "A name server has this many seconds to answer.",
    )
    announce_interval_s: float = setting(
        900.0,
        within(1, 31_536_000),
        "An announce is repeated after this many seconds, jittered; other nodes forget it after 30"
        " minutes (BEP 5).",
    )
    publish_record: bool = switch(
        True,
        "The node puts its peer record on the DHT as a mutable item, so that its public key is"
        " enough to find it (``kadisc resolve``).",
    )
    publish_interval_s: float = setting(
        3600.0,
        within(1, 31_536_000),
        "An item that this node keeps published is put again after this many seconds, jittered;"
        " other nodes forget it after 2 hours (BEP 44).",
    )
    publish_delay_s: float = setting(
        30.0,
        within(0, 86_400),
        "A new peer record is published this many seconds late, jittered, so that addresses that"
        " change often cost one put and not many.",
    )
    max_published: int = setting(
        64,
        within(1, 10_000),
        "The node keeps at most this many items published.",
    )
    save_interval_s: float = setting(
        30.0,
        within(0.1, 86_400),
        "A change of the state is saved after at most this many seconds.",
    )
    lan: str = setting(
        "auto",
        one_of("auto", "off", "only"),
        "The node finds nodes on the links of this machine by beacons, beside the DHT (``auto``;"
        " not with ``allow_private``), not at all (``off``), or in a network that is on these links"
        " alone (``only``): then it asks none of the public routers and has no port forwarded, and"
        " nodes of the links are contacts as any others.",
        option=Option(
            Commands.RUN,
            heading=Heading.ADDRESS,
            flags=(
                ValueFlag("--no-lan", "off", "send and read no beacons on the links"),
                ValueFlag(
                    "--lan-only",
                    "only",
                    "a network that is on the links of this machine alone: no public routers",
                ),
            ),
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    lan_interfaces: tuple[str, ...] = setting(
        (),
        Form.INTERFACE,
        "Beacons are sent and read on these interfaces alone. An empty list means those that have a"
        " private address and no other, without point-to-point links and bridges of containers.",
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    lan_interval_s: float = setting(
        60.0,
        within(1, 3600),
        "A beacon is sent every so many seconds on each of these interfaces, +- 20 %.",
    )
    watch_interval_s: float = setting(
        2.0,
        within(0, 3600),
        "The node looks for a change of its network (addresses, gateway) every so many seconds; 0"
        " means never.",
    )
    map_lease_s: float = setting(
        3600.0,
        within(60, 86_400),
        "A forwarded port is asked for so many seconds, and renewed at half of them or a little"
        " later.",
    )
    max_local_sockets: int = setting(
        16,
        within(0, 1_024),
        "On a host with several addresses in a family, a node that listens on all of them has a"
        " socket at each of this many, so that it answers from the address that was asked; 0 means"
        " that it has none.",
    )
    subscriber_queue: int = setting(
        1024,
        within(1, 1_000_000),
        "At most this many events wait for a slow subscriber; further ones are dropped and"
        " counted.",
    )
    socket_buffer_bytes: int = setting(
        1 << 20,
        within(4_096, 1_073_741_824),
        "The node asks the system for buffers of this many bytes for each socket, in and out.",
    )

    def settled(self) -> Config:
        """The same configuration, where ``core`` has what the fields of the node say of it."""
        core = self.core
        lifted = dict.fromkeys(DIVERSITY_DEFENCES, False) if self.no_caps else {}
        core = replace(
            core,
            read_only=core.read_only or self.read_only,
            reachable=self.reachable if self.reachable != "auto" else core.reachable,
            help_others=core.help_others and self.help_others,
            check_services=core.check_services and self.check_services,
            allow_private=core.allow_private or self.allow_private,
            ban=tuple(dict.fromkeys((*core.ban, *self.ban))),
            netrestrict=tuple(dict.fromkeys((*core.netrestrict, *self.netrestrict))),
            unlimited=core.unlimited or self.unlimited,
            defences=replace(core.defences, **lifted),
        )
        settled = replace(self, core=core)
        if self.no_routers or self.lan == "only":
            settled = replace(settled, routers=())
        return replace(settled, port_mapping="off") if self.lan == "only" else settled
