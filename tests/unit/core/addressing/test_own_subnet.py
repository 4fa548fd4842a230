"""Limits by subnet are wider in the /24 of the node's own decided address, and nowhere else: nodes
there take only what is empty, and a foreign /24 gains nothing by the rule.
"""

from __future__ import annotations

import random

import pytest

from kadisc.config import CoreConfig, MaintenanceConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.addressing.own_subnet import ExtraPlaces, OwnSubnet, no_extra_places
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.assembly import diversity_for
from kadisc.core.limits.budget import CellHash
from kadisc.core.peers.candidates import Candidate, GossipCandidates
from kadisc.core.table.candidates import Candidates, InFlight
from kadisc.core.table.naming_shares import OWN, NamingShares
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Endpoint, Family, ip_of, make_endpoint
from kadisc.ids import random_id
from tests.support.contacts import address6
from tests.support.world import CONFIG, address

SCOPES = AddressPolicy(False)
PLACES = CONFIG.table.own_subnet_places
OWN_AT = {Family.IPV4: make_endpoint("80.80.80.80", 1), Family.IPV6: address6(4000)}


def neighbour(family: Family, number: int) -> Endpoint:
    """In the subnet of this node."""
    if family is Family.IPV4:
        return make_endpoint(f"80.80.80.{number % 250 + 1}", 2 + number)
    own = OWN_AT[family]
    return Endpoint(own[:6] + (number + 1).to_bytes(2, "big") + own[8:])


def foreigner(family: Family, number: int) -> Endpoint:
    """In one other subnet."""
    if family is Family.IPV4:
        return make_endpoint(f"90.90.90.{number % 250 + 1}", 2 + number)
    other = address6(5000)
    return Endpoint(other[:6] + (number + 1).to_bytes(2, "big") + other[8:])


def elsewhere(family: Family, number: int) -> Endpoint:
    return address(number) if family is Family.IPV4 else address6(number)


def own_address(family: Family, confidence: Confidence = Confidence.VOTED) -> ExternalAddress:
    return ExternalAddress(CONFIG.address, ip_of(OWN_AT[family]), None, confidence)


def rule(family: Family, *, on: bool = True) -> ExtraPlaces:
    if not on:
        return no_extra_places
    return OwnSubnet(own_address(family), SCOPES, PLACES).extra_places


def table(family: Family, extra_places: ExtraPlaces) -> RoutingTable:
    diversity = diversity_for(CoreConfig(), SCOPES, extra_places)
    return RoutingTable(family, 1 << 159, CONFIG.table, SCOPES, diversity)


def offer_all(into: RoutingTable, endpoints: list[Endpoint], rng: random.Random, at: float) -> None:
    for endpoint in endpoints:
        at += 1.0
        into.offer(Contact(random_id(rng), endpoint), at)


def held(by: RoutingTable, endpoints: list[Endpoint]) -> list[Endpoint]:
    return [endpoint for endpoint in endpoints if by.holds(endpoint)]


@pytest.mark.parametrize("family", list(Family))
def test_only_the_subnet_of_a_decided_address_has_extra_places(family: Family) -> None:
    other_family = next(each for each in Family if each is not family)
    for confidence in (Confidence.VOTED, Confidence.CONFIGURED, Confidence.UNSTABLE):
        own = OwnSubnet(own_address(family, confidence), SCOPES, PLACES)
        assert own.extra_places(neighbour(family, 1)) == PLACES
        assert own.extra_places(foreigner(family, 1)) == 0
        assert own.extra_places(neighbour(other_family, 1)) == 0
    undecided = OwnSubnet(own_address(family, Confidence.UNKNOWN), SCOPES, PLACES)
    nowhere = ExternalAddress(CONFIG.address, None, None, Confidence.UNKNOWN)
    for own in (undecided, OwnSubnet(nowhere, SCOPES, PLACES)):
        assert own.extra_places(neighbour(family, 1)) == 0


def test_a_tunnel_is_in_the_subnet_of_its_ipv4_address_and_not_of_an_ipv6_one() -> None:
    own = OwnSubnet(own_address(Family.IPV4), SCOPES, PLACES)
    assert own.extra_places(make_endpoint("2002:5050:5001::1", 1)) == 0


# --- The routing table ----------------------------------------------------------------------------


@pytest.mark.parametrize("family", list(Family))
def test_a_network_in_the_own_subnet_is_in_the_table(family: Family) -> None:
    neighbours = [neighbour(family, number) for number in range(19)]
    for on, least, most in ((False, 1, 2), (True, 19, 19)):
        network = table(family, rule(family, on=on))
        offer_all(network, neighbours, random.Random(1), 0.0)
        assert least <= len(held(network, neighbours)) <= most


@pytest.mark.parametrize("family", list(Family))
def test_neighbours_are_bounded_and_give_way_to_every_other_node(family: Family) -> None:
    """A hoster's customer with all addresses of the own /24: what it holds takes no place that
    another node could have.
    """
    rng = random.Random(2)
    neighbours = [neighbour(family, number) for number in range(250)]
    others = [elsewhere(family, number) for number in range(600)]
    attacked, before = (table(family, rule(family, on=on)) for on in (True, False))
    offer_all(attacked, neighbours, rng, 0.0)
    assert len(held(attacked, neighbours)) <= CONFIG.table.per_subnet_in_table + PLACES
    for each in (attacked, before):
        offer_all(each, others, random.Random(3), 1000.0)
    assert len(held(attacked, others)) >= len(held(before, others))
    filled = [bucket for bucket in attacked.buckets() if bucket.is_full]
    assert (
        sum(entry.contact.endpoint in neighbours for bucket in filled for entry in bucket.entries)
        <= 1
    )
    offer_all(attacked, neighbours, rng, 5000.0)
    assert len(held(attacked, others)) >= len(held(before, others)), "and they come back in vain"


