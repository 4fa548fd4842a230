"""A share of the nodes collude: is what honest nodes announce and put found by later searches?"""

from __future__ import annotations

from ..attacks.ablation import ablations, variants
from ..lab import Lab
from ..measure.statistics import Metrics
from ..probes.search_probe import SearchProbe
from .colluders import settle_among_colluders
from .scenario import Scenario

COLUMNS = {
    name: name for name in ("announces_found", "puts_found", "store_queries_mean", "queries_mean")
}


def run(lab: Lab) -> Metrics:
    return ablations(lab, variants(lab.options, ("region_lookups", "bep42_ids")), hide, COLUMNS)


def hide(lab: Lab) -> Metrics:
    colluders = settle_among_colluders(lab)
    probe = SearchProbe(lab)
    with lab.measured():
        probe.go_on_for(60.0 * lab.options.minutes, lab.options.attack.lookups)
    return {"colluders": colluders, **probe.metrics()}


SCENARIO = Scenario(
    "hidden-store",
    "20 % of the nodes (--set attack.share) collude: is what is announced and put found later?",
    run,
    {"attack.share": "0.2", "attack.lookups": "200", "minutes": "1", "warmup_s": "20"},
)
