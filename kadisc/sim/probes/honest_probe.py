"""Lookups under attack: does the asker reach the honest node that is truly the closest, or only
attackers that hide it?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...core.contract.events import LookupFinished, NodeAnswered
from ...ids import NodeId
from ..lab import Lab
from ..measure.statistics import Metrics, mean, share
from ..model.host import Host
from .asker import settled_asker

LONGEST_S = 60.0
"""How long to wait for the last lookups."""


@dataclass(slots=True)
class AttackedLookup:
    """One lookup. ``closest``: the k closest honest nodes when it began; ``truth``: the
    first of them."""

    host: Host
    truth: Host
    closest: list[Host]
    heard: bool = False
    returned: bool = False
    captured: bool = False
    attacked: bool = False
    suspicious: bool = False
    attackers: int = 0
    recalled: int = 0
    ended: bool = False
    queries: int = 0
    elapsed_s: float = 0.0


@dataclass(slots=True)
class HonestProbe:
    """Starts lookups and judges them by the oracle.

    ``found``: the closest honest node was asked, and answered. ``returned``: it is also in the
    result, among the k closest or in the region of a suspicious lookup, where an announce would go.
    ``captured``: no honest node is among those. ``attackers``: how many of the k closest are
    adversaries. ``attacked``: an adversary answered under an ID that it forged for this lookup.
    ``alarms``: the share of the attacked lookups that were suspicious; ``false_alarms``: that of
    all others.
    """

    lab: Lab
    asker: Callable[[], Host | None] | None = None
    """Chooses the node that does the next lookup; by default a random settled one."""
    lookups: list[AttackedLookup] = field(default_factory=list)

    def go_on_for(self, seconds: float, lookups: int) -> None:
        """Starts so many lookups evenly over the time, and waits for the last."""
        self.plan(seconds, lookups)
        self.lab.run(seconds)
        self.wait()

    def plan(self, seconds: float, lookups: int) -> None:
        now = self.lab.world.now
        for number in range(lookups):
            self.lab.world.at(now + number * seconds / lookups, self._start)

    def wait(self) -> None:
        self.lab.run_while(
            lambda: any(not lookup.ended and lookup.host.up for lookup in self.lookups), LONGEST_S
        )

    def metrics(self, prefix: str = "") -> Metrics:
        # A lookup whose asker or whose target node left meanwhile does not count.
        counted = [lookup for lookup in self.lookups if lookup.host.up and lookup.truth.up]
        return {
            f"{prefix}lookups": len(counted),
            f"{prefix}found": share(sum(lookup.heard for lookup in counted), len(counted)),
            f"{prefix}returned": share(sum(lookup.returned for lookup in counted), len(counted)),
            f"{prefix}captured": share(sum(lookup.captured for lookup in counted), len(counted)),
            **alarms(counted, prefix),
            f"{prefix}queries_mean": mean(
                [lookup.queries for lookup in counted if lookup.ended], 1
            ),
            f"{prefix}elapsed_s_mean": mean(
                [lookup.elapsed_s for lookup in counted if lookup.ended]
            ),
        }

    def recall(self) -> float | None:
        """Of the k honest nodes closest to each target, the share that is in the result."""
        counted = [lookup for lookup in self.lookups if lookup.host.up and lookup.truth.up]
        return share(
            sum(lookup.recalled for lookup in counted),
            sum(len(lookup.closest) for lookup in counted),
        )

    # --- one lookup -------------------------------------------------------------------------------

    def _start(self) -> None:
        lab, options = self.lab, self.lab.options.attack
        host = settled_asker(lab) if self.asker is None else self.asker()
        if host is None or host.on_event is not None:
            return
        target: NodeId = lab.rng.getrandbits(160)
        truth = lab.oracle.closest(target, options.k, besides=host)
        if not truth:
            return
        lookup = AttackedLookup(host, truth[0], truth)
        self.lookups.append(lookup)

        def on_event(now: float, event: object) -> None:
            if isinstance(event, NodeAnswered):
                lookup.heard = lookup.heard or event.node.contact.id == lookup.truth.id
                at = lab.oracle.at(event.node.contact.endpoint)
                forged = at is not None and not at.honest and at.id != event.node.contact.id
                lookup.attacked = lookup.attacked or forged
            elif isinstance(event, LookupFinished) and event.operation == operation:
                self._ended(lookup, event)

        operation = lab.world.do(
            host,
            host.node.start_lookup,
            target,
            family=lab.family,
            k=options.k,
            paths=options.paths,
        )
        host.on_event = on_event

    def _ended(self, lookup: AttackedLookup, event: LookupFinished) -> None:
        lookup.host.on_event = None
        lookup.ended = True
        lookup.queries = event.result.queries
        lookup.elapsed_s = event.result.elapsed_s
        result = event.result
        lookup.suspicious = result.suspicious
        nodes = (*result.closest, *result.region)
        hosts = [self.lab.oracle.at(node.contact.endpoint) for node in nodes]
        returned = [node.contact.endpoint for node in nodes]
        lookup.recalled = sum(host.outside in returned for host in lookup.closest)
        lookup.returned = lookup.truth.outside in returned
        lookup.attackers = sum(
            host is not None and not host.honest for host in hosts[: len(result.closest)]
        )
        lookup.captured = not any(host is not None and host.honest for host in hosts)


def alarms(lookups: Sequence[AttackedLookup], prefix: str) -> Metrics:
    ended = [lookup for lookup in lookups if lookup.ended]
    attacked = [lookup.suspicious for lookup in ended if lookup.attacked]
    others = [lookup.suspicious for lookup in ended if not lookup.attacked]
    return {
        f"{prefix}attacked": share(len(attacked), len(ended)),
        f"{prefix}alarms": share(sum(attacked), len(attacked)),
        f"{prefix}false_alarms": share(sum(others), len(others)),
        f"{prefix}queries_suspicious_mean": mean(
            [lookup.queries for lookup in ended if lookup.suspicious], 1
        ),
    }
