"""The check ``address``: whether the node knows the address that other nodes see it at."""

from __future__ import annotations

from ..core.addressing.external_address import Confidence
from ..endpoints import Endpoint, Scope, format_ip, scope_of
from ..observe.describe import count, family_name
from .check import DoctorCheck
from .facts import DoctorFacts, FamilyFacts
from .finding import DoctorFinding, ok, skipped, warning

PATIENCE_S = 300.0
"""Until then a node may not know its address: it has not asked enough others."""
LEAST_VOTERS = 4
"""So many networks contradict a configured address."""


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    return tuple(_of(each, facts) for each in facts.families_in_use)


def _of(family: FamilyFacts, facts: DoctorFacts) -> DoctorFinding:
    name, address = family_name(family.family), family.dht.address
    if not facts.tests_reach and not facts.read_only:
        return ok(name, "the node listens at loopback alone")
    if address.ip is None:
        heard = f"{address.voters} of {family.voters_needed} networks have told it"
        if facts.uptime_s < PATIENCE_S:
            return skipped(name, f"not known yet: {heard}")
        return warning(
            name,
            f"not known after {facts.uptime_s / 60:.0f} min: {heard}",
            "give it with --external IP:PORT",
        )
    ip = format_ip(address.ip)
    if address.confidence is Confidence.CONFIGURED:
        return _of_configured(name, family)
    if address.confidence is Confidence.UNSTABLE:
        return warning(
            name,
            f"other nodes see several addresses, such as {ip} ({address.agreement:.0%} of "
            f"{address.voters})",
            "give the one to keep with --external IP, and look for a second router or a VPN",
        )
    if scope_of(Endpoint(address.ip + b"\0\1")) is Scope.PRIVATE and not facts.is_private_network:
        return warning(
            name,
            f"other nodes see {ip}, a private address: a second router is in the way, or all of "
            "them are in this network",
            "give the public address with --external IP:PORT, or join by a node elsewhere",
        )
    return ok(name, f"{ip}, as {count(address.voters, 'network')} told")


def _of_configured(name: str, family: FamilyFacts) -> DoctorFinding:
    address = family.dht.address
    assert address.ip is not None
    ip = format_ip(address.ip)
    if address.agreement < 0.5 and address.voters >= LEAST_VOTERS:
        return warning(
            name,
            f"the configuration says {ip}, and only {address.agreement:.0%} of {address.voters} "
            "networks see the node there",
            "leave out --external, so that other nodes tell the address",
        )
    return ok(name, f"{ip}, as the configuration says")


ADDRESS = DoctorCheck(
    "address", find, after=("sockets", "route", "resolver", "bootstrap", "firewall", "joined")
)
