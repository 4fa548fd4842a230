"""The check ``table``: whether the routing table is full enough, spread, and alive."""

from __future__ import annotations

from collections.abc import Iterator

from ..observe.describe import count, family_name
from .check import DoctorCheck
from .facts import DoctorFacts, FamilyFacts
from .finding import DoctorFinding, ok, skipped, warning

PATIENCE_S = 600.0
LEAST_CONTACTS = 20
MOST_OF_ONE = 0.3
MOST_DOUBTFUL = 0.3


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    found = [each for family in facts.families_in_use for each in _of(family, facts)]
    return tuple(found)


def _of(family: FamilyFacts, facts: DoctorFacts) -> Iterator[DoctorFinding]:
    name, contacts = family_name(family.family), family.dht.contacts
    if facts.uptime_s < PATIENCE_S:
        yield skipped(name, f"{count(contacts, 'contact')}; it is judged after 10 min")
        return
    if facts.is_private_network:
        # It may have no more nodes, and all of them in one network.
        yield ok(name, f"{count(contacts, 'contact')}, of a network of its own")
        return
    is_sound = True
    if contacts < LEAST_CONTACTS:
        is_sound = False
        yield warning(
            name,
            f"only {count(contacts, 'contact')} after {facts.uptime_s / 60:.0f} min",
            "join by more nodes: --bootstrap HOST:PORT; see the check bootstrap",
        )
    elif family.largest_network is not None:
        prefix, largest = family.largest_network
        if largest > MOST_OF_ONE * contacts:
            is_sound = False
            yield warning(
                name,
                f"{largest} of {contacts} contacts are in {prefix}: whoever runs them sees and "
                "decides much of what this node finds",
                "run without --no-caps, and join by nodes of other networks",
            )
    doubtful = family.doubtful
    if contacts and doubtful > MOST_DOUBTFUL * contacts:
        is_sound = False
        yield warning(
            name,
            f"{doubtful} of {contacts} contacts did not answer last time",
            "look for loss on this machine's line, and for a router that forgets UDP too soon "
            "(checks conntrack and mtu)",
        )
    if is_sound:
        yield ok(name, f"{count(contacts, 'contact')}, {doubtful} of them doubtful")


TABLE = DoctorCheck(
    "table", find, after=("sockets", "route", "resolver", "bootstrap", "firewall", "joined")
)
