"""Facts of a healthy node, and changes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kadisc.core.addressing.external_address import Confidence
from kadisc.core.snapshot import AddressSnapshot, DhtSnapshot
from kadisc.doctor.facts import DoctorFacts, FamilyFacts
from kadisc.doctor.finding import CheckVerdict, DoctorCheck
from kadisc.endpoints import Family, ip_of, parse_endpoint
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
    return replace(FamilyFacts(dht(family), socket), **changes)


def node_facts(*families: FamilyFacts, **changes: Any) -> DoctorFacts:
    healthy = DoctorFacts(
        is_lasting=True,
        uptime_s=3600.0,
        read_only=False,
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


ALL = [verdict.value for verdict in CheckVerdict]
