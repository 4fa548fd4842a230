"""Events of the shell's own: what the operating system, name servers and bootstrap hosts do to a
node.

They go to subscribers beside the core's events. Each tells of a change of state, never of a single
try.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..endpoints import Family


@dataclass(frozen=True, slots=True)
class BootstrapFailing:
    """Nobody answered who should have let us in. It goes on being tried, in silence."""

    family: Family
    reason: str


@dataclass(frozen=True, slots=True)
class BootstrapWorking:
    """Somebody answered, after it had been failing."""

    family: Family


@dataclass(frozen=True, slots=True)
class HostUnresolved:
    """The name of a bootstrap host leads nowhere, for now."""

    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """The machine slept so long, or was moved to another network: everything is looked at anew."""

    slept_s: float


@dataclass(frozen=True, slots=True)
class AllContactsLost:
    """The last contact is gone: the network is looked for anew."""

    family: Family


@dataclass(frozen=True, slots=True)
class StateUnsaved:
    """What we know cannot be kept for the next run. It goes on being tried, in silence."""

    reason: str


@dataclass(frozen=True, slots=True)
class StateSaved:
    """It could be kept, after that had been failing."""


@dataclass(frozen=True, slots=True)
class StateSetAside:
    """The file of the last run was damaged. It was renamed, and a new one begun."""

    file: str
    aside: str
    reason: str


@dataclass(frozen=True, slots=True)
class StateDamaged:
    """A part of the file of the last run could not be read, and was left out."""

    file: str
    reason: str


ShellEvent: TypeAlias = (
    BootstrapFailing
    | BootstrapWorking
    | HostUnresolved
    | NetworkChanged
    | AllContactsLost
    | StateUnsaved
    | StateSaved
    | StateSetAside
    | StateDamaged
)
