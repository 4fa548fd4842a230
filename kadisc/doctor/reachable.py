"""The check ``reachable``: whether strangers reach the node, and what keeps them out."""

from __future__ import annotations

from ..core.contract.reach_verdict import MAPPED, ReachVerdict
from ..core.reach.endpoint_test import LEAST_HELPERS
from ..core.reach.reach_snapshot import ReachSnapshot
from ..endpoints import Family, format_endpoint, format_ip, ip_of, port_of
from ..observe.describe import family_name
from ..observe.reachability import NOT_LET_IN, ago, reach_document, unknown_words
from .check import DoctorCheck
from .facts import DoctorFacts, FamilyFacts
from .finding import DoctorFinding, failure, ok, warning

_AGAIN = "run kadisc doctor again in a few minutes"


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    if facts.read_only:
        return (
            warning(
                "",
                "with --read-only the node answers no other node, so none can reach it",
                "start it without --read-only if other nodes are to find it",
            ),
        )
    if not facts.tests_reach:
        return (
            warning(
                "",
                "the node listens at loopback addresses alone, which no other machine reaches",
                "start it with --bind and the address of an interface, or without --bind",
            ),
        )
    return tuple(_of_family(each, facts) for each in facts.families_in_use)


def _of_family(family: FamilyFacts, facts: DoctorFacts) -> DoctorFinding:
    name, reach = family_name(family.family), family.reach
    if reach is None:
        return warning(name, "not tested: the node takes part in no network", _AGAIN)
    if family.untested is not None:
        return ok(name, f"not tested: {family.untested}")
    where = f" at {format_endpoint(reach.endpoint)}" if reach.endpoint is not None else ""
    match reach.verdict:
        case ReachVerdict.YES:
            by = " through the port mapping" if reach.how == MAPPED else ""
            last = f"; the last one {ago(reach.proven_s_ago)} ago" if reach.proven_s_ago else ""
            return ok(name, f"strangers reach this node{where}{by}{last}")
        case ReachVerdict.LIKELY:
            return ok(name, f"strangers probably reach this node{where}; not proven yet")
        case ReachVerdict.NO:
            why = NOT_LET_IN.get(_nat(family, reach), "nothing that strangers send arrives")
            return failure(
                name,
                f"strangers do not reach this node{where}: {why}",
                _let_in(family, reach, facts),
            )
    return _of_unknown(name, family, reach, facts)


def _of_unknown(
    name: str, family: FamilyFacts, reach: ReachSnapshot, facts: DoctorFacts
) -> DoctorFinding:
    if reach.one_way:
        return warning(
            name,
            "datagrams of strangers arrive, but the answers to them do not get back",
            "answers leave by another connection than the datagrams came by, such as a VPN: take "
            "the node's traffic out of it, or start the node with --bind and the address of the "
            "interface that is to be used",
        )
    why = (
        f"it is not known whether strangers reach this node: {unknown_words(reach_document(reach))}"
    )
    if reach.nat == "dependent":
        return warning(name, why, _let_in(family, reach, facts))
    if reach.is_testing:
        return warning(name, why, "run kadisc doctor again in a minute, when the test has ended")
    if reach.endpoint is None:
        votes = f"{family.dht.address.voters} of {family.voters_needed} votes"
        return warning(
            name,
            f"{why} ({votes})",
            "wait until more nodes have answered, or give the address with --external IP:PORT",
        )
    if reach.helpers >= LEAST_HELPERS:
        return warning(
            name,
            why,
            f"{_AGAIN}: the tests decided nothing so far, and go on; helpers that are busy or "
            "silent count for neither side",
        )
    return warning(
        name,
        why,
        "the test needs peers of the node's network as helpers: wait until it knows more of them, "
        "or say with --reachable yes or no what is the case",
    )


def _let_in(family: FamilyFacts, reach: ReachSnapshot, facts: DoctorFacts) -> str:
    """What lets strangers in."""
    port = port_of(reach.endpoint) if reach.endpoint is not None else family.port
    host = _this_machine(family)
    if family.family is Family.IPV6:
        return (
            f"allow incoming UDP to port {family.port} of {host} in the IPv6 firewall of the "
            "router, and in that of this machine"
        )
    if _nat(family, reach) == "none":
        return (
            f"allow incoming UDP to port {family.port} in the firewall of this machine and, in a "
            "cloud, in the security group or network rules of the instance"
        )
    by_hand = f"forward UDP port {port} of the router to port {family.port} of {host} by hand"
    if reach.nat == "double":
        return (
            "ask the provider for a public address, or use IPv6; if both routers are yours, "
            "forward the port on both, or put one of them into bridge mode"
        )
    mapping = facts.own_mapping(family)
    if mapping is not None and mapping.state == "mapped":
        return (
            f"the router {mapping.gateway} forwards the port, so something before it keeps "
            "strangers out: look for a second router or a firewall, or ask the provider"
        )
    if facts.port_mapping == "off":
        return f"start the node without --no-map, so that it asks the router, or {by_hand}"
    return f"turn on PCP or NAT-PMP in the router (often beside UPnP), or {by_hand}"


def _nat(family: FamilyFacts, reach: ReachSnapshot) -> str:
    """The kind of NAT. A node on all addresses does not know that one of them is what others see;
    the system does.
    """
    own = family.dht.address.ip
    if own is not None and family.link is not None and family.link.source == format_ip(own):
        return "none"
    return reach.nat


def _this_machine(family: FamilyFacts) -> str:
    """The address of this machine, as its router knows it."""
    bound = ip_of(family.socket.endpoint)
    if any(bound):
        return format_ip(bound)
    if family.link is not None and family.link.source is not None:
        return family.link.source
    if family.family is Family.IPV6 and family.dht.address.ip is not None:
        return format_ip(family.dht.address.ip)
    return "this machine"


REACHABLE = DoctorCheck(
    "reachable",
    find,
    after=("sockets", "route", "resolver", "bootstrap", "firewall", "joined"),
    by_family=True,
)
