"""The checks of what lies before the node: reachable, gateway, mapping, services."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kadisc.core.reach.reach_snapshot import ServiceReach
from kadisc.doctor.facts import DoctorFacts, FamilyFacts
from kadisc.doctor.gather import under_way
from kadisc.doctor.mapping import GATEWAY, MAPPING
from kadisc.doctor.reachable import REACHABLE
from kadisc.doctor.services import SERVICES
from kadisc.endpoints import Endpoint, Family, make_endpoint, parse_endpoint
from kadisc.net.link.interfaces import LinkState
from kadisc.net.mapping import natpmp, pcp
from kadisc.net.mapping.arguments import MappedPort
from kadisc.net.mapping.results import DOUBLE_NAT_REASON
from kadisc.observe.socket_snapshot import SocketSnapshot, SocketState

from .facts import dht, family_facts, mapping, node_facts, only, reach, reached, verdicts

REFUSED = mapping("paused", reason="it answers neither PCP nor NAT-PMP")
TCP = MappedPort("tcp", 30303, 30303)
UNTESTED = replace(reached("unknown", endpoint=None), untested="10.0.0.3 is private")


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (node_facts(reached("yes")), "ok", "reach this node at 198.51.100.7:6881; the last one 12"),
        (node_facts(reached("yes", how="mapped")), "ok", ":6881 through the port mapping; the"),
        (node_facts(reached("likely")), "ok", "probably reach this node"),
        (
            node_facts(reached("no"), mappings=(REFUSED,)),
            "failure",
            "forward UDP port 6881 of the router to port 6881 of 192.168.1.20 by hand",
        ),
        (node_facts(reached("no"), port_mapping="off"), "failure", "without --no-map"),
        (node_facts(reached("no"), mappings=(mapping("mapped"),)), "failure", "a second router"),
        (node_facts(reached("no", nat="none")), "failure", "security group"),
        (node_facts(reached("no", nat="double")), "failure", "ask the provider"),
        (
            node_facts(reached("no", Family.IPV6, nat="none")),
            "failure",
            "of 2001:db8::7 in the IPv6",
        ),
        (node_facts(reached("unknown", is_testing=True)), "warning", "when the test has ended"),
        (node_facts(reached("unknown", helpers=1)), "warning", "--reachable yes or no"),
        (node_facts(reached("unknown", helpers=3)), "warning", "decided nothing so far"),
        (node_facts(reached("unknown", one_way=True)), "warning", "such as a VPN"),
        (
            node_facts(reached("unknown", nat="dependent", endpoint=None)),
            "warning",
            "another port towards each host (symmetric NAT)",
        ),
        (node_facts(reached("unknown", endpoint=None)), "warning", "(24 of 12 votes)"),
        (node_facts(family_facts(reach=None)), "warning", "takes part in no network"),
        (node_facts(UNTESTED), "ok", "not tested: 10.0.0.3 is"),
        (node_facts(read_only=True, tests_reach=False), "warning", "--read-only"),
        (node_facts(tests_reach=False), "warning", "loopback"),
    ],
)
def test_reachable(facts: DoctorFacts, verdict: str, words: str) -> None:
    found, text = only(REACHABLE, facts)
    assert found == verdict
    assert words in text


def test_the_remedy_names_the_address_that_the_node_is_bound_to() -> None:
    bound = SocketSnapshot(Family.IPV4, parse_endpoint("10.1.2.3:7001"), SocketState.OPEN)
    _, text = only(REACHABLE, node_facts(replace(reached("no"), socket=bound)))
    assert "forward UDP port 6881 of the router to port 7001 of 10.1.2.3 by hand" in text


def test_a_machine_with_the_address_that_others_see_has_a_firewall_and_no_router() -> None:
    link = LinkState(Family.IPV4, (), "198.51.100.7", None)
    verdict, text = only(REACHABLE, node_facts(replace(reached("no"), link=link)))
    assert verdict == "failure"
    assert "a firewall lets in only" in text
    assert "security group" in text


def test_a_family_without_any_answer_is_left_to_another_check() -> None:
    silent = family_facts(
        Family.IPV6, dht=dht(Family.IPV6, joined=False, contacts=0), reach=reach("unknown")
    )
    assert verdicts(REACHABLE, node_facts(reached("yes"), silent)) == ["ok"]
    assert verdicts(REACHABLE, node_facts(silent)) == ["warning"]


PRIVATE = make_endpoint("10.9.8.7", 6881)
OTHER = make_endpoint("203.0.113.9", 6881)
NO_ADDRESS = Endpoint(bytes(4) + (6881).to_bytes(2, "big"))
CLOSED = reached("no")


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (node_facts(CLOSED, port_mapping="off"), "ok", "switched off"),
        (node_facts(CLOSED, mappings=(mapping("mapped"),)), "ok", "192.168.1.1 forwards ports by"),
        (node_facts(CLOSED, mappings=(mapping("mapped", external=NO_ADDRESS),)), "ok", "by PCP"),
        (node_facts(CLOSED, mappings=(mapping("off", reason="x is public"),)), "ok", "x is public"),
        (
            node_facts(CLOSED, mappings=(mapping("paused", gateway=None),)),
            "warning",
            "--gateway IP",
        ),
        (node_facts(CLOSED, mappings=(REFUSED,)), "warning", "answers neither PCP nor NAT-PMP"),
        (node_facts(CLOSED, mappings=(mapping("asking"),)), "warning", "has not answered yet"),
        (
            node_facts(CLOSED, mappings=(mapping("mapped", external=PRIVATE),)),
            "warning",
            "has the address 10.9.8.7, which is not public: another router is before it",
        ),
        (
            node_facts(CLOSED, mappings=(mapping("mapped", external=OTHER),)),
            "warning",
            "says that its address is 203.0.113.9, but other nodes see this one at 198.51.100.7",
        ),
        (node_facts(reached("yes"), mappings=(REFUSED,)), "ok", "none is needed"),
        (node_facts(reached("yes"), mappings=(REFUSED,), map_ports=(TCP,)), "warning", "turn on"),
    ],
)
def test_gateway(facts: DoctorFacts, verdict: str, words: str) -> None:
    found, text = only(GATEWAY, facts)
    assert found == verdict
    assert words in text


@pytest.mark.parametrize("reason", [pcp.RESULTS[8][1], natpmp.RESULTS[3][1], DOUBLE_NAT_REASON])
def test_a_router_without_a_public_address_is_not_to_blame(reason: str) -> None:
    refused = mapping("paused", reason=reason)
    verdict, text = only(GATEWAY, node_facts(CLOSED, mappings=(refused,)))
    assert verdict == "warning"
    assert "forward the port on the other router too" in text


TCP_MAPPED = mapping("mapped", "tcp", 30303)


@pytest.mark.parametrize(
    ("family", "changes", "found", "words"),
    [
        (CLOSED, {"mappings": (mapping("mapped"),)}, ["ok"], "mapped to 198.51.100.7:6881 by PCP"),
        (CLOSED, {"mappings": (REFUSED,)}, ["warning"], "not mapped by the router"),
        (reached("yes"), {"mappings": (REFUSED,)}, ["ok"], "none is needed"),
        (CLOSED, {"port_mapping": "off"}, ["ok"], "switched off"),
        (CLOSED, {"mappings": (mapping("off"),)}, ["ok"], "not mapped"),
        (
            CLOSED,
            {"mappings": (mapping("mapped"), TCP_MAPPED), "map_ports": (TCP,)},
            ["ok", "ok"],
            "tcp 30303: mapped to 198.51.100.7:30303 by PCP on 192.168.1.1",
        ),
        (
            CLOSED,
            {
                "mappings": (REFUSED, mapping("paused", "tcp", 30303, reason="it is refused")),
                "map_ports": (TCP,),
            },
            ["warning", "failure"],
            "tcp 30303: no router maps it: it is refused",
        ),
        (CLOSED, {"map_ports": (TCP,)}, ["ok", "failure"], "no router maps it"),
        (
            CLOSED,
            {
                "map_ports": (TCP,),
                "mappings": (
                    mapping("off", reason="no router translates"),
                    mapping("off", "tcp", 30303, reason="no router translates"),
                ),
            },
            ["ok", "ok"],
            "tcp 30303: not mapped: no router translates",
        ),
        (CLOSED, {"port_mapping": "off", "map_ports": (TCP,)}, ["failure"], "--no-map"),
        (
            CLOSED,
            {"mappings": (TCP_MAPPED,), "map_ports": (MappedPort("tcp", 30303, 40303),)},
            ["ok", "warning"],
            "and not to port 40303, which --map-port asks for",
        ),
    ],
)
def test_mapping(
    family: FamilyFacts, changes: dict[str, Any], found: list[str], words: str
) -> None:
    facts = node_facts(family, **changes)
    assert verdicts(MAPPING, facts) == found
    assert words in "\n".join(
        f"{each.about}: {each.sentence} -> {each.remedy}" for each in MAPPING.find(facts)
    )


ETH = {"offered": {"eth": 30303}}


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, "ok", "no service"),
        ({**ETH, "services": (ServiceReach("eth", 30303, "open"),)}, "ok", "accepts connections"),
        ({**ETH, "services": (ServiceReach("eth", 30303, "unsure"),)}, "warning", "of some hosts"),
        (
            {**ETH, "services": (ServiceReach("eth", 30303, "closed"),)},
            "failure",
            "--map-port tcp:",
        ),
        (
            {
                **ETH,
                "services": (ServiceReach("eth", 30303, "closed"),),
                "mappings": (TCP_MAPPED,),
            },
            "failure",
            "in its firewall or forward",
        ),
        (ETH, "warning", "not been tested yet"),
        ({"offered": {"web": 443}}, "ok", "helpers try no port below 1024"),
        ({**ETH, "check_services": False}, "ok", "not tested"),
    ],
)
def test_services(changes: dict[str, Any], verdict: str, words: str) -> None:
    found, text = only(SERVICES, node_facts(reached("yes"), **changes))
    assert found == verdict
    assert words in text


def test_a_service_at_another_host_that_no_node_believes_fails() -> None:
    planted = {"p2p": "45.99.0.9:9333"}
    assert verdicts(SERVICES, node_facts(reached("yes"), not_believed=planted)) == ["failure"]
    both = node_facts(reached("yes"), not_believed=planted, offered={"eth": 30303})
    assert verdicts(SERVICES, both) == ["failure", "warning"]
    assert verdicts(SERVICES, node_facts(reached("yes"))) == ["ok"]


def test_what_is_waited_for() -> None:
    joining = family_facts(dht=dht(joined=False, contacts=0))
    unknown = reached("unknown")
    young = {"uptime_s": 3.0}
    assert under_way(node_facts(joining, **young)) == ("the node to join",)
    assert under_way(node_facts(joining)) == ()
    assert under_way(node_facts(unknown, **young)) == ("the test of IPv4",)
    assert under_way(node_facts(unknown)) == ()
    assert under_way(node_facts(reached("unknown", is_testing=True))) == ("the test of IPv4",)
    assert under_way(node_facts(mappings=(mapping("asking"),))) == (
        "the router to map udp port 6881",
    )
    assert under_way(node_facts(**young, offered={"eth": 30303})) == ("the test of eth",)
    assert under_way(replace(node_facts(**young), offered={"eth": 1}, check_services=False)) == ()


def test_in_a_private_network_nothing_is_missing() -> None:
    facts = node_facts(UNTESTED, mappings=(mapping("paused"),), offered={"p2p": 9333})
    for check in (REACHABLE, GATEWAY, MAPPING, SERVICES):
        assert verdicts(check, facts) == ["ok"], check.name
    assert "there are no strangers" in only(SERVICES, facts)[1]


def test_a_port_that_the_operator_wants_mapped_is_missed_there_too() -> None:
    facts = node_facts(UNTESTED, mappings=(mapping("paused"),), map_ports=(TCP,))
    assert "warning" in verdicts(MAPPING, facts)
