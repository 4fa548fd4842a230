"""The names of the checks, in the order in which they are printed, and how long they may take: for
the command line and the control socket, which import nothing that a check needs before one is
asked for.
"""

from typing import Final

NAMES: Final[tuple[str, ...]] = (
    *("config", "state", "lock", "socket", "sockets", "buffers", "overflows", "clock"),
    *("route", "firewall", "conntrack", "resolver", "bootstrap", "mtu"),
    *("joined", "table", "address", "reachable", "gateway", "mapping", "lan", "network"),
    *("services", "chain"),
)
MAX_WAIT_S: Final = 15.0
"""The longest that facts are waited for."""
