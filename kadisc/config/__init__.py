"""The configuration: every field with its default, its unit, its bounds and its reason, declared
once (`declaration`). It imports no other module of the package. Start with `node.Config`.

All of it is frozen: a running node never changes its configuration. ``Config`` is what
``open_node`` takes; its parts go to the components that they are named after.
"""

from __future__ import annotations

from .book import BookConfig as BookConfig
from .control import ControlConfig as ControlConfig
from .core import AddressConfig as AddressConfig
from .core import LookupConfig as LookupConfig
from .core import QueryConfig as QueryConfig
from .core import TableConfig as TableConfig
from .core_config import CoreConfig as CoreConfig
from .defences import Defences as Defences
from .feed import FeedConfig as FeedConfig
from .gossip import GossipConfig as GossipConfig
from .gossip import RendezvousConfig as RendezvousConfig
from .limits import LimitsConfig as LimitsConfig
from .log import LogConfig as LogConfig
from .maintenance import MaintenanceConfig as MaintenanceConfig
from .metrics import MetricsConfig as MetricsConfig
from .node import CLIENT_VERSION as CLIENT_VERSION
from .node import DEFAULT_NETWORK as DEFAULT_NETWORK
from .node import DEFAULT_PORT as DEFAULT_PORT
from .node import PUBLIC_ROUTERS as PUBLIC_ROUTERS
from .node import Config as Config
from .reach import ReachConfig as ReachConfig
from .serving import ServingConfig as ServingConfig
from .serving import StoreConfig as StoreConfig
