"""The check ``firewall``: whether this machine's own rules drop what the node gets and sends."""

from __future__ import annotations

from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped
from .machine import MachineFacts, Unknown


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.firewall
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    if known.dropping:
        return tuple(
            failure(
                "",
                (
                    f"{known.tool} drops UDP to port {each.port}: {each.words}"
                    if each.where == "in"
                    else f"{known.tool} drops the UDP that the node sends: {each.words}"
                ),
                each.remedy,
            )
            for each in known.dropping
        )
    if not known.rules:
        return (ok("", f"{known.tool} has no rules"),)
    return (ok("", f"no rule of {known.tool} drops the node's UDP"),)


FIREWALL = DoctorCheck("firewall", look=look, needs=("firewall",))
