"""The addresses of nodes change without notice: when do the nodes notice, and when are they found
again?
"""

from __future__ import annotations

from ...core.contract.events import LookupFinished
from ..lab import Lab
from ..measure.statistics import Metrics, share
from ..model.host import Host
from ..probes.movers import Mover, Movers
from .scenario import Scenario

SETTLE_S = 660.0
"""The time before addresses change: after it the oracle counts the new nodes as settled."""
LOOKS_S = (60.0, 300.0, 660.0)
"""How long after the change other nodes look them up."""
PATIENCE_S = 30.0
"""How long to wait for these lookups."""


def run(lab: Lab) -> Metrics:
    lab.settle()
    movers = Movers(lab)
    metrics: Metrics = {}
    with lab.measured():
        movers.join(lab.options.attack.movers)
        lab.run(SETTLE_S)
        first = movers.first_decisions()
        metrics["found_before"] = found(lab, movers.movers)
        movers.move()
        moved_at = lab.world.now
        for after_s in LOOKS_S:
            lab.run(max(0.0, moved_at + after_s - lab.world.now))
            metrics[f"found_after_{after_s:.0f}_s"] = found(lab, movers.movers)
    return {**first, **movers.changes(), **metrics}


def found(lab: Lab, movers: list[Mover]) -> float | None:
    """The share of the reachable ones that another node finds under their present ID."""
    reachable = [mover.host for mover in movers if mover.host.accepts_unsolicited]
    hits: list[Host] = []
    askers: list[Host] = []
    for sought in reachable:
        asker = _asker(lab)
        if asker is None:
            continue
        askers.append(asker)

        def on_event(now: float, event: object, asker: Host = asker, sought: Host = sought) -> None:
            if isinstance(event, LookupFinished) and event.result.target == sought.id:
                asker.on_event = None
                if any(node.contact.endpoint == sought.outside for node in event.result.closest):
                    hits.append(sought)

        asker.on_event = on_event
        lab.world.do(asker, asker.node.start_lookup, sought.id, family=lab.family)
    lab.run_while(
        lambda: any(asker.on_event is not None and asker.up for asker in askers), PATIENCE_S
    )
    return share(len(hits), len(askers))


def _asker(lab: Lab) -> Host | None:
    fit = [host for host in lab.acceptors() if host.on_event is None]
    return lab.rng.choice(fit) if fit else None


SCENARIO = Scenario(
    "address-change",
    "the addresses of 40 nodes change (--set attack.movers): when do they notice, and are found?",
    run,
    {"warmup_s": "60"},
)
