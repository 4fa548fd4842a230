"""The check ``joined``: whether the node has joined the DHT, and other nodes still answer."""

from __future__ import annotations

from ..observe.describe import count, family_name
from .check import DoctorCheck
from .facts import DoctorFacts, FamilyFacts
from .finding import DoctorFinding, failure, ok, warning


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    # Many machines have an IPv6 socket and no IPv6 network: a family fails only if none is joined.
    is_alone = not any(each.dht.joined and each.dht.online for each in facts.families)
    return tuple(_of_family(each, facts, is_alone=is_alone) for each in facts.families)


def _of_family(family: FamilyFacts, facts: DoctorFacts, *, is_alone: bool) -> DoctorFinding:
    name, dht = family_name(family.family), family.dht
    if dht.joined and dht.online and dht.contacts:
        return ok(name, f"joined the DHT, with {count(dht.contacts, 'contact')}")
    if facts.waits_for_contact:
        return warning(
            name,
            "the node knows no other node and waits for one to join by it",
            "to join a network, start it with --bootstrap HOST:PORT of a node of it",
        )
    if family.has_no_route and not is_alone:
        return ok(name, f"not used: this machine has no {name} route to the internet")
    bad = failure if is_alone else warning
    if not dht.online:
        return bad(
            name,
            "no other node answers any more",
            "check the network connection of this machine; the node retries by itself",
        )
    if not is_alone:
        return warning(
            name,
            "no other node answers in this address family",
            f"if this machine has no {name} connection, --bind without an {name} address stops "
            "the attempts",
        )
    return failure(
        name,
        "no bootstrap node has answered yet",
        "check the network connection and the firewall for outgoing UDP, or try another "
        "--bootstrap HOST:PORT",
    )


JOINED = DoctorCheck(
    "joined", find, after=("sockets", "route", "resolver", "bootstrap", "firewall")
)
