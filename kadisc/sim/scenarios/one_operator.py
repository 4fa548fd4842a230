"""One operator has many addresses in few networks, and with them a valid ID (BEP 42) beside any
target: how many of the k closest of a lookup are its nodes?
"""

from __future__ import annotations

from ...core.addressing.bep42 import with_bep42_prefix
from ...endpoints import ip_of, subnet_prefix
from ...ids import random_id
from ..adversaries.operator import OperatedNode, Operator
from ..attacks.ablation import Variant, ablations, variants, without
from ..attacks.attackers import addresses_of_one_operator
from ..lab import Lab
from ..measure.statistics import Metrics, mean, share
from ..options import SimOptions
from ..probes.honest_probe import HonestProbe
from .scenario import Scenario

COLUMNS = {
    name: name
    for name in ("found", "returned", "captured", "attackers_mean", "attackers_most", "of_table")
}
RELEVANT = ("lookup_caps", "bep42_ids", "diversity_caps")


def run(lab: Lab) -> Metrics:
    return ablations(lab, _variants(lab.options), take_places, COLUMNS)


def _variants(options: SimOptions) -> list[Variant]:
    usual = variants(options, RELEVANT)
    if not options.attack.ablations:
        return usual
    neither = Variant("neither caps nor BEP 42", without(options, "lookup_caps", "bep42_ids"))
    return [*usual[:-2], neither, *usual[-2:]]


def take_places(lab: Lab) -> Metrics:
    """The operator's first node of each subnet takes part in the network under one ID; its other
    addresses are only named, and answer.
    """
    attack, operator = lab.options.attack, Operator()
    homes = addresses_of_one_operator(lab, attack.addresses, attack.prefixes)
    members = [
        OperatedNode(with_bep42_prefix(ip_of(home.endpoint), random_id(lab.rng)), operator)
        for home in homes
    ]
    hosts = [lab.new_adversary(member, home) for member, home in zip(members, homes, strict=True)]
    operator.enrol(members)
    lab.settle(adversaries=hosts[: attack.prefixes])
    for host in hosts[attack.prefixes :]:
        lab.boot(host)
    probe = HonestProbe(lab)
    with lab.measured():
        probe.go_on_for(60.0 * lab.options.minutes, attack.lookups)
    tables = [entry.contact.endpoint for host in lab.live() for entry in host.dht.table]
    theirs = {subnet_prefix(home.endpoint) for home in homes}
    places = [lookup.attackers for lookup in probe.lookups if lookup.ended]
    return {
        "addresses": len(hosts),
        "attackers_mean": mean(places, 2),
        "attackers_most": max(places, default=0),
        "of_table": share(sum(subnet_prefix(each) in theirs for each in tables), len(tables)),
        **probe.metrics(),
    }


SCENARIO = Scenario(
    "one-operator",
    "4,000 addresses in 64 subnets of one operator, with a valid ID beside any target",
    run,
    {
        "attack.addresses": "4000",
        "attack.prefixes": "64",
        "minutes": "1",
        "warmup_s": "20",
        "attack.lookups": "200",
    },
)
