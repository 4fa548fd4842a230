"""The check ``mtu``: whether long datagrams get through. An answer has up to 1,232 bytes."""

from __future__ import annotations

from .check import DoctorCheck
from .finding import DoctorFinding, ok, skipped, warning
from .machine import MachineFacts, Unknown

LONG, SHORT = 1232, 500
"""Bytes of a UDP payload. A datagram of 1,280 bytes, the least that IPv6 carries, has room for
1,232.
"""
HEADERS = 48
"""Of IPv6 and UDP."""


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.path
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    if not known.asked or not known.answered.get(SHORT):
        return (skipped("", "no node answered a query of 500 bytes, so there is nothing to tell"),)
    if known.answered.get(LONG):
        return (ok("", f"datagrams of {LONG} bytes get through"),)
    longest = max(size for size, count in known.answered.items() if count)
    fits = longest + HEADERS
    where = f" dev {known.interface}" if known.interface else " dev INTERFACE"
    of_link = (
        f", while {known.interface} has an MTU of {known.interface_mtu}"
        if known.interface_mtu is not None
        else ""
    )
    return (
        warning(
            "",
            f"datagrams of {LONG} bytes are lost on the way, and those of {longest} are not"
            f"{of_link}",
            f'ip link set{where} mtu {fits}, or let ICMP "fragmentation needed" and "packet too '
            'big" through',
        ),
    )


MTU = DoctorCheck("mtu", look=look, needs=("path",), after=("route", "firewall", "bootstrap"))
