"""A quarter of the nodes report the same wrong external address to all others, and forged answers
repeat it: how many nodes believe it?
"""

from __future__ import annotations

from math import inf
from random import Random

from ...core.addressing.external_address import Confidence, ExternalAddress
from ...core.core import Core
from ...endpoints import Endpoint, make_endpoint
from ...ids import random_id
from ...wire import krpc
from ...wire.messages import Reply
from ..adversaries.liar import Liar
from ..adversaries.unresponsive import UnresponsiveNode
from ..attacks.ablation import (
    ALL_OFF,
    Variant,
    ablations,
    first_vote_decides,
    variants,
    with_defences,
)
from ..attacks.attackers import part_of
from ..lab import Lab
from ..measure.statistics import Metrics
from ..measure.vote_count import (
    first_decisions,
    wrong_first_probability,
    wrong_recount_probability,
    wrong_recounts,
)
from ..model.host import Host
from ..model.population import FIRST_BYTES
from ..options import SimOptions
from ..probes.movers import Movers
from .scenario import Scenario

LIE = make_endpoint("66.66.66.66", 666)
CALM_S = 120.0
"""The time for the first decision. Then the lies go on for ``minutes`` until addresses change."""
AFTER_S = 180.0
"""How long the lies go on after addresses change."""
COLUMNS = {
    "decided": "decided",
    "first_wrong": "first_wrong",
    "settled_wrong": "settled_wrong",
    "followed": "followed",
    "within_60_s": "followed_within_60_s",
    "followed_s_p50": "followed_s_p50",
}


def run(lab: Lab) -> Metrics:
    return {**ablations(lab, _variants(lab.options), lie, COLUMNS), **count_alone(lab.options)}


def lie(lab: Lab) -> Metrics:
    options = lab.options
    hosts = [_liar(lab) for _ in range(part_of(options))]
    lab.settle(adversaries=hosts)
    movers = Movers(lab)
    with lab.measured():
        _forge(lab, movers, hosts)
        movers.join(options.attack.movers)
        lab.run(CALM_S + 60.0 * options.minutes)
        decided = movers.first_decisions()
        movers.move()
        lab.run(AFTER_S)
    return {"liars": len(hosts), **decided, **movers.changes()}


def count_alone(options: SimOptions) -> Metrics:
    """The vote count alone, with many more decisions than a simulated network makes. ``settled``:
    of one recount; permanent lies open at most one recount in 20 s.
    """
    liars, trials, config = options.attack.share, options.attack.trials, options.core.address
    rng = Random(f"votes {options.seed}")
    wrong, undecided = first_decisions(config, liars, trials, rng)
    settled_wrong = wrong_recounts(config, liars, trials, rng)
    return {
        "count_trials": trials,
        "count_first_wrong_share": wrong / trials if trials else None,
        "count_first_undecided_share": undecided / trials if trials else None,
        "count_first_wrong_computed": wrong_first_probability(config, liars),
        "count_settled_wrong_share": settled_wrong / trials if trials else None,
        "count_settled_wrong_computed": wrong_recount_probability(config, liars),
    }


def _variants(options: SimOptions) -> list[Variant]:
    """``first vote decides`` changes the numbers of votes instead of a defence; with all defences
    off too, it is what other implementations have done.
    """
    if not options.attack.ablations:
        return variants(options, ())
    hasty = first_vote_decides(options)
    return [
        *variants(options, ("exact_matching",)),
        Variant("first vote decides", hasty),
        Variant("that, and all off", with_defences(hasty, ALL_OFF)),
    ]


def _liar(lab: Lab) -> Host:
    home = lab.population.settle()
    address = ExternalAddress(
        lab.options.core.address, home.endpoint[:-2], home.endpoint[-2:], Confidence.VOTED
    )
    node = Core(
        lab.options.core,
        lab.rng,
        {lab.family: random_id(lab.rng)},
        lab.world.now,
        addresses={lab.family: address},
    )
    return lab.new_adversary(Liar(node, LIE), home)


def _forge(lab: Lab, movers: Movers, liars: list[Host]) -> None:
    """Sends answers that match no query, with forged sources, to all new nodes in turn."""
    per_s, rng = lab.options.attack.forged_per_s, Random(f"forger {lab.options.seed}")
    if per_s <= 0.0:
        return

    senders = liars or [lab.new_adversary(UnresponsiveNode(random_id(rng), rng, inf))]

    def forge() -> None:
        for mover in movers.movers:
            source = Endpoint(bytes((rng.choice(FIRST_BYTES),)) + rng.randbytes(3) + b"\x1a\xe1")
            reply = Reply(rng.randbytes(2), random_id(rng), seen_as=LIE)
            lab.world.forge(rng.choice(senders), krpc.encode(reply), source, mover.host.outside)
        lab.world.at(lab.world.now + 1.0 / per_s, forge)

    forge()


SCENARIO = Scenario(
    "spoofed-votes",
    "25 % of the nodes (--set attack.share) report a wrong external address: is it believed?",
    run,
    {"attack.share": "0.25", "attack.forged_per_s": "1", "minutes": "3", "warmup_s": "120"},
)
