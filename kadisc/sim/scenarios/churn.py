"""Do lookups succeed under churn as in BitTorrent, where half of all sessions last minutes?"""

from __future__ import annotations

from ..lab import Lab
from ..measure.statistics import Metrics, by_minute, mean, share
from ..probes.lookup_probe import LookupProbe
from .scenario import Scenario

SAMPLE_EVERY_S = 15.0
"""The time between two samples of tables."""
TABLES = 100
"""How many tables a sample has."""


def run(lab: Lab) -> Metrics:
    lab.settle()
    probe = LookupProbe(lab)
    began = lab.world.now
    samples: list[tuple[float, float, float]] = []

    def sample() -> None:
        """Counts dead entries in the tables of some settled nodes: every n-th node, so that
        sampling takes no random draw and does not change the run.
        """
        settled = lab.live(settled_s=600.0)
        for host in settled[:: max(1, len(settled) // TABLES)]:
            entries = [entry.contact for entry in host.dht.table]
            samples.append(
                (
                    lab.world.now - began,
                    sum(not lab.oracle.is_alive(contact) for contact in entries),
                    len(entries),
                )
            )

    with lab.measured():
        for number in range(int(60.0 * lab.options.minutes / SAMPLE_EVERY_S)):
            lab.world.at(began + number * SAMPLE_EVERY_S, sample)
        probe.go_on_for(60.0 * lab.options.minutes, lab.options.lookups_per_minute)
    entries = [
        lab.oracle.share_alive(entry.contact for entry in host.dht.table)
        for host in lab.live(settled_s=600.0)
    ]
    dead = 1.0 - sum(entries) / len(entries) if entries else 0.0
    sizes = [len(host.dht.table) for host in lab.live(settled_s=600.0)]
    return {
        **probe.metrics(),
        "dead_entries": share(dead, 1.0),
        "dead_entries_planted": round(lab.dead_at_start, 5),
        "table_size_mean": mean(sizes, 1),
        **by_minute("dead_entries", samples),
    }


SCENARIO = Scenario(
    "churn",
    "lookups under churn as in BitTorrent; dead entries in tables",
    run,
    {"churn.profile": "bittorrent"},
)
