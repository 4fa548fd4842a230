"""The check ``overflows``: whether the system drops datagrams because the node does not read them
fast enough.
"""

from __future__ import annotations

from ..observe.describe import count
from .check import DoctorCheck
from .finding import DoctorFinding, ok, skipped, warning
from .machine import MachineFacts, Unknown


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.overflows
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    if known.grown:
        return (
            warning(
                "",
                f"the system dropped {count(known.grown, 'datagram')} within {known.seconds:.1f} s,"
                f" and {known.total} since the node started: its buffer is full",
                f"sysctl -w net.core.rmem_max={facts.setup.buffer_bytes}, give the node more of "
                "the CPU (nice, or a core of its own), then restart it",
            ),
        )
    since = f"; {known.total} since the node started" if known.total else ""
    return (ok("", f"no datagram was dropped within {known.seconds:.1f} s{since}"),)


OVERFLOWS = DoctorCheck("overflows", look=look, needs=("overflows",))
