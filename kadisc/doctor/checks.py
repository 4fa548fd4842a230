"""All checks, in the order in which they are printed."""

from __future__ import annotations

from .addresses import ADDRESSES
from .facts import DoctorFacts
from .finding import CheckResult, DoctorCheck
from .joined import JOINED
from .lan import LAN
from .mapping import GATEWAY, MAPPING
from .reachable import REACHABLE
from .services import SERVICES
from .state import STATE

CHECKS: tuple[DoctorCheck, ...] = (
    JOINED,
    REACHABLE,
    GATEWAY,
    MAPPING,
    SERVICES,
    ADDRESSES,
    LAN,
    STATE,
)


def examine(facts: DoctorFacts) -> tuple[CheckResult, ...]:
    """The result of every check."""
    return tuple(CheckResult(check.name, check.find(facts)) for check in CHECKS)
