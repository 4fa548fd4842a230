"""Do lookups hold while nodes come and go as in BitTorrent, where half of the sessions are over
within minutes?
"""

from __future__ import annotations

from ...endpoints import Family
from ..lab import Lab
from ..measure.statistics import Metrics, by_minute, mean, share
from ..probes.lookup_probe import LookupProbe
from .scenario import Scenario

LOOK_EVERY_S = 15.0
TABLES = 100
"""Of so many nodes at each look."""


def run(lab: Lab) -> Metrics:
    lab.settle()
    probe = LookupProbe(lab)
    began = lab.world.now
    looks: list[tuple[float, float, float]] = []

    def look() -> None:
        """Into the tables of some that have been up for a while: every n-th, so that the look draws
        no chance and changes no run.
        """
        settled = lab.live(settled_s=600.0)
        for host in settled[:: max(1, len(settled) // TABLES)]:
            entries = [entry.contact for entry in host.node.dhts[Family.IPV4].table]
            looks.append(
                (
                    lab.world.now - began,
                    sum(not lab.oracle.is_alive(contact) for contact in entries),
                    len(entries),
                )
            )

    with lab.measured():
        for number in range(int(60.0 * lab.options.minutes / LOOK_EVERY_S)):
            lab.world.at(began + number * LOOK_EVERY_S, look)
        probe.go_on_for(60.0 * lab.options.minutes, lab.options.lookups_per_minute)
    entries = [
        lab.oracle.share_alive(entry.contact for entry in host.node.dhts[Family.IPV4].table)
        for host in lab.live(settled_s=600.0)
    ]
    dead = 1.0 - sum(entries) / len(entries) if entries else 0.0
    sizes = [len(host.node.dhts[Family.IPV4].table) for host in lab.live(settled_s=600.0)]
    return {
        **probe.metrics(),
        "dead_entries": share(dead, 1.0),
        "dead_entries_planted": round(lab.dead_at_start, 5),
        "table_size_mean": mean(sizes, 1),
        **by_minute("dead_entries", looks),
    }


SCENARIO = Scenario(
    "churn",
    "lookups while nodes come and go as in BitTorrent; dead entries in tables",
    run,
    {"churn.profile": "bittorrent"},
)