@pytest.mark.parametrize("family", list(Family))
def test_a_foreign_subnet_has_the_same_share_of_the_table_with_and_without_the_rule(
    family: Family,
) -> None:
    foreigners = [foreigner(family, number) for number in range(250)]
    everybody = [*foreigners, *(elsewhere(family, number) for number in range(300))]
    random.Random(4).shuffle(everybody)
    shares = []
    for on in (True, False):
        network = table(family, rule(family, on=on))
        offer_all(network, everybody, random.Random(5), 0.0)
        shares.append(held(network, foreigners))
    assert shares[0] == shares[1]
    assert len(shares[0]) <= CONFIG.table.per_subnet_in_table


def test_what_was_the_own_subnet_is_a_foreign_one_after_a_move() -> None:
    own = own_address(Family.IPV4)
    network = table(Family.IPV4, OwnSubnet(own, SCOPES, PLACES).extra_places)
    neighbours = [neighbour(Family.IPV4, number) for number in range(19)]
    offer_all(network, neighbours, random.Random(6), 0.0)
    assert len(held(network, neighbours)) == 19
    own.ip = ip_of(foreigner(Family.IPV4, 0))
    network.rebase(random_id(random.Random(7)), 100.0)
    assert len(held(network, neighbours)) <= CONFIG.table.per_subnet_in_table


# --- Candidates and checks ------------------------------------------------------------------------


def waiting(extra_places: ExtraPlaces) -> Candidates:
    config = MaintenanceConfig()
    in_flight = InFlight(
        config.candidate_checks_in_flight,
        config.candidate_checks_per_subnet,
        SCOPES.subnet,
        extra_places,
    )
    shares = NamingShares(SCOPES.netgroup)
    return Candidates(config, random.Random(1), in_flight, SCOPES.subnet, shares, extra_places)


@pytest.mark.parametrize("on", [True, False])
def test_candidates_of_the_own_subnet_wait_in_places_of_their_own(on: bool) -> None:
    candidates = waiting(rule(Family.IPV4, on=on))
    for number in range(60):
        contact = Contact(number + 1, neighbour(Family.IPV4, number))
        candidates.add(contact, 0.0, OWN)
        candidates.add(Contact(1000 + number, foreigner(Family.IPV4, number)), 0.0, OWN)
    assert len(candidates) == (2 + PLACES if on else 2) + 2
    checked: list[Endpoint] = []
    now = 0.0
    for _ in range(100):
        now += 1.0
        drawn = candidates.draw(now, lambda contact: True)
        if drawn is None:
            continue
        checked.append(drawn.endpoint)
        candidates.settle(drawn.endpoint, now, answered=True)
    assert len(candidates) == 0
    assert sum(endpoint[:3] == OWN_AT[Family.IPV4][:3] for endpoint in checked) == (
        2 + PLACES if on else 2
    )
    again = candidates.add(Contact(7, neighbour(Family.IPV4, 200)), now, OWN)
    assert again is None, "the places are free again"


def gossip_queue(extra_places: ExtraPlaces) -> GossipCandidates:
    cell_hash = CellHash(bytes(16), 16, SCOPES)
    return GossipCandidates(CONFIG.gossip, random.Random(1), SCOPES, cell_hash, extra_places)


@pytest.mark.parametrize("on", [True, False])
def test_reported_peers_of_the_own_subnet_are_checked_and_take_no_place_of_others(on: bool) -> None:
    queue = gossip_queue(rule(Family.IPV4, on=on))
    for number in range(60):
        endpoint = neighbour(Family.IPV4, number)
        queue.add(Candidate(endpoint, None, b"source", None, 3, 9e9), 999)
    assert len(queue) == (2 + PLACES if on else 2)
    for number in range(1, 7):  # the /16 has 8 places, of which neighbours have 2
        other = make_endpoint(f"80.80.{number}.1", 1)
        assert queue.add(Candidate(other, None, b"source", None, 3, 9e9), 999) is None
    drawn = [queue.draw(float(at), lambda each: True) for at in range(60)]
    found = [each.endpoint for each in drawn if each is not None]
    assert sum(endpoint[:3] == OWN_AT[Family.IPV4][:3] for endpoint in found) == (
        2 + PLACES if on else 2
    )


@pytest.mark.parametrize("on", [True, False])
def test_a_foreign_subnet_is_checked_as_often_with_and_without_the_rule(on: bool) -> None:
    """And the own one so many times in an hour at most, whatever is reported."""
    for where, most in (
        (foreigner, CONFIG.gossip.checks_per_subnet_per_hour),
        (
            neighbour,
            CONFIG.gossip.checks_per_subnet_per_hour
            + on * PLACES * CONFIG.gossip.checks_per_host_per_hour,
        ),
    ):
        queue = gossip_queue(rule(Family.IPV4, on=on))
        checks = 0
        for number in range(1000):
            endpoint = where(Family.IPV4, number)
            queue.add(Candidate(endpoint, None, b"source", None, 3, 9e9), 999)
            checks += queue.draw(float(number), lambda each: True) is not None
        assert checks <= most + 5, "what is repaid in 1,000 s"
        assert checks >= most * 0.9
