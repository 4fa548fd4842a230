"""What a node's metrics count from its events: durations of lookups, round-trip times, changes of
contacts, peers and addresses.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from ..core.contract.events import (
    AddressChanged,
    ContactAdded,
    ContactRemoved,
    LookupFinished,
    NodeAnswered,
    PeerLost,
    PeerVerified,
    PingFinished,
)
from ..endpoints import Endpoint, Family, family_of
from .histograms import Histogram

RTT_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.4, 0.6, 1.0, 2.5, 5.0, 10.0)
LOOKUP_BOUNDS_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0)
QUERY_BOUNDS: Final = (4, 8, 12, 16, 20, 25, 32, 48, 64, 128)
LAG_BOUNDS_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class EventCounts:
    """For `Dispatch.tap`. Its memory is bounded: every label is a word of a closed set."""

    def __init__(self) -> None:
        self.rtt_s: dict[Family, Histogram] = {}
        """Round-trip times of answers in lookups and of pings, by address family."""
        self.lookup_s: dict[tuple[str, str], Histogram] = {}
        """Durations of lookups by kind (``find_node``) and outcome (``done``)."""
        self.lookup_queries: dict[str, Histogram] = {}
        """Datagrams sent by a lookup, by kind."""
        self.contact_changes: Counter[tuple[Family, str]] = Counter()
        """Contacts that were ``added`` to the routing table or ``removed`` from it."""
        self.peers_verified = 0
        self.peers_lost: Counter[str] = Counter()
        """By reason, as of `PeerLost`."""
        self.address_changes: Counter[Family] = Counter()
        self.loop_lag_s = Histogram(LAG_BOUNDS_S)
        """How late the event loop woke a task that slept; the HTTP server measures it."""

    def note(self, event: object) -> None:
        """Counts an event; unknown ones are ignored."""
        match event:
            case NodeAnswered():
                self._rtt(event.node.contact.endpoint, event.node.rtt_s)
            case PingFinished():
                self._rtt(event.endpoint, event.rtt_s)
            case LookupFinished():
                self._lookup(event)
            case ContactAdded():
                self.contact_changes[family_of(event.contact.endpoint), "added"] += 1
            case ContactRemoved():
                self.contact_changes[family_of(event.contact.endpoint), "removed"] += 1
            case PeerVerified():
                self.peers_verified += 1
            case PeerLost():
                self.peers_lost[event.reason] += 1
            case AddressChanged():
                self.address_changes[event.family] += 1

    def _rtt(self, endpoint: Endpoint, rtt_s: float | None) -> None:
        if rtt_s is None:
            return
        family = family_of(endpoint)
        if family not in self.rtt_s:
            self.rtt_s[family] = Histogram(RTT_BOUNDS_S)
        self.rtt_s[family].observe(rtt_s)

    def _lookup(self, event: LookupFinished) -> None:
        kind = event.result.kind.value
        labels = kind, event.outcome.name.lower()
        if labels not in self.lookup_s:
            self.lookup_s[labels] = Histogram(LOOKUP_BOUNDS_S)
        if kind not in self.lookup_queries:
            self.lookup_queries[kind] = Histogram(QUERY_BOUNDS)
        self.lookup_s[labels].observe(event.result.elapsed_s)
        self.lookup_queries[kind].observe(event.result.queries)
