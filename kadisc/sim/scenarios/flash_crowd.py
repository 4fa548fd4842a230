"""Ten times the nodes of the network arrive within a minute: do they join, do lookups succeed?"""

from __future__ import annotations

from ..lab import Lab
from ..measure.statistics import Metrics, share
from ..model.host import Host
from ..probes.lookup_probe import LookupProbe
from .scenario import Scenario

ARRIVAL_S = 60.0


def run(lab: Lab) -> Metrics:
    lab.settle()
    crowd: list[Host] = []
    number = round(lab.options.crowd * lab.options.nodes)
    with lab.measured():
        for _ in range(number):
            lab.world.at(
                lab.world.now + lab.rng.random() * ARRIVAL_S, lambda: crowd.append(lab.arrive())
            )
        probe = LookupProbe(lab)
        probe.go_on_for(60.0 * lab.options.minutes, lab.options.lookups_per_minute)
    remaining = [
        host
        for host in crowd
        if host.up
        and (host.nat is None or host.nat.outbound(host.endpoint, lab.world.now) is not None)
    ]
    joined = sum(host.dht.joined for host in remaining)
    return {"arrived": len(crowd), "joined": share(joined, len(remaining)), **probe.metrics()}


SCENARIO = Scenario(
    "flash-crowd",
    "ten times the nodes (--set crowd) arrive within a minute: do they join, do lookups succeed?",
    run,
    {"minutes": "5"},
)
