"""Attackers that a node contacted once keep their flows through its NAT open, and enter when it has
forgotten them: does a node that no stranger reaches take itself for reachable?

``entered``: pings of such witnesses that were answered. ``false_yes``: verdicts ``yes`` of nodes
whose NAT lets no stranger in. Also without the renewal of notes by what comes in.
"""

from __future__ import annotations

from random import Random

from ..adversaries.flow_holder import FlowHolder, FlowHolders
from ..adversaries.kinds import MemberParts
from ..attacks.ablation import with_and_without
from ..attacks.attackers import part_of
from ..attacks.member_attackers import member_attackers, node_of
from ..lab import Lab
from ..measure.statistics import Metrics
from ..model.host import Host
from ..probes.reach_probe import REACH_SETTINGS, Subjects, table_of, verdict_metrics
from .scenario import Scenario


def attack(lab: Lab) -> Metrics:
    options = lab.options
    hosts: dict[bytes, Host] = {}
    group = FlowHolders(
        options.core.reach.stranger_s,
        Random(f"flow holders {options.seed}"),
        lambda endpoint: lab.world.flush(hosts[endpoint]),
    )
    holders: list[FlowHolder] = []

    def holder(parts: MemberParts, number: int) -> FlowHolder:
        holders.append(FlowHolder(node_of(parts), number, group))
        return holders[-1]

    attackers = member_attackers(lab, part_of(options), holder)
    hosts |= {host.endpoint: host for host in attackers}
    group.members = {each.endpoint: each for each in holders}
    lab.settle(adversaries=attackers)
    subjects = Subjects(lab)
    with lab.measured():
        for _ in range(options.reach.each):
            for kind in options.reach.chosen():
                subject = subjects.start(kind)
                group.victims.add(subject.host.outside)
                subjects.run(options.reach.between_s)
        subjects.run(60.0 * options.minutes)
    return {
        "attackers": len(attackers),
        "entered": group.entered,
        **verdict_metrics(subjects),
        "kinds": table_of(subjects, options.reach.chosen()),
    }


def run(lab: Lab) -> Metrics:
    columns = {"entered": "entered", "yes of closed": "false_yes", "no": "no"}
    return with_and_without(lab, "renewed_contacts", attack, columns)


SCENARIO = Scenario(
    "reach-keepalive",
    "witnesses that were contacted once hold their flows through NATs open, and enter later",
    run,
    {
        **REACH_SETTINGS,
        "attack.share": "0.4",
        "reach.kinds": "restricted,address-restricted",
        "minutes": "25",
    },
)
