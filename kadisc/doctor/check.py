"""What a check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .facts import DoctorFacts
from .finding import DoctorFinding
from .machine import MachineFacts

NodeFind = Callable[[DoctorFacts], tuple[DoctorFinding, ...]]
MachineFind = Callable[[MachineFacts], tuple[DoctorFinding, ...]]


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """Both functions are pure: the same facts give the same findings.

    Args:
        name: What ``--only`` calls it.
        find: Of the facts that the node itself has; carried out in its process.
        look: Of the facts of the machine, which the command gathers.
        needs: The fields of `MachineFacts` that ``look`` reads.
        after: The checks whose failure explains that this one fails as well.
        by_family: Whether only its findings on an address family can follow from others: those on
            the whole node say what the operator chose, such as ``--read-only``.
    """

    name: str
    find: NodeFind | None = None
    look: MachineFind | None = None
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    by_family: bool = False
