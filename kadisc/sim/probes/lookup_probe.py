"""Looks up random IDs at random nodes, and judges what they find by the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.contract.events import LookupFinished, Outcome
from ...endpoints import Family
from ...ids import NodeId
from ...wire.compact import pack_contact
from ..lab import Lab
from ..measure.oracle import SETTLED_S
from ..measure.statistics import Metrics, by_minute, mean, quantiles, share, spread
from ..model.host import Host

TRIES = 200
"""To draw a node that can be asked to look up."""
LONGEST_S = 60.0
"""No lookup takes longer."""


@dataclass(slots=True)
class Probe:
    """One lookup. ``learned_s``: when the asker first heard of the node that is truly the closest;
    0 if it was in its own table.
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
    hops: int = 0


@dataclass(slots=True)
class LookupProbe:
    """Starts lookups at a steady rate at nodes that have been up for a while; each that was started
    counts.
    """

    lab: Lab
    k: int = field(init=False)
    probes: list[Probe] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.k = self.lab.options.core.table.k

    def go_on_for(self, seconds: float, per_minute: float) -> None:
        """Starts them over so many seconds, and waits for the last."""
        lab, every_s = self.lab, 60.0 / per_minute
        for number in range(int(seconds / every_s)):
            lab.world.at(lab.world.now + number * every_s, self._start)
        lab.run(seconds)
        lab.run_while(
            lambda: any(not probe.ended and probe.host.up for probe in self.probes), LONGEST_S
        )

    def metrics(self) -> Metrics:
        # Of nodes that left while they were looking up nobody is there to be told.
        lost = sum(not probe.ended and not probe.host.up for probe in self.probes)
        counted = [probe for probe in self.probes if probe.ended or probe.host.up]
        done, mrtt_s = [probe for probe in counted if probe.ended], self.lab.mrtt_s
        learned = [probe.learned_s / mrtt_s for probe in done if probe.learned_s is not None]
        answered = [probe.elapsed_s / mrtt_s for probe in done if probe.elapsed_s is not None]
        return {
            "mrtt_ms": round(mrtt_s * 1000, 1),
            "lookups_started": len(self.probes),
            "lookups_of_nodes_that_left": lost,
            "top1": share(sum(probe.found_top for probe in counted), len(counted)),
            "recall": share(
                sum(probe.found for probe in counted),
                sum(probe.wanted for probe in done) + self.k * (len(counted) - len(done)),
            ),
            **spread("learned_mrtt", learned),
            **spread("answered_mrtt", answered),
            "queries_mean": mean([probe.queries for probe in done], 2),
            **spread("queries", [probe.queries for probe in done], 1),
            "hops_mean": mean([probe.hops for probe in done], 2),
            **quantiles("learned_mrtt", learned),
            **quantiles("answered_mrtt", answered),
            **recall_by_minute([self]),
        }

    # --- one lookup -------------------------------------------------------------------------------

    def _start(self) -> None:
        lab = self.lab
        host = self._asker()
        if host is None:
            return
        probe = Probe(host, lab.rng.getrandbits(160), lab.world.now)
        self.probes.append(probe)
        self._watch_for_closest(probe)
        operation = lab.world.do(host, host.node.start_lookup, probe.target, family=Family.IPV4)

        def on_event(now: float, event: object) -> None:
            if isinstance(event, LookupFinished) and event.operation == operation:
                self._ended(probe, event)

        host.on_event = on_event

    def _asker(self) -> Host | None:
        """A node that is not asking already, has been up for a while, and can send at all."""
        lab = self.lab
        for _ in range(TRIES):
            host = lab.any_host()
            usable = (
                host is not None
                and host.on_event is None
                and host.up_since <= lab.world.now - SETTLED_S
            )
            if host is not None and usable and len(host.node.dhts[Family.IPV4].table):
                return host
        return None

    def _watch_for_closest(self, probe: Probe) -> None:
        host, lab = probe.host, self.lab
        truth = lab.oracle.closest(probe.target, 1, besides=host)
        if not truth:
            return
        if host.node.dhts[Family.IPV4].table.get(truth[0].id) is not None:
            probe.learned_s = 0.0
            return
        packed = pack_contact(truth[0].contact)

        def on_datagram(now: float, payload: bytes) -> None:
            if packed in payload:
                probe.learned_s = now - probe.started_at
                host.on_datagram = None

        host.on_datagram = on_datagram

    def _ended(self, probe: Probe, event: LookupFinished) -> None:
        host, result = probe.host, event.result
        host.on_event = host.on_datagram = None
        probe.ended, probe.elapsed_s, probe.queries, probe.hops = (
            True,
            result.elapsed_s,
            result.queries,
            result.hops,
        )
        # Up for 10 minutes when it began, and still up now: nobody can be blamed for not finding
        # the others.
        truth = self.lab.oracle.closest(
            probe.target, self.k, besides=host, settled_s=SETTLED_S + result.elapsed_s
        )
        answered = (
            [node.contact.id for node in result.closest] if event.outcome is Outcome.DONE else []
        )
        probe.wanted = len(truth)
        # A newer node that is closer still may take a true one's place; whoever is farther than the
        # last that was found is not missing.
        reach = answered[-1] ^ probe.target if len(answered) >= self.k else 1 << 160
        probe.found = sum(
            other.id in answered or other.id ^ probe.target > reach for other in truth
        )
        nearest = answered[0] ^ probe.target if answered else 1 << 160
        probe.found_top = bool(answered) and (not truth or truth[0].id ^ probe.target >= nearest)


def recall_by_minute(series: Sequence[LookupProbe]) -> Metrics:
    """By when lookups began, counted from the first of them; of probes that went on one after the
    other.
    """
    probes = [
        (probe, each.k) for each in series for probe in each.probes if probe.ended or probe.host.up
    ]
    began = min((probe.started_at for probe, _ in probes), default=0.0)
    return by_minute(
        "recall",
        (
            (probe.started_at - began, probe.found, probe.wanted if probe.ended else k)
            for probe, k in probes
        ),
    )
