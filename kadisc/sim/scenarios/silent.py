"""A share of the nodes send queries, answer pings, and drop everything else: do they get into
tables, and do lookups succeed?
"""

from __future__ import annotations

from random import Random

from ...ids import random_id
from ..adversaries.unresponsive import UnresponsiveNode
from ..attacks.ablation import ablations, variants
from ..attacks.attackers import part_of
from ..lab import Lab
from ..measure.statistics import Metrics, share
from ..probes.honest_probe import HonestProbe
from .scenario import Scenario

QUESTIONS = 4
COLUMNS = {
    "entries": "silent_entries",
    "handed_out": "silent_handed_out",
    "found": "found",
    "queries_mean": "queries_mean",
    "elapsed_s_mean": "elapsed_s_mean",
}
RELEVANT = ("verified_admission", "diversity_caps", "inbound_quarantine")


def run(lab: Lab) -> Metrics:
    return ablations(lab, variants(lab.options, RELEVANT), attack_with_unresponsive_nodes, COLUMNS)


def attack_with_unresponsive_nodes(lab: Lab) -> Metrics:
    attack, rng = lab.options.attack, Random(f"silent {lab.options.seed}")
    lab.settle()
    members = [
        UnresponsiveNode(random_id(rng), rng, attack.interval_s)
        for _ in range(part_of(lab.options))
    ]
    hosts = [lab.new_adversary(member) for member in members]
    targets = [host.outside for host in lab.acceptors()]
    with lab.measured():
        for member, host in zip(members, hosts, strict=True):
            member.query(targets, lab.world.now)
            lab.boot(host)
        probe = HonestProbe(lab)
        probe.go_on_for(60.0 * lab.options.minutes, attack.lookups)
    return {
        "silent": len(hosts),
        **_spread(lab, {host.outside for host in hosts}),
        **probe.metrics(),
    }


def _spread(lab: Lab, silent: set[bytes]) -> Metrics:
    """Their share of all table entries, and of contacts in answers to random queries."""
    entries = theirs = handed = theirs_handed = 0
    for host in lab.acceptors():
        table = host.dht.table
        entries += len(table)
        theirs += sum(entry.contact.endpoint in silent for entry in table)
        for _ in range(QUESTIONS):
            answer = table.closest(lab.rng.getrandbits(160), lab.options.core.table.k)
            handed += len(answer)
            theirs_handed += sum(entry.contact.endpoint in silent for entry in answer)
    return {
        "silent_entries": share(theirs, entries),
        "silent_handed_out": share(theirs_handed, handed),
    }


SCENARIO = Scenario(
    "silent",
    "25 % of the nodes (--set attack.share) answer only pings: do they get into tables, answers?",
    run,
    {"attack.share": "0.25", "minutes": "4", "warmup_s": "60"},
)
