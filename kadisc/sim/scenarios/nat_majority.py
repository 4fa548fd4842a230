"""Most nodes are behind NAT and reachable only by nodes that they have sent to: are they returned
in answers nevertheless?
"""

from __future__ import annotations

from ..lab import Lab
from ..measure.oracle import SETTLED_S
from ..measure.statistics import Metrics, share
from .scenario import Scenario

QUESTIONS_PER_S = 10.0


def run(lab: Lab) -> Metrics:
    lab.settle()
    kinds = {"contacts": 0, "dead": 0, "closed": 0, "expired": 0}

    def ask() -> None:
        """For each contact in an answer: would an unsolicited find_node get in now?"""
        acceptors = [host for host in lab.acceptors() if host.up_since <= lab.world.now - SETTLED_S]
        if not acceptors:
            return
        table = lab.rng.choice(acceptors).dht.table
        for entry in table.closest(lab.rng.getrandbits(160), lab.options.core.table.k):
            kinds["contacts"] += 1
            host = lab.oracle.at(entry.contact.endpoint)
            if host is None or host.id != entry.id:
                kinds["dead"] += 1
            elif not host.accepts_unsolicited:
                kinds["closed"] += 1
            elif not lab.oracle.strangers_reach(host, entry.contact.endpoint):
                kinds["expired"] += 1

    seconds = 60.0 * lab.options.minutes
    with lab.measured():
        for number in range(int(seconds * QUESTIONS_PER_S)):
            lab.world.at(lab.world.now + number / QUESTIONS_PER_S, ask)
        lab.run(seconds)
    contacts = kinds["contacts"]
    inbound = [entry.inbound for host in lab.acceptors() for entry in host.dht.table]
    return {
        "handed_out": contacts,
        "dead": share(kinds["dead"], contacts),
        "never_answering": share(kinds["closed"], contacts),
        "mapping_expired": share(kinds["expired"], contacts),
        "fail_for_a_stranger": share(kinds["dead"] + kinds["closed"] + kinds["expired"], contacts),
        "inbound_entries": share(sum(inbound), len(inbound)),
    }


SCENARIO = Scenario(
    "nat-majority",
    "60 % of the nodes are behind NAT: are the contacts in answers reachable for any node?",
    run,
)
