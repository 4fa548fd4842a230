"""What share of the contacts that nodes return is dead, and what do checks of contacts cost?"""

from __future__ import annotations

from ..lab import Lab
from ..measure.counting import sent_since, traffic_of
from ..measure.oracle import SETTLED_S
from ..measure.statistics import Metrics, by_minute, rounded, share
from .scenario import Scenario

QUESTIONS_PER_S = 10.0


def run(lab: Lab) -> Metrics:
    lab.settle()
    asked, contacts, dead = 0, 0, 0
    answers: list[tuple[float, float, float]] = []

    def ask() -> None:
        """Reads from the table of a random node what it would answer to a find_node for a random
        ID; no datagram is sent.
        """
        nonlocal asked, contacts, dead
        hosts = [
            host
            for host in lab.rng.sample(lab.acceptors(), min(8, len(lab.acceptors())))
            if host.up_since <= lab.world.now - SETTLED_S
        ]
        if hosts:
            table = hosts[0].dht.table
            answer = [
                entry.contact
                for entry in table.closest(lab.rng.getrandbits(160), lab.options.core.table.k)
            ]
            dead_here = sum(not lab.oracle.is_alive(contact) for contact in answer)
            asked, contacts, dead = asked + 1, contacts + len(answer), dead + dead_here
            answers.append((lab.world.now - began, dead_here, len(answer)))

    hosts = lab.live(settled_s=SETTLED_S)
    before = {host.number: traffic_of(host.node) for host in hosts}
    seconds, began = 60.0 * lab.options.minutes, lab.world.now
    with lab.measured():
        for number in range(int(seconds * QUESTIONS_PER_S)):
            lab.world.at(lab.world.now + number / QUESTIONS_PER_S, ask)
        lab.run(seconds)
    sent = [sent_since(before[host.number], traffic_of(host.node)) for host in hosts if host.up]
    count = max(1, len(sent)) * seconds
    return {
        "answers": asked,
        "contacts": contacts,
        "dead": share(dead, contacts),
        "dead_planted": round(lab.dead_at_start, 5),
        "checks_per_s_mean": rounded(sum(each.checks for each in sent) / count),
        "queries_per_s_mean": rounded(sum(each.queries for each in sent) / count),
        **by_minute("dead", answers),
    }


SCENARIO = Scenario(
    "freshness",
    "the share of dead contacts in answers, and the cost of checking contacts",
    run,
)
