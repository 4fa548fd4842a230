"""The check ``lan``: whether the node finds others on the links of this machine by beacons."""

from __future__ import annotations

from ..observe.lan import lan_counts
from .check import DoctorCheck
from .facts import DoctorFacts
from .finding import DoctorFinding, ok, warning


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    lan = facts.lan
    if lan.state == "off":
        why = lan.reason or "beacons are switched off"
        return (ok("", f"no node is looked for on the links of this machine: {why}"),)
    if lan.state == "failing":
        left_out = "; ".join(f"{name}: {reason}" for name, reason in sorted(lan.left_out.items()))
        return (
            warning(
                "",
                f"no beacons: {lan.reason}" + (f" ({left_out})" if left_out else ""),
                "nodes of the same link are found by the DHT alone; name an interface with "
                "lan_interfaces in the configuration, or switch beacons off with --no-lan",
            ),
        )
    found = tuple(ok(each.name, lan_counts(each)) for each in lan.interfaces)
    return found or (ok("", "no node was looked for on the links of this machine yet"),)


LAN = DoctorCheck("lan", find, after=("route", "firewall"))
