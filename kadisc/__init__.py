"""kadisc: a Kademlia peer-discovery node for blockchain networks, speaking BitTorrent's Mainline
DHT. ::

    async with kadisc.open_node(bootstrap=["dht.libtorrent.org:25401"]) as node:
        await node.joined()
        result = await node.find_node(target)

Names are imported at their first use: ``import kadisc.ids`` needs neither trio nor sockets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .config import Config as Config
    from .config import CoreConfig as CoreConfig
    from .config import Defences as Defences
    from .contacts import Contact as Contact
    from .core.book.entry import Provenance as Provenance
    from .core.contract.events import AddressChanged as AddressChanged
    from .core.contract.events import AnnounceFinished as AnnounceFinished
    from .core.contract.events import CameOnline as CameOnline
    from .core.contract.events import ContactAdded as ContactAdded
    from .core.contract.events import ContactRemoved as ContactRemoved
    from .core.contract.events import Finished as Finished
    from .core.contract.events import FoundNode as FoundNode
    from .core.contract.events import Joined as Joined
    from .core.contract.events import JoinFinished as JoinFinished
    from .core.contract.events import LookupFinished as LookupFinished
    from .core.contract.events import LookupKind as LookupKind
    from .core.contract.events import LookupResult as LookupResult
    from .core.contract.events import NatKindChanged as NatKindChanged
    from .core.contract.events import NodeAnswered as NodeAnswered
    from .core.contract.events import Outcome as Outcome
    from .core.contract.events import PeerLost as PeerLost
    from .core.contract.events import PeersFound as PeersFound
    from .core.contract.events import PeerVerified as PeerVerified
    from .core.contract.events import PingFinished as PingFinished
    from .core.contract.events import PutFinished as PutFinished
    from .core.contract.events import ReachabilityChanged as ReachabilityChanged
    from .core.contract.events import RecordChanged as RecordChanged
    from .core.contract.events import ServiceTested as ServiceTested
    from .core.contract.events import SuspiciousLookup as SuspiciousLookup
    from .core.contract.events import WentOffline as WentOffline
    from .core.contract.reach_verdict import ReachVerdict as ReachVerdict
    from .core.contract.verified_peer import VerifiedPeer as VerifiedPeer
    from .endpoints import Endpoint as Endpoint
    from .endpoints import Family as Family
    from .endpoints import format_endpoint as format_endpoint
    from .errors import AddressInUse as AddressInUse
    from .errors import BindError as BindError
    from .errors import Busy as Busy
    from .errors import Closed as Closed
    from .errors import Conflict as Conflict
    from .errors import ErrorAnswer as ErrorAnswer
    from .errors import KadiscError as KadiscError
    from .errors import NoAnswer as NoAnswer
    from .errors import NotFound as NotFound
    from .errors import NotRunning as NotRunning
    from .errors import QueryFailed as QueryFailed
    from .errors import StateInUse as StateInUse
    from .errors import StateUnusable as StateUnusable
    from .errors import UsageError as UsageError
    from .net.api.announcing import Announced as Announced
    from .net.api.announcing import Announcement as Announcement
    from .net.api.items import StoredItem as StoredItem
    from .net.api.node import Node as Node
    from .net.api.open import open_node as open_node
    from .net.api.peer_changes import PeerChange as PeerChange
    from .net.api.peer_changes import PeerChanges as PeerChanges
    from .net.api.peer_stream import PeerStream as PeerStream
    from .net.api.publishing import Publication as Publication
    from .net.api.results import Answers as Answers
    from .net.api.results import FoundPeer as FoundPeer
    from .net.api.results import FoundPeers as FoundPeers
    from .net.api.results import Pong as Pong
    from .net.config_file import load_config as load_config
    from .net.devnet import open_devnet as open_devnet
    from .net.transport.clock import SystemClock as SystemClock
    from .net.transport.clock import TrioClock as TrioClock
    from .net.transport.dispatch import Subscription as Subscription
    from .net.transport.memory import MemoryNetwork as MemoryNetwork
    from .observe.mappings import MappingSnapshot as MappingSnapshot
    from .observe.shell_events import BootstrapFailing as BootstrapFailing
    from .observe.shell_events import BootstrapWorking as BootstrapWorking
    from .observe.shell_events import HostUnresolved as HostUnresolved
    from .observe.shell_events import LanChanged as LanChanged
    from .observe.shell_events import MappingChanged as MappingChanged
    from .observe.shell_events import NetworkChanged as NetworkChanged
    from .observe.shell_events import NoContactsLeft as NoContactsLeft
    from .observe.shell_events import NothingToJoin as NothingToJoin
    from .observe.shell_events import SelfCheckFailed as SelfCheckFailed
    from .observe.shell_events import SocketBack as SocketBack
    from .observe.shell_events import SocketLost as SocketLost
    from .observe.shell_events import StateDamaged as StateDamaged
    from .observe.shell_events import StateKeptBack as StateKeptBack
    from .observe.shell_events import StateSaved as StateSaved
    from .observe.shell_events import StateSetAside as StateSetAside
    from .observe.shell_events import StateUnsaved as StateUnsaved
    from .observe.socket_snapshot import SocketSnapshot as SocketSnapshot
    from .observe.socket_snapshot import SocketState as SocketState
    from .service_values import ServiceAddress as ServiceAddress
    from .wire.items import Item as Item
    from .wire.records import PeerRecord as PeerRecord

_HOME = {
    "config": (
        "Config",
        "CoreConfig",
        "Defences",
    ),
    "contacts": ("Contact",),
    "core.book.entry": ("Provenance",),
    "core.contract.events": (
        "AddressChanged",
        "AnnounceFinished",
        "CameOnline",
        "ContactAdded",
        "ContactRemoved",
        "Finished",
        "FoundNode",
        "JoinFinished",
        "Joined",
        "LookupFinished",
        "LookupKind",
        "LookupResult",
        "NatKindChanged",
        "NodeAnswered",
        "Outcome",
        "PeerLost",
        "PeerVerified",
        "PeersFound",
        "PingFinished",
        "PutFinished",
        "ReachabilityChanged",
        "RecordChanged",
        "ServiceTested",
        "SuspiciousLookup",
        "WentOffline",
    ),
    "core.contract.reach_verdict": ("ReachVerdict",),
    "core.contract.verified_peer": ("VerifiedPeer",),
    "endpoints": (
        "Endpoint",
        "Family",
        "format_endpoint",
    ),
    "errors": (
        "AddressInUse",
        "BindError",
        "Busy",
        "Closed",
        "Conflict",
        "ErrorAnswer",
        "KadiscError",
        "NoAnswer",
        "NotFound",
        "NotRunning",
        "QueryFailed",
        "StateInUse",
        "StateUnusable",
        "UsageError",
    ),
    "net.api.announcing": (
        "Announced",
        "Announcement",
    ),
    "net.api.items": ("StoredItem",),
    "net.api.node": ("Node",),
    "net.api.open": ("open_node",),
    "net.api.peer_changes": ("PeerChange", "PeerChanges"),
    "net.api.peer_stream": ("PeerStream",),
    "net.api.publishing": ("Publication",),
    "net.api.results": (
        "Answers",
        "FoundPeer",
        "FoundPeers",
        "Pong",
    ),
    "net.config_file": ("load_config",),
    "net.devnet": ("open_devnet",),
    "net.transport.clock": (
        "SystemClock",
        "TrioClock",
    ),
    "net.transport.dispatch": ("Subscription",),
    "net.transport.memory": ("MemoryNetwork",),
    "observe.mappings": ("MappingSnapshot",),
    "observe.shell_events": (
        "BootstrapFailing",
        "BootstrapWorking",
        "HostUnresolved",
        "LanChanged",
        "MappingChanged",
        "NetworkChanged",
        "NoContactsLeft",
        "NothingToJoin",
        "SelfCheckFailed",
        "SocketBack",
        "SocketLost",
        "StateDamaged",
        "StateKeptBack",
        "StateSaved",
        "StateSetAside",
        "StateUnsaved",
    ),
    "service_values": ("ServiceAddress",),
    "observe.socket_snapshot": (
        "SocketSnapshot",
        "SocketState",
    ),
    "wire.items": ("Item",),
    "wire.records": ("PeerRecord",),
}
"""The module of each public name. They are the imports above: `TYPE_CHECKING` shows them to type
checkers, and `__getattr__` makes them at run time.
"""
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{module}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
