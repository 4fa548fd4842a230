"""The checks ``gateway`` and ``mapping``: whether there is a router that forwards ports on request,
and whether it forwards those of the node.
"""

from __future__ import annotations

from ..core.contract.reach_verdict import DIRECT, ReachVerdict
from ..endpoints import Endpoint, Scope, format_endpoint, format_ip, ip_of, scope_of
from ..net.mapping.arguments import MappedPort
from ..observe.describe import family_name
from ..observe.mappings import METHODS, MappingSnapshot, external_port
from .check import DoctorCheck
from .facts import DoctorFacts, FamilyFacts
from .finding import DoctorFinding, failure, ok, warning

_TURN_ON = "turn on PCP or NAT-PMP in the router (often beside UPnP), or forward the port by hand"
_TWO_ROUTERS = (
    "forward the port on the other router too, or put one of the two into bridge mode; if it is "
    "that of the provider, ask for a public address, or use IPv6"
)
NO_PUBLIC_ADDRESS = "no public address"
"""In the reasons of routers that have none."""


# --- gateway --------------------------------------------------------------------------------------


def find_gateway(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    if facts.port_mapping == "off":
        return (ok("", "not asked: port mapping is switched off"),)
    return tuple(_gateway_of(each, facts) for each in facts.families_in_use)


def _gateway_of(family: FamilyFacts, facts: DoctorFacts) -> DoctorFinding:
    name, mapping = family_name(family.family), facts.own_mapping(family)
    if mapping is None or mapping.state == "off":
        why = mapping.reason if mapping is not None and mapping.reason else "no port is mapped"
        return ok(name, f"not asked: {why}")
    gateway = mapping.gateway
    if gateway is None:
        sentence = mapping.reason or "this machine has no default route by a router"
        remedy = "name the router with --gateway IP, or switch port mapping off with --no-map"
        return _unless_reached(name, sentence, remedy, family, facts)
    if mapping.external is not None:
        return _granted(name, mapping, mapping.external, family)
    if mapping.state == "asking":
        sentence = f"the router {gateway} has not answered yet"
        return _unless_reached(name, sentence, "run kadisc doctor again", family, facts)
    sentence = f"the router {gateway} forwards no port"
    reason = f": {mapping.reason}" if mapping.reason else ""
    remedy = _TWO_ROUTERS if NO_PUBLIC_ADDRESS in reason else _TURN_ON
    return _unless_reached(name, sentence + reason, remedy, family, facts)


def _granted(
    name: str, mapping: MappingSnapshot, external: Endpoint, family: FamilyFacts
) -> DoctorFinding:
    by = METHODS.get(mapping.method or "", mapping.method or "")
    voted = family.dht.address.ip
    if not any(ip_of(external)):
        return ok(name, f"the router {mapping.gateway} forwards ports by {by}")
    if scope_of(external) is Scope.PRIVATE:
        return warning(
            name,
            f"the router {mapping.gateway} has the address {format_ip(ip_of(external))}, which is "
            "not public: another router is before it (double NAT)",
            _TWO_ROUTERS,
        )
    if voted is not None and voted != ip_of(external):
        return warning(
            name,
            f"the router {mapping.gateway} says that its address is {format_ip(ip_of(external))}, "
            f"but other nodes see this one at {format_ip(voted)}",
            "if this machine has two ways to the internet, or a VPN, start the node with --bind "
            "and the address of the interface that is to be used",
        )
    return ok(name, f"the router {mapping.gateway} forwards ports by {by}")


def _unless_reached(
    name: str, sentence: str, remedy: str, family: FamilyFacts, facts: DoctorFacts
) -> DoctorFinding:
    """A warning; but a node that is reached without a mapping, and wants no other, needs none."""
    if is_reached_directly(family) and not facts.map_ports:
        return ok(name, f"{sentence}; none is needed, as strangers reach this node")
    if family.untested is not None and not facts.map_ports:
        return ok(name, f"{sentence}; none is needed, as there are no strangers")
    return warning(name, sentence, remedy)


def is_reached_directly(family: FamilyFacts) -> bool:
    """Whether strangers reach the endpoint that other nodes see."""
    reach = family.reach
    return reach is not None and reach.verdict is ReachVerdict.YES and reach.how == DIRECT


# --- mapping --------------------------------------------------------------------------------------


def find_mapping(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    own = (
        ()
        if facts.port_mapping == "off"
        else tuple(_own_of(each, facts) for each in facts.families_in_use)
    )
    found = (*own, *(_of_port(each, facts) for each in facts.map_ports))
    return found or (ok("", "not asked: port mapping is switched off"),)


def _own_of(family: FamilyFacts, facts: DoctorFacts) -> DoctorFinding:
    about = f"{family_name(family.family)} udp {family.port}"
    mapping = facts.own_mapping(family)
    if mapping is not None and mapping.external is not None:
        return ok(about, _words(mapping, mapping.external))
    if mapping is None or mapping.state == "off":
        reason = f": {mapping.reason}" if mapping is not None and mapping.reason else ""
        return ok(about, f"not mapped{reason}")
    return _unless_reached(
        about, "not mapped by the router", "see the check gateway", family, facts
    )


def _of_port(port: MappedPort, facts: DoctorFacts) -> DoctorFinding:
    about = f"{port.protocol} {port.internal}"
    mappings = list(facts.mappings_of(port.protocol, port.internal))
    for mapping in mappings:
        if mapping.external is None:
            continue
        if external_port(mapping) != port.external and port.external != port.internal:
            return warning(
                about,
                f"{_words(mapping, mapping.external)}, and not to port {port.external}, which "
                "--map-port asks for",
                "another host or service has that port on the router; free it there, or ask for "
                "another one",
            )
        return ok(about, _words(mapping, mapping.external))
    if facts.port_mapping == "off":
        return failure(
            about, "not mapped: port mapping is switched off", "start the node without --no-map"
        )
    if mappings and all(each.state == "off" for each in mappings):
        # Such as a machine with a public address: no router is in the way of that port.
        return ok(about, f"not mapped: {mappings[0].reason or 'no router is asked'}")
    reason = next((f": {each.reason}" for each in mappings if each.reason), "")
    return failure(about, f"no router maps it{reason}", _TURN_ON)


def _words(mapping: MappingSnapshot, external: Endpoint) -> str:
    by = METHODS.get(mapping.method or "", mapping.method or "")
    where = format_endpoint(external) if any(ip_of(external)) else f"port {external_port(mapping)}"
    return f"mapped to {where} by {by} on {mapping.gateway}"


GATEWAY = DoctorCheck("gateway", find_gateway, after=("sockets", "route"))
MAPPING = DoctorCheck("mapping", find_mapping, after=("sockets", "route", "gateway"))
