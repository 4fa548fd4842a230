"""What the environment of the process forbids its nodes, whatever their configuration says.

A test, a build or a container that shares a network which is not its own sets these variables, and
no node in it, or in the processes that it starts, looks at the network of the machine.
"""

from __future__ import annotations

import os
from typing import Final

MAPPING_VARIABLE: Final = "KADISC_PORT_MAPPING"
"""``off``: no router is asked to forward a port."""
WATCH_VARIABLE: Final = "KADISC_WATCH_NETWORK"
"""``off``: interfaces and routes of the machine are not watched."""
BEACON_VARIABLE: Final = "KADISC_LAN"
"""``off``: no beacon is sent or read on the links of the machine."""
OFF: Final = "off"


def may_map() -> bool:
    """Whether nodes of this process may ask a router."""
    return os.environ.get(MAPPING_VARIABLE) != OFF


def may_watch() -> bool:
    """Whether nodes of this process may watch the interfaces of the machine."""
    return os.environ.get(WATCH_VARIABLE) != OFF


def may_beacon() -> bool:
    """Whether nodes of this process may look for others on the links of the machine."""
    return os.environ.get(BEACON_VARIABLE) != OFF
