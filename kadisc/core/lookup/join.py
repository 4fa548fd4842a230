"""Lookups for the routing table: refreshes, and one attempt to join the DHT."""

from __future__ import annotations

from ..contract.events import JoinFinished, LookupResult, OperationId, Outcome
from ..contract.queries import Commands, RefreshLookup
from ..dht import Dht
from .operation import LookupOperation
from .store import MakeLookup


class BucketFilled:
    """Ends a lookup inside a bucket when that bucket holds enough contacts."""

    def __init__(self, dht: Dht, bucket: int) -> None:
        self._dht = dht
        self._bucket = bucket

    def is_enough(self) -> bool:
        return self._dht.has_enough(self._bucket)


class RefreshOperation:
    """Tells the DHT that a refresh lookup has ended."""

    def __init__(self, dht: Dht, refresh: RefreshLookup) -> None:
        self._dht = dht
        self._refresh = refresh

    def lookup_ended(self, outcome: Outcome, result: LookupResult, now: float) -> Commands:
        return self._dht.refresh_finished(self._refresh, outcome, now)


class JoinOperation:
    """One attempt to join: a lookup of the own ID with a terminal event of its own."""

    def __init__(
        self,
        operation: OperationId,
        dht: Dht,
        refresh: RefreshLookup,
        make_lookup: MakeLookup,
    ) -> None:
        self._operation = operation
        self._dht = dht
        self._then = RefreshOperation(dht, refresh)
        self.lookup: LookupOperation = make_lookup(self)

    @property
    def owners(self) -> tuple[object, ...]:
        return (self, self.lookup)

    def end(self, outcome: Outcome, now: float) -> Commands:
        return self.lookup.end(outcome, now)

    def lookup_ended(self, outcome: Outcome, result: LookupResult, now: float) -> Commands:
        commands = self._then.lookup_ended(outcome, result, now)
        verified = len(self._dht.table)
        finished = JoinFinished(self._operation, outcome, self._dht.family, verified)
        return [*commands, finished]
