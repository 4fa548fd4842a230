"""All targets, by name."""

from __future__ import annotations

from .target import Target
from .targets.addresses import ADDRESSES
from .targets.arguments import ARGUMENTS
from .targets.as_map import AS_MAP
from .targets.beacons import BEACONS
from .targets.book_lines import BOOK_LINES
from .targets.chain_nodes import CHAIN_NODES
from .targets.config_file import CONFIG_FILE
from .targets.control_lines import CONTROL_LINES
from .targets.gateway import GATEWAY_ANSWERS
from .targets.http_requests import HTTP_REQUESTS
from .targets.identity import IDENTITY
from .targets.items import ITEMS
from .targets.messages import MESSAGES
from .targets.records import RECORDS
from .targets.state_file import STATE_FILE
from .targets.state_rows import STATE_ROWS
from .targets.upnp import UPNP

TARGETS: tuple[Target, ...] = (
    MESSAGES,
    RECORDS,
    ITEMS,
    BOOK_LINES,
    STATE_FILE,
    STATE_ROWS,
    IDENTITY,
    BEACONS,
    GATEWAY_ANSWERS,
    UPNP,
    CONTROL_LINES,
    CONFIG_FILE,
    ARGUMENTS,
    ADDRESSES,
    AS_MAP,
    HTTP_REQUESTS,
    CHAIN_NODES,
)
BY_NAME = {target.name: target for target in TARGETS}
