"""The checks of the node itself: joined, sockets, state."""

from __future__ import annotations

import pytest

from kadisc.doctor.checks import CHECKS, examine
from kadisc.doctor.facts import DoctorFacts
from kadisc.doctor.finding import CheckVerdict, DoctorFinding, worst_of
from kadisc.doctor.joined import JOINED
from kadisc.doctor.lan import LAN
from kadisc.doctor.sockets import SOCKETS
from kadisc.doctor.state import STATE
from kadisc.endpoints import Family, parse_endpoint
from kadisc.net.link.interfaces import LinkState
from kadisc.observe.lan import LanInterfaceSnapshot, LanSnapshot
from kadisc.observe.socket_snapshot import SocketSnapshot, SocketState

from .facts import dht, family_facts, node_facts, only, verdicts

JOINING = family_facts(dht=dht(joined=False, contacts=0))
OFFLINE = family_facts(dht=dht(online=False))
NO_IPV6 = family_facts(Family.IPV6, dht=dht(Family.IPV6, joined=False, contacts=0))


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (node_facts(), "ok", "IPv4: joined the DHT, with 120 contacts"),
        (node_facts(JOINING), "failure", "--bootstrap"),
        (node_facts(OFFLINE), "failure", "no other node answers any more"),
        (node_facts(JOINING, waits_for_contact=True), "warning", "waits for one to join by it"),
    ],
)
def test_joined(facts: DoctorFacts, verdict: str, words: str) -> None:
    found, text = only(JOINED, facts)
    assert found == verdict
    assert words in text


def test_a_family_that_this_machine_has_no_network_for_does_not_fail() -> None:
    assert verdicts(JOINED, node_facts(family_facts(), NO_IPV6)) == ["ok", "warning"]
    assert verdicts(JOINED, node_facts(JOINING, NO_IPV6)) == ["failure", "failure"]


def test_a_family_without_a_route_is_not_complained_of() -> None:
    link = LinkState(Family.IPV6, (), None, None)
    unrouted = family_facts(Family.IPV6, dht=dht(Family.IPV6, joined=False, contacts=0), link=link)
    assert verdicts(JOINED, node_facts(family_facts(), unrouted)) == ["ok", "ok"]
    assert verdicts(JOINED, node_facts(unrouted)) == ["failure"]


def test_sockets() -> None:
    assert only(SOCKETS, node_facts()) == ("ok", "IPv4: listens at 0.0.0.0:6881 -> ")
    gone = SocketSnapshot(
        Family.IPV4, parse_endpoint("10.1.2.3:6881"), SocketState.LOST, "the address is gone"
    )
    verdict, text = only(SOCKETS, node_facts(family_facts(socket=gone)))
    assert verdict == "failure"
    assert "cannot listen at 10.1.2.3:6881: the address is gone" in text
    assert "--bind" in text


def test_sockets_at_the_addresses_of_a_host() -> None:
    def at(host: str, state: SocketState) -> SocketSnapshot:
        return SocketSnapshot(Family.IPV4, parse_endpoint(f"{host}:6881"), state, "why")

    both = (at("45.1.1.1", SocketState.OPEN), at("45.1.1.2", SocketState.OPEN))
    verdict, text = only(SOCKETS, node_facts(family_facts(local_sockets=both)))
    assert verdict == "ok" and "answers from each of 2 addresses" in text
    without = (at("45.1.1.3", SocketState.TAKEN), at("45.1.1.4", SocketState.COMMON))
    facts = node_facts(family_facts(local_sockets=both + without))
    assert verdicts(SOCKETS, facts) == ["ok", "warning", "warning"]
    texts = [finding.sentence + finding.remedy for finding in SOCKETS.find(facts)]
    assert "45.1.1.3:6881" in texts[1] and "max_local_sockets" in texts[2]


@pytest.mark.parametrize(
    ("lan", "verdict", "words"),
    [
        (LanSnapshot(), "ok", "beacons are switched off"),
        (LanSnapshot("on"), "ok", "no node was looked for"),
        (
            LanSnapshot("on", interfaces=(LanInterfaceSnapshot("eth0", 2, 1),)),
            "ok",
            "eth0: 2 of our network, 1 other",
        ),
        (LanSnapshot("failing", reason="no interface"), "warning", "--no-lan"),
    ],
)
def test_lan(lan: LanSnapshot, verdict: str, words: str) -> None:
    found, text = only(LAN, node_facts(lan=lan))
    assert found == verdict
    assert words in text


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (node_facts(), "ok", "saved in /var/lib/kadisc"),
        (node_facts(state_dir=None, keeps_state=False), "warning", "--state-dir"),
        (node_facts(keeps_state=False), "warning", "cannot be written"),
        (node_facts(cannot_save=True), "warning", "failed"),
    ],
)
def test_state(facts: DoctorFacts, verdict: str, words: str) -> None:
    found, text = only(STATE, facts)
    assert found == verdict
    assert words in text


def test_a_finding_has_a_remedy_exactly_if_something_is_wrong() -> None:
    for verdict in CheckVerdict:
        is_wrong = verdict in (CheckVerdict.WARNING, CheckVerdict.FAILURE)
        with pytest.raises(ValueError, match="remedy"):
            DoctorFinding(verdict, "", "x", "" if is_wrong else "y")


def test_the_node_of_the_command_has_no_state_to_save() -> None:
    assert STATE.find is not None
    assert STATE.find(node_facts(is_lasting=False, state_dir=None, keeps_state=False)) == ()


def test_the_worst_verdict_counts() -> None:
    assert worst_of(()) is CheckVerdict.OK
    assert worst_of((CheckVerdict.OK, CheckVerdict.FAILURE, CheckVerdict.WARNING)) is (
        CheckVerdict.FAILURE
    )


def test_every_check_finds_something_in_any_facts() -> None:
    for facts in (node_facts(), node_facts(JOINING, NO_IPV6), node_facts(read_only=True)):
        results = examine(facts)
        assert [result.name for result in results] == [
            check.name for check in CHECKS if check.find is not None
        ]
        assert all(result.findings for result in results)
        assert results == examine(facts)
