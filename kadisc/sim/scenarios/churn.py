"""Do lookups hold while nodes come and go as in BitTorrent, where half of the sessions are over within minutes?"""

from __future__ import annotations

from ...endpoints import Family
from ..figures import Metrics, mean, share
from ..lab import Lab
from ..lookup_probe import LookupProbe
from ..scenario import Scenario


def run(lab: Lab) -> Metrics:
    lab.settle()
    probe = LookupProbe(lab)
    with lab.measured():
        probe.go_on_for(60.0 * lab.options.minutes, lab.options.lookups_per_minute)
    entries = [lab.oracle.share_alive(entry.contact for entry in host.node.overlays[Family.IPV4].table) for host in lab.live(settled_s=600.0)]
    dead = 1.0 - sum(entries) / len(entries) if entries else 0.0
    sizes = [len(host.node.overlays[Family.IPV4].table) for host in lab.live(settled_s=600.0)]
    return {
        **probe.metrics(),
        "dead_entries": share(dead, 1.0),
        "dead_entries_planted": round(lab.dead_at_start, 5),
        "table_size_mean": mean(sizes, 1),
    }


SCENARIO = Scenario("churn", "lookups while nodes come and go as in BitTorrent; dead entries in tables", run, {"churn.profile": "bittorrent"})
