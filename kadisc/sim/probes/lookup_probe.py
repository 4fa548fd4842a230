"""Lookups of random IDs by random nodes, judged by the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.contract.events import LookupFinished, Outcome
from ...ids import NodeId
from ...wire.compact import pack_contact
from ..lab import Lab
from ..measure.oracle import SETTLED_S
from ..measure.statistics import Metrics, by_minute, mean, quantiles, share, spread
from ..model.host import Host
from .asker import settled_asker

LONGEST_S = 60.0
"""How long to wait for the last lookups."""


@dataclass(slots=True)
class ProbedLookup:
    """One lookup. ``learned_s``: the time until the asker was told of the truly closest node; 0 if
    that was in its own table.
    """

    host: Host
    target: NodeId
    started_at: float
    ended: bool = False
    found_top: bool = False
    wanted: int = 0
    found: int = 0
    learned_s: float | None = None
    elapsed_s: float | None = None
    queries: int = 0
    suspicious: bool = False
    hops: int = 0


@dataclass(slots=True)
class LookupProbe:
    """Starts lookups at a steady rate at settled nodes; every lookup that was started counts."""

    lab: Lab
    k: int = field(init=False)
    lookups: list[ProbedLookup] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.k = self.lab.options.core.table.k

    def go_on_for(self, seconds: float, per_minute: float) -> None:
        """Starts lookups for so many seconds, and waits for the last."""
        lab, every_s = self.lab, 60.0 / per_minute
        for number in range(int(seconds / every_s)):
            lab.world.at(lab.world.now + number * every_s, self._start)
        lab.run(seconds)
        lab.run_while(
            lambda: any(not lookup.ended and lookup.host.up for lookup in self.lookups), LONGEST_S
        )

    def metrics(self) -> Metrics:
        # A lookup whose asker left before its end does not count.
        lost = sum(not lookup.ended and not lookup.host.up for lookup in self.lookups)
        counted = [lookup for lookup in self.lookups if lookup.ended or lookup.host.up]
        done, mrtt_s = [lookup for lookup in counted if lookup.ended], self.lab.mrtt_s
        learned = [lookup.learned_s / mrtt_s for lookup in done if lookup.learned_s is not None]
        answered = [lookup.elapsed_s / mrtt_s for lookup in done if lookup.elapsed_s is not None]
        return {
            "mrtt_ms": round(mrtt_s * 1000, 1),
            "lookups_started": len(self.lookups),
            "lookups_of_nodes_that_left": lost,
            "top1": share(sum(lookup.found_top for lookup in counted), len(counted)),
            "recall": share(
                sum(lookup.found for lookup in counted),
                sum(lookup.wanted for lookup in done) + self.k * (len(counted) - len(done)),
            ),
            **spread("learned_mrtt", learned),
            **spread("answered_mrtt", answered),
            "queries_mean": mean([lookup.queries for lookup in done], 2),
            **spread("queries", [lookup.queries for lookup in done], 1),
            "alarms": share(sum(lookup.suspicious for lookup in done), len(done)),
            "hops_mean": mean([lookup.hops for lookup in done], 2),
            **quantiles("learned_mrtt", learned),
            **quantiles("answered_mrtt", answered),
            **recall_by_minute([self]),
        }

    # --- one lookup -------------------------------------------------------------------------------

    def _start(self) -> None:
        lab = self.lab
        host = settled_asker(lab)
        if host is None:
            return
        lookup = ProbedLookup(host, lab.rng.getrandbits(160), lab.world.now)
        self.lookups.append(lookup)
        self._watch_for_closest(lookup)
        operation = lab.world.do(host, host.node.start_lookup, lookup.target, family=lab.family)

        def on_event(now: float, event: object) -> None:
            if isinstance(event, LookupFinished) and event.operation == operation:
                self._ended(lookup, event)

        host.on_event = on_event

    def _watch_for_closest(self, lookup: ProbedLookup) -> None:
        host, lab = lookup.host, self.lab
        truth = lab.oracle.closest(lookup.target, 1, besides=host)
        if not truth:
            return
        if host.dht.table.get(truth[0].id) is not None:
            lookup.learned_s = 0.0
            return
        packed = pack_contact(truth[0].contact)

        def on_datagram(now: float, payload: bytes) -> None:
            if packed in payload:
                lookup.learned_s = now - lookup.started_at
                host.on_datagram = None

        host.on_datagram = on_datagram

    def _ended(self, lookup: ProbedLookup, event: LookupFinished) -> None:
        host, result = lookup.host, event.result
        host.on_event = host.on_datagram = None
        lookup.ended = True
        lookup.elapsed_s = result.elapsed_s
        lookup.queries = result.queries
        lookup.suspicious = result.suspicious
        lookup.hops = result.hops
        # The nodes that count: up for 10 minutes when the lookup began, and still up now.
        truth = self.lab.oracle.closest(
            lookup.target, self.k, besides=host, settled_s=SETTLED_S + result.elapsed_s
        )
        answered = (
            [node.contact.id for node in result.closest] if event.outcome is Outcome.DONE else []
        )
        lookup.wanted = len(truth)
        # A newer, closer node may take the place of a true one: a node farther than the last that
        # was found is not missing.
        reach = answered[-1] ^ lookup.target if len(answered) >= self.k else 1 << 160
        lookup.found = sum(
            other.id in answered or other.id ^ lookup.target > reach for other in truth
        )
        nearest = answered[0] ^ lookup.target if answered else 1 << 160
        lookup.found_top = bool(answered) and (not truth or truth[0].id ^ lookup.target >= nearest)


def recall_by_minute(series: Sequence[LookupProbe]) -> Metrics:
    """The recall by the minute in which lookups began, counted from the first lookup. ``series``:
    probes that ran one after the other.
    """
    lookups = [
        (lookup, each.k)
        for each in series
        for lookup in each.lookups
        if lookup.ended or lookup.host.up
    ]
    began = min((lookup.started_at for lookup, _ in lookups), default=0.0)
    return by_minute(
        "recall",
        (
            (lookup.started_at - began, lookup.found, lookup.wanted if lookup.ended else k)
            for lookup, k in lookups
        ),
    )
