"""What the checks know of a node: plain values, taken once."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.snapshot import DhtSnapshot
from ..endpoints import Family
from ..observe.socket_snapshot import SocketSnapshot


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """The node in one address family."""

    dht: DhtSnapshot
    socket: SocketSnapshot

    @property
    def family(self) -> Family:
        return self.dht.family


@dataclass(frozen=True, slots=True)
class DoctorFacts:
    """``is_lasting``: the node of ``kadisc run``, and not one that was opened for the tests.
    ``state_dir``: the folder that the node is to keep its state in, None for none; ``keeps_state``:
    it holds the lock of that folder; ``cannot_save``: the last save failed.
    """

    is_lasting: bool
    uptime_s: float
    read_only: bool
    waits_for_contact: bool
    families: tuple[FamilyFacts, ...]
    state_dir: str | None = None
    keeps_state: bool = False
    cannot_save: bool = False
