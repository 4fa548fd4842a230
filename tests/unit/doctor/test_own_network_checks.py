"""The checks of what the node has found: address, table, network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kadisc.core.addressing.external_address import Confidence
from kadisc.doctor.address import ADDRESS
from kadisc.doctor.facts import DoctorFacts, FamilyFacts
from kadisc.doctor.network import NETWORK
from kadisc.doctor.table import TABLE
from kadisc.endpoints import ip_of, parse_endpoint

from .facts import dht, family_facts, node_facts, only, verdicts

UNKNOWN: dict[str, Any] = {"ip": None, "port": None, "confidence": Confidence.UNKNOWN, "voters": 3}
HOME = ip_of(parse_endpoint("192.168.1.20:1"))


def addressed(**changes: Any) -> FamilyFacts:
    usual = dht()
    return family_facts(dht=replace(usual, address=replace(usual.address, **changes)))


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (node_facts(), "ok", "198.51.100.7, as 24 networks told"),
        (node_facts(tests_reach=False), "ok", "loopback"),
        (node_facts(tests_reach=False, read_only=True), "ok", "as 24 networks told"),
        (node_facts(addressed(**UNKNOWN), uptime_s=299.9), "skipped", "3 of 12 networks"),
        (node_facts(addressed(**UNKNOWN), uptime_s=300.0), "warning", "-> give it with --external"),
        (node_facts(addressed(confidence=Confidence.UNSTABLE)), "warning", "several addresses"),
        (node_facts(addressed(ip=HOME)), "warning", "a private address"),
        (node_facts(addressed(ip=HOME), is_private_network=True), "ok", "192.168.1.20"),
        (node_facts(addressed(confidence=Confidence.CONFIGURED)), "ok", "configuration says"),
        (
            node_facts(addressed(confidence=Confidence.CONFIGURED, agreement=0.49, voters=4)),
            "warning",
            "only 49% of 4 networks see the node there -> leave out --external",
        ),
        (
            node_facts(addressed(confidence=Confidence.CONFIGURED, agreement=0.5, voters=4)),
            "ok",
            "configuration says",
        ),
        (
            node_facts(addressed(confidence=Confidence.CONFIGURED, agreement=0.0, voters=3)),
            "ok",
            "configuration says",
        ),
    ],
)
def test_address(facts: DoctorFacts, verdict: str, words: str) -> None:
    found, text = only(ADDRESS, facts)
    assert found == verdict
    assert words in text


def filled(contacts: int, largest: int = 1, doubtful: int = 0) -> FamilyFacts:
    return family_facts(
        dht=dht(contacts=contacts), largest_network=("45.1.0.0/16", largest), doubtful=doubtful
    )


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (node_facts(filled(20)), "ok", "20 contacts, 0 of them doubtful"),
        (node_facts(filled(19)), "warning", "only 19 contacts after 60 min"),
        (node_facts(filled(19), uptime_s=599.9), "skipped", "judged after 10 min"),
        (node_facts(filled(19), uptime_s=600.0), "warning", "only 19"),
        (node_facts(filled(3), is_private_network=True), "ok", "of its own"),
        (node_facts(filled(100, largest=30)), "ok", "100 contacts"),
        (node_facts(filled(100, largest=31)), "warning", "31 of 100 contacts are in 45.1.0.0/16"),
        (node_facts(filled(100, doubtful=30)), "ok", "30 of them doubtful"),
        (node_facts(filled(100, doubtful=31)), "warning", "31 of 100 contacts did not answer"),
    ],
)
def test_table(facts: DoctorFacts, verdict: str, words: str) -> None:
    found, text = only(TABLE, facts)
    assert found == verdict
    assert words in text


def test_a_table_can_be_wrong_in_two_ways() -> None:
    assert verdicts(TABLE, node_facts(filled(10, doubtful=9))) == ["warning", "warning"]


def of_network(**changes: Any) -> DoctorFacts:
    return node_facts(**({"network": "mychain"} | changes))


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (node_facts(), "ok", "no network is named"),
        (of_network(is_lasting=False), "skipped", "looks for no peers"),
        (of_network(peers_online=3), "ok", "3 peers of it online"),
        (of_network(peers_online=3, peers_of_own_fork=1), "ok", "3 peers"),
        (of_network(peers_online=3, peers_of_own_fork=0), "warning", "another fork"),
        (of_network(uptime_s=59.9), "skipped", "young"),
        (of_network(uptime_s=60.0), "warning", "letter by letter"),
    ],
)
def test_network(facts: DoctorFacts, verdict: str, words: str) -> None:
    found, text = only(NETWORK, facts)
    assert found == verdict
    assert words in text
