"""The check ``services``: whether the TCP ports of the node's services accept connections of other
hosts.
"""

from __future__ import annotations

from ..net.mapping.arguments import MIN_PORT
from ..observe.mappings import external_port
from .check import DoctorCheck
from .facts import DoctorFacts
from .finding import DoctorFinding, failure, ok, warning


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    elsewhere = tuple(_not_believed(*each) for each in facts.not_believed.items())
    return elsewhere if elsewhere and not facts.offered else (*elsewhere, *_with_port(facts))


def _not_believed(name: str, address: str) -> DoctorFinding:
    return failure(
        name,
        f"{address} is outside of the subnet of this node (IPv4 /24, IPv6 /48): no other node "
        "would believe it, so the record does not have it",
        f"give --service {name} an address in the subnet in which other nodes see this node, or a "
        "port of this machine, forwarded to that host",
    )


def _with_port(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    if not facts.offered:
        return (ok("", "the node offers no service with a port"),)
    if not facts.check_services or not facts.tests_reach or facts.read_only:
        return (ok("", "not tested: the node has no service tested by others"),)
    if facts.is_private and not facts.services:
        return (ok("", "not tested: there are no strangers to reach them"),)
    return tuple(_of_service(name, port, facts) for name, port in facts.offered.items())


def _of_service(name: str, port: int, facts: DoctorFacts) -> DoctorFinding:
    tested = next((each for each in facts.services if each.service == name), None)
    answer = tested.answer if tested is not None else None
    where = f"TCP port {tested.port if tested is not None else port}"
    if port < MIN_PORT and tested is None:
        return ok(name, f"{where} is not tested: helpers try no port below {MIN_PORT}")
    if answer == "open":
        return ok(name, f"{where} accepts connections from outside")
    if answer == "closed":
        is_mapped = any(external_port(each) for each in facts.mappings_of("tcp", port))
        map_it = "" if is_mapped else f", and start the node with --map-port tcp:{port}"
        return failure(
            name,
            f"{where} accepts no connections from outside",
            "check that the application runs and listens at the addresses of this machine, allow "
            f"incoming TCP to that port in its firewall{map_it} or forward the port by hand",
        )
    if answer == "unsure":
        return warning(
            name,
            f"{where} accepts connections of some hosts and not of others"
            f"{f' ({tested.accepted} of {tested.asked})' if tested is not None else ''}",
            "run kadisc doctor again in an hour: a few helpers may be wrong, or overloaded",
        )
    return warning(
        name,
        f"{where} has not been tested yet",
        "run kadisc doctor again in a few minutes; the test takes peers of the node's network in "
        "five other networks",
    )


SERVICES = DoctorCheck("services", find, after=("route", "bootstrap", "joined", "chain"))
