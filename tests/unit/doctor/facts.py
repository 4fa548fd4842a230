"""Facts of a healthy node, and changes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kadisc.core.addressing.external_address import Confidence
from kadisc.core.contract.reach_verdict import ReachVerdict
from kadisc.core.reach.reach_snapshot import ReachSnapshot
from kadisc.core.snapshot import AddressSnapshot, DhtSnapshot
from kadisc.doctor.check import DoctorCheck
from kadisc.doctor.facts import DoctorFacts, FamilyFacts
from kadisc.endpoints import Family, ip_of, make_endpoint, parse_endpoint
from kadisc.net.link.interfaces import LinkState
from kadisc.net.mapping.gateway import Gateway
from kadisc.observe.mappings import MappingSnapshot
from kadisc.observe.socket_snapshot import SocketSnapshot, SocketState

BOUND = {Family.IPV4: "0.0.0.0:6881", Family.IPV6: "[::]:6881"}
OUTSIDE = {Family.IPV4: "198.51.100.7:6881", Family.IPV6: "[2001:db8::7]:6881"}


def dht(family: Family = Family.IPV4, **changes: Any) -> DhtSnapshot:
    address = AddressSnapshot(
        ip_of(parse_endpoint(OUTSIDE[family])), 6881, Confidence.VOTED, 24, 1.0
    )
    healthy = DhtSnapshot(family, 1 << 150, True, True, 120, 3, address, ())
    return replace(healthy, **changes)


def family_facts(family: Family = Family.IPV4, **changes: Any) -> FamilyFacts:
    socket = SocketSnapshot(family, parse_endpoint(BOUND[family]), SocketState.OPEN)
    return replace(FamilyFacts(dht(family), socket, reach=reach("yes", family)), **changes)


def reach(verdict: str = "yes", family: Family = Family.IPV4, **changes: Any) -> ReachSnapshot:
    known = ReachSnapshot(
        family,
        ReachVerdict(verdict),
        parse_endpoint(OUTSIDE[family]),
        "direct" if verdict in ("yes", "likely") else None,
        {"yes": "open", "no": "restricted"}.get(verdict, "unknown"),
        12.0 if verdict in ("yes", "likely") else None,
        False,
        9,
        8,
        False,
    )
    return replace(known, **changes)


def reached(verdict: str, family: Family = Family.IPV4, **changes: Any) -> FamilyFacts:
    """A family with this verdict, of a machine at 192.168.1.20 behind a router at 192.168.1.1."""
    link = LinkState(Family.IPV4, (), "192.168.1.20", Gateway("192.168.1.1"))
    return family_facts(
        family,
        reach=reach(verdict, family, **changes),
        link=link if family is Family.IPV4 else None,
    )


def mapping(state: str, protocol: str = "udp", port: int = 6881, **changes: Any) -> MappingSnapshot:
    known = MappingSnapshot(protocol, Family.IPV4, port, gateway="192.168.1.1", state=state)
    if state == "mapped":
        external = make_endpoint("198.51.100.7", port)
        known = replace(known, external=external, method="pcp", until_wall_s=1.8e9)
    return replace(known, **changes)


def node_facts(*families: FamilyFacts, **changes: Any) -> DoctorFacts:
    healthy = DoctorFacts(
        is_lasting=True,
        uptime_s=3600.0,
        read_only=False,
        tests_reach=True,
        waits_for_contact=False,
        families=families or (family_facts(),),
        state_dir="/var/lib/kadisc",
        keeps_state=True,
    )
    return replace(healthy, **changes)


def verdicts(check: DoctorCheck, facts: DoctorFacts) -> list[str]:
    return [finding.verdict.value for finding in check.find(facts)]


def only(check: DoctorCheck, facts: DoctorFacts) -> tuple[str, str]:
    """The verdict, and the whole text, of the one finding."""
    [finding] = check.find(facts)
    return finding.verdict.value, f"{finding.about}: {finding.sentence} -> {finding.remedy}"
