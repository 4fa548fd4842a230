"""What the node does while an application waits for peers of the network: lookups of the network's
info-hashes (`tag_search.py`), and checks in quick succession of the candidates that these find and
that the first peers name (`burst.py`). It ends by itself soon after the application stops waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from ...config import CoreConfig
from ...endpoints import Endpoint, Family
from ..addressing.netgroup_sampling import spread_by_prefix
from ..contract.events import LookupResult, OperationId
from ..contract.queries import Commands, RendezvousLookup
from ..dht import Dht
from .candidates import FROM_RENDEZVOUS
from .components import PeerComponents
from .own_record import Membership
from .reports import PeerReports
from .tag_search import TagSearch

PEERS_PER_ANSWER: Final = 16
"""Of the peers that one answer names under an info-hash, so many are candidates at once; the others
when the lookup has ended. The first answer alone does not decide which are checked.
"""


class ApplicationSearch:
    def __init__(
        self,
        config: CoreConfig,
        rng: Random,
        membership: Membership,
        dhts: Mapping[Family, Dht],
        components: PeerComponents,
        reports: PeerReports,
    ) -> None:
        self._config = config.rendezvous
        self._rng = rng
        self._scopes = components.scopes
        self._candidates = components.candidates
        self._burst = components.burst
        self.reports = reports
        self._dhts = dhts
        self._tags = TagSearch(
            list(dhts) if membership.named else [],
            membership.tag,
            config.rendezvous.paths,
            self._contacts,
            self._can_begin,
        )

    @property
    def operations(self) -> list[OperationId]:
        """Its last lookups, running or ended."""
        return list(self._tags.recent)

    @property
    def queries(self) -> int:
        """Datagrams of its lookups that have ended, and of all checks for applications."""
        return self._tags.queries + self._burst.traffic.queries

    def wanted(self, now: float) -> Commands:
        """An application waits for peers; it says so again as long as it does."""
        self._burst.request(now)
        lookups = self._tags.due(now)
        if lookups:
            self._burst.search_begins()
        return lookups

    def given(self) -> None:
        """The application was given a peer."""
        self._tags.given()

    def seeded(self, family: Family, endpoints: Sequence[Endpoint], now: float) -> Commands:
        """The node joins by these endpoints: lookups that wait for a contact begin there too."""
        self._tags.seeded(family, endpoints)
        return self.wanted(now) if self._burst.is_active(now) else ()

    def started(self, lookup: RendezvousLookup, operation: OperationId) -> None:
        if lookup.for_caller:
            self._tags.started(lookup, operation)

    def found(self, lookup: RendezvousLookup, peers: Sequence[Endpoint], now: float) -> None:
        """An answer in a running lookup names these peers."""
        if self._burst.is_active(now):
            self._report(lookup, peers, PEERS_PER_ANSWER, now)

    def ended(
        self, lookup: RendezvousLookup, operation: OperationId, result: LookupResult, now: float
    ) -> None:
        """A lookup has ended: the peers that announced there are candidates, no more."""
        if lookup.for_caller:
            answered = result.answered > 0
            self._tags.ended(lookup, operation, result.queries, answered=answered)
        self._report(lookup, result.peers, self._config.peers_per_lookup, now)

    def is_running(self, family: Family, now: float) -> bool:
        """Whether more peers may come soon: a lookup is running in this family, or candidates are
        being checked.
        """
        if self._tags.is_running(family) or self._burst.is_waiting(now):
            return True
        return len(self._candidates) > 0 and self._burst.is_active(now)

    def _report(
        self, lookup: RendezvousLookup, peers: Sequence[Endpoint], most: int, now: float
    ) -> None:
        self.reports.found(
            spread_by_prefix(peers, most, self._scopes.netgroup, self._rng),
            FROM_RENDEZVOUS + b"%d" % lookup.number,
            now,
            per_source=self._config.candidates_per_key,
        )

    def _contacts(self, family: Family) -> int:
        return len(self._dhts[family].table)

    def _can_begin(self, family: Family) -> bool:
        return self._dhts[family].has_contacts
