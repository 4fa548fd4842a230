"""The check ``network``: whether the node has found others of its own network."""

from __future__ import annotations

from ..config import DEFAULT_NETWORK
from ..observe.describe import count
from .check import DoctorCheck
from .facts import DoctorFacts
from .finding import DoctorFinding, ok, skipped, warning

PATIENCE_S = 60.0


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    return (_of(facts),)


def _of(facts: DoctorFacts) -> DoctorFinding:
    if facts.network == DEFAULT_NETWORK:
        return ok("", "no network is named (--network), so there are no peers to find")
    if not facts.is_lasting:
        return skipped("", "the node of this command looks for no peers; start kadisc run")
    name = facts.network
    if facts.peers_online:
        if facts.peers_of_own_fork == 0:
            return warning(
                name,
                f"all of {count(facts.peers_online, 'peer')} are of another fork",
                "update the chain node, or compare --service fork= with theirs (kadisc peers)",
            )
        return ok(name, f"{count(facts.peers_online, 'peer')} of it online")
    if facts.uptime_s < PATIENCE_S:
        return skipped(name, "no peer of it yet, and the node is young")
    return warning(
        name,
        "no peer of it was found",
        "compare the name of --network with that of others, letter by letter, and join by one of "
        "its nodes: --bootstrap HOST:PORT",
    )


NETWORK = DoctorCheck(
    "network", find, after=("sockets", "route", "resolver", "bootstrap", "firewall", "joined")
)
