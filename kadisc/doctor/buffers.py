"""The check ``buffers``: whether the system gave the sockets the buffers that were asked for."""

from __future__ import annotations

from .check import DoctorCheck
from .finding import DoctorFinding, ok, skipped, warning
from .machine import MachineFacts, Unknown


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.buffers
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    given = min(known.given.values(), default=known.asked)
    if given >= known.asked:
        return (ok("", f"each socket has the {known.asked} bytes asked for"),)
    if known.limit is not None and known.limit >= known.asked:
        return (
            warning(
                "",
                f"of {known.asked} bytes asked for, {given} were given; net.core.rmem_max has been "
                f"raised to {known.limit} since",
                "restart the node, which asks only at its start",
            ),
        )
    limit = f"net.core.rmem_max is {known.limit}: " if known.limit is not None else ""
    again = ", on the host of a container"
    if facts.setup.is_running:
        again += "; then restart the node"
    return (
        warning(
            "",
            f"{limit}of {known.asked} bytes asked for, {given} were given",
            f"sysctl -w net.core.rmem_max={known.asked}{again}",
        ),
    )


BUFFERS = DoctorCheck("buffers", look=look, needs=("buffers",), after=("sockets",))
