"""Counters that add up: every datagram received ends in exactly one of `accepted` or `dropped`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .query_group import QueryGroup

_GROUPS: Final = (
    *("accepted", "dropped", "queries_sent", "queries_for", "refused", "goodbyes"),
    *("reach_served", "reach_probes", "lookups"),
)


@dataclass(slots=True)
class Counters:
    """``received`` is the sum of ``accepted`` and ``dropped``. Byte counts are of UDP payload."""

    received: int = 0
    received_bytes: int = 0
    sent: int = 0
    sent_bytes: int = 0
    checks: QueryGroup = field(default_factory=QueryGroup)
    """Queries sent that only check whether a contact of the routing table, or a candidate for it,
    answers; retransmissions included.
    """
    accepted: dict[str, int] = field(default_factory=dict)
    """Accepted datagrams by kind: ``query.ping``, ``reply``, ``error`` and so on."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Dropped datagrams by reason."""
    queries_sent: dict[str, int] = field(default_factory=dict)
    """Queries sent by method, retransmissions included."""
    queries_for: dict[str, int] = field(default_factory=dict)
    """The same queries by what they were sent for: one of `purposes`."""
    retransmissions: int = 0
    """How many of those queries had been sent once before."""
    refused: dict[str, int] = field(default_factory=dict)
    """By reason: contents of accepted datagrams that were not used, and actions that were not
    taken.
    """
    reach_probes: dict[str, int] = field(default_factory=dict)
    """Probes of the own reachability that ended, by outcome: ``proof``, ``miss``, ``nothing``."""
    lookups: dict[str, int] = field(default_factory=dict)
    """Lookups for callers and for the own network that ended by themselves: ``plain``, or
    ``suspicious`` because improbably many nodes were named near the target.
    """
    goodbyes: dict[str, int] = field(default_factory=dict)
    """``sent`` to peers of the own network when this node stopped, and ``heeded``: those of peers.
    Those that did not count are ``refused.bye-...``.
    """

    reach_served: dict[str, int] = field(default_factory=dict)
    """By method and outcome: what other nodes asked for to find out whether they can be reached,
    as in ``reach.answered`` (see `HelpOutcome`).
    """

    @property
    def checks_sent(self) -> int:
        return self.checks.queries

    def accept(self, kind: str) -> None:
        self.accepted[kind] = self.accepted.get(kind, 0) + 1

    def drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def refuse(self, reason: str, times: int = 1) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + times

    def goodbye(self, kind: str) -> None:
        self.goodbyes[kind] = self.goodbyes.get(kind, 0) + 1

    def lookup_ended(self, *, suspicious: bool) -> None:
        kind = "suspicious" if suspicious else "plain"
        self.lookups[kind] = self.lookups.get(kind, 0) + 1

    def help_served(self, method: str, outcome: str) -> None:
        name = f"{method}.{outcome}"
        self.reach_served[name] = self.reach_served.get(name, 0) + 1

    def probe_ended(self, outcome: str) -> None:
        self.reach_probes[outcome] = self.reach_probes.get(outcome, 0) + 1

    def query_sent(self, method: str, purpose: str) -> None:
        self.queries_sent[method] = self.queries_sent.get(method, 0) + 1
        self.queries_for[purpose] = self.queries_for.get(purpose, 0) + 1

    def as_dict(self) -> dict[str, int]:
        """Flat, with dotted names, sorted: ``dropped.unmatched-reply`` and so on."""
        flat = {
            "received": self.received,
            "received_bytes": self.received_bytes,
            "sent": self.sent,
            "sent_bytes": self.sent_bytes,
            "checks_sent": self.checks_sent,
            "retransmissions": self.retransmissions,
        }
        for group in _GROUPS:
            flat.update(
                {f"{group}.{name}": count for name, count in sorted(getattr(self, group).items())}
            )
        return flat
