"""The words for whether strangers reach the node, and for its port mappings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.core.contract.reach_verdict import NAT_KINDS, ReachVerdict
from kadisc.core.reach.reach_snapshot import ReachSnapshot
from kadisc.endpoints import Family, ip_of, make_endpoint, parse_endpoint
from kadisc.observe.mappings import MappingSnapshot
from kadisc.observe.reachability import (
    ago,
    node_mapping_words,
    port_words,
    reach_document,
    reach_words,
    untested_words,
)

REACHED = ReachSnapshot(
    Family.IPV4,
    ReachVerdict.YES,
    parse_endpoint("198.51.100.7:51413"),
    "direct",
    "open",
    12.3,
    False,
    9,
    8,
    False,
)
UNKNOWN = replace(
    REACHED, verdict=ReachVerdict.UNKNOWN, how=None, nat="unknown", proven_s_ago=None, helpers=3
)
NO = replace(REACHED, verdict=ReachVerdict.NO, how=None, nat="restricted", proven_s_ago=None)


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        (REACHED, "yes, at 198.51.100.7:51413: a stranger got in 12 s ago"),
        (
            replace(REACHED, is_testing=True),
            "yes, at 198.51.100.7:51413: a stranger got in 12 s ago; testing again",
        ),
        (
            replace(REACHED, verdict=ReachVerdict.LIKELY),
            "likely, at 198.51.100.7:51413: a stranger got in 12 s ago; not proven yet",
        ),
        (NO, "no: a router or firewall lets in only hosts that this node has contacted"),
        (replace(NO, nat="none"), "no: a firewall lets in only hosts that this node has contacted"),
        (replace(NO, nat="unknown"), "no: no stranger gets in"),
        (
            UNKNOWN,
            "unknown: helpers in 3 networks, 8 needed for a no; no stranger got in so far",
        ),
        (
            replace(UNKNOWN, proven_s_ago=1500.0),
            "unknown: helpers in 3 networks, 8 needed for a no; no stranger got in for 25 min",
        ),
        (
            replace(UNKNOWN, is_testing=True),
            "unknown: testing; helpers in 3 networks, 8 needed for",
        ),
        (
            replace(UNKNOWN, endpoint=None),
            "unknown: the external address and port are not known yet",
        ),
        (
            replace(UNKNOWN, nat="dependent", endpoint=None),
            "unknown: the router uses another port towards each host (symmetric NAT), so there is",
        ),
        (
            replace(UNKNOWN, one_way=True),
            "unknown: helpers in 3 networks, 8 needed for a no; no stranger got in so far; "
            "datagrams of strangers arrive, but answers to them do not get back",
        ),
    ],
)
def test_the_verdict_in_words(reach: ReachSnapshot, words: str) -> None:
    assert reach_words(reach_document(reach)).startswith(words)


@pytest.mark.parametrize("verdict", ReachVerdict)
@pytest.mark.parametrize("nat", NAT_KINDS)
def test_every_verdict_and_nat_kind_has_words_and_a_document(
    verdict: ReachVerdict, nat: str
) -> None:
    document = reach_document(replace(REACHED, verdict=verdict, nat=nat))
    assert (document.verdict, document.nat) == (verdict.value, nat)
    assert reach_words(document).startswith(verdict.value)


MAPPED = MappingSnapshot(
    "udp",
    Family.IPV4,
    6881,
    parse_endpoint("198.51.100.7:51413"),
    "pcp",
    "192.168.1.1",
    None,
    "mapped",
)


@pytest.mark.parametrize(
    ("mapping", "of_the_node", "of_a_port"),
    [
        (
            MAPPED,
            "port 51413 mapped by PCP on 192.168.1.1",
            "udp 6881 -> 51413 by PCP on 192.168.1.1",
        ),
        (
            replace(MAPPED, reason="odd"),
            "port 51413 mapped by PCP on 192.168.1.1 (odd)",
            "udp 6881 -> 51413 by PCP on 192.168.1.1 (odd)",
        ),
        (
            MappingSnapshot("tcp", Family.IPV4, 30303, gateway="192.168.1.1", state="asking"),
            "asking 192.168.1.1 for a port mapping",
            "tcp 30303: asking the router to map it",
        ),
        (
            MappingSnapshot(
                "tcp", Family.IPV4, 30303, gateway="192.168.1.1", state="paused", reason="refused"
            ),
            "no port mapping by 192.168.1.1: refused",
            "tcp 30303: not mapped: refused",
        ),
        (
            MappingSnapshot("tcp", Family.IPV4, 30303),
            "",
            "tcp 30303: not mapped: port mapping is off",
        ),
    ],
)
def test_mappings_in_words(mapping: MappingSnapshot, of_the_node: str, of_a_port: str) -> None:
    assert node_mapping_words(mapping) == of_the_node
    assert port_words(mapping) == of_a_port


def test_the_end_of_a_grant_is_told_in_the_time_of_this_machine() -> None:
    text = node_mapping_words(replace(MAPPED, until_wall_s=1_800_000_000.0))
    assert text.startswith("port 51413 mapped by PCP on 192.168.1.1 until ")
    assert text[-3] == ":"


def test_ages() -> None:
    assert [ago(each) for each in (0.0, 59.0, 60.0, 7199.0, 7200.0, 90_000.0, -1.0)] == [
        *("0 s", "59 s", "1 min", "1 h", "2 h", "1 d", "0 s"),
    ]


@pytest.mark.parametrize(
    ("host", "lan_only", "words"),
    [
        ("10.0.0.3", False, "10.0.0.3 is a private address"),
        ("fd00::3", False, "fd00::3 is a private address"),
        ("45.10.0.1", False, None),
        ("45.10.0.1", True, None),
        (None, False, None),
        (None, True, "with --lan-only"),
    ],
)
def test_where_nobody_tests(host: str | None, lan_only: bool, words: str | None) -> None:
    ip = ip_of(make_endpoint(host, 1)) if host is not None else None
    found = untested_words(ip, lan_only=lan_only)
    assert found is None if words is None else (found or "").startswith(words)
