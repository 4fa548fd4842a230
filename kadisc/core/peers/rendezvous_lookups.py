"""The lookups of the network's info-hashes, from their start to what they found: those that the
node's own schedule begins (`rendezvous.py`), and those for an application that waits (`search.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...endpoints import Endpoint, Family
from ..contract.events import LookupResult, OperationId
from ..contract.queries import RendezvousLookup
from ..contract.times import FOREVER
from ..dht import Dht
from .rendezvous import RendezvousSchedule
from .search import ApplicationSearch


class RendezvousLookups:
    def __init__(
        self,
        dhts: Mapping[Family, Dht],
        schedules: Mapping[Family, RendezvousSchedule],
        search: ApplicationSearch,
    ) -> None:
        self._dhts = dhts
        self._schedules = schedules
        self.search = search

    # --- what happens -----------------------------------------------------------------------------

    def joined(self, family: Family, now: float) -> None:
        if family in self._schedules:
            self._schedules[family].joined(now)

    def address_changed(self, now: float) -> None:
        for schedule in self._schedules.values():
            schedule.address_changed(now)

    def rendezvous_started(self, lookup: RendezvousLookup, operation: OperationId) -> None:
        """A lookup for an application that waits begins."""
        self.search.started(lookup, operation)

    def rendezvous_found(
        self, lookup: RendezvousLookup, peers: Sequence[Endpoint], now: float
    ) -> None:
        """An answer names peers; the lookup goes on."""
        self.search.found(lookup, peers, now)

    def rendezvous_finished(
        self,
        lookup: RendezvousLookup,
        operation: OperationId,
        result: LookupResult,
        now: float,
        *,
        stored: bool,
    ) -> None:
        """``stored``: whether a node stored this node's announce."""
        if not lookup.for_caller:
            self._schedules[lookup.family].finished(
                lookup.number, now, stored=stored or not lookup.announces
            )
        self.search.ended(lookup, operation, result, now)

    # --- time -------------------------------------------------------------------------------------

    def due(self, now: float, *, enough: bool) -> list[RendezvousLookup]:
        """The lookups of the schedule to begin now. ``enough``: whether enough peers are known."""
        lookups: list[RendezvousLookup] = []
        for family, schedule in self._schedules.items():
            dht = self._dhts[family]
            port = dht.parts.address.port
            lookups += schedule.due(
                now,
                int.from_bytes(port, "big") if port else None,
                enough=enough,
                contacts=len(dht.table),
            )
        return lookups

    def next_deadline(self) -> float:
        deadline = FOREVER
        for schedule in self._schedules.values():
            if schedule.deadline < deadline:
                deadline = schedule.deadline
        return deadline
