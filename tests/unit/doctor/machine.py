"""Facts of a healthy machine, and changes of them."""

from __future__ import annotations

from typing import Any

import msgspec

from kadisc.doctor.check import DoctorCheck
from kadisc.doctor.machine import MachineFacts
from kadisc.doctor.setup import NodeSetup

HEALTHY = NodeSetup(
    pid=0,
    uptime_s=0.0,
    network="lab",
    bind=["0.0.0.0:6881"],
    endpoints=[],
    hosts=["boot.lab:6881"],
    contacts=[],
    services={},
    buffer_bytes=1 << 20,
    buffers=[],
    control_group=None,
    sequence_ms=0,
    allow_private=False,
    joined=False,
    knows_nodes=False,
)


def setup(**changes: Any) -> NodeSetup:
    return msgspec.structs.replace(HEALTHY, **changes)


def running(**changes: Any) -> NodeSetup:
    return setup(**({"pid": 77, "joined": True, "endpoints": ["0.0.0.0:6881"]} | changes))


def machine(node: NodeSetup = HEALTHY, **facts: Any) -> MachineFacts:
    return MachineFacts(node, **facts)


def told(check: DoctorCheck, facts: MachineFacts) -> list[tuple[str, str]]:
    """The verdict and the whole text of each finding."""
    assert check.look is not None
    return [
        (each.verdict.value, f"{each.about}: {each.sentence} -> {each.remedy}")
        for each in check.look(facts)
    ]


def one(check: DoctorCheck, facts: MachineFacts) -> tuple[str, str]:
    [found] = told(check, facts)
    return found
