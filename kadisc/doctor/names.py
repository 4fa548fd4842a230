"""The names of the checks, in the order in which they are printed: for the command line, which
reads its options before it imports anything that a check needs.
"""

from typing import Final

NAMES: Final[tuple[str, ...]] = (
    *("config", "state", "lock", "socket", "sockets", "buffers", "overflows", "clock"),
    *("route", "firewall", "conntrack", "resolver", "bootstrap", "mtu"),
    *("joined", "table", "address", "reachable", "gateway", "mapping", "lan", "network"),
    *("services", "chain"),
)
