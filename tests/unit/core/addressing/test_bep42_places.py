"""The places by BEP 42 of the nodes of one IPv6 /48."""

from __future__ import annotations

import pytest

from kadisc.core.addressing.bep42 import conforms, with_bep42_prefix
from kadisc.core.addressing.bep42_places import (
    MAX_SUBNETS,
    PLACE_LASTS_S,
    PLACES,
    SubnetPlaces,
)
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.endpoints import Endpoint, ip_of, make_endpoint

POLICY = AddressPolicy(False)


def in_subnet(host: int, subnet: int = 1) -> Endpoint:
    return make_endpoint(f"2a00:1:{subnet:x}:{host:x}::1", 1)


def valid(endpoint: Endpoint, r: int = 3) -> int:
    return with_bep42_prefix(ip_of(endpoint), 1 << 100 | r)


def full() -> SubnetPlaces:
    """Nodes of 8 /64s of one /48 have answered."""
    places = SubnetPlaces(POLICY)
    for host in range(PLACES):
        places.answered(valid(in_subnet(host)), in_subnet(host), 100.0)
    return places


def test_a_48_has_as_many_places_as_an_ipv4_address() -> None:
    places = full()
    assert all(places.conforms(valid(in_subnet(host)), in_subnet(host)) for host in range(PLACES))
    ninth, elsewhere = in_subnet(PLACES), in_subnet(1, subnet=2)
    assert conforms(valid(ninth), ninth)
    assert not places.conforms(valid(ninth), ninth)
    assert places.conforms(valid(elsewhere), elsewhere), "another /48 has places of its own"
    places.answered(valid(ninth), ninth, 200.0)
    assert not places.conforms(valid(ninth), ninth), "an answer takes no place that is not free"


def test_other_ids_at_a_place_that_counts_are_valid() -> None:
    """A node that was restarted with another key, or has a neighbour on another port."""
    endpoint = in_subnet(0)
    assert full().conforms(with_bep42_prefix(ip_of(endpoint), 1 << 90 | 3), endpoint)
    assert not full().conforms(valid(endpoint, r=4), endpoint)


def test_a_place_where_no_node_answers_any_more_is_free_again() -> None:
    places, ninth = full(), in_subnet(PLACES)
    places.answered(valid(in_subnet(0)), in_subnet(0), 100.0 + PLACE_LASTS_S / 2)
    places.answered(valid(ninth), ninth, 101.0 + PLACE_LASTS_S)
    assert places.conforms(valid(ninth), ninth)
    assert places.conforms(valid(in_subnet(0)), in_subnet(0))


def test_invalid_ids_take_no_place_and_are_never_valid() -> None:
    places = SubnetPlaces(POLICY)
    for host in range(20):
        wrong = valid(in_subnet(host)) ^ 1 << 159
        places.answered(wrong, in_subnet(host), 1.0)
        assert not places.conforms(wrong, in_subnet(host))
    assert places.conforms(valid(in_subnet(50)), in_subnet(50))


def test_the_subnets_in_mind_are_bounded() -> None:
    places = full()
    for subnet in range(2, MAX_SUBNETS + 2):
        places.answered(valid(in_subnet(0, subnet)), in_subnet(0, subnet), 200.0)
    assert places.conforms(valid(in_subnet(99)), in_subnet(99)), "the oldest was forgotten"


@pytest.mark.parametrize("host", ["45.1.2.3", "fd00::1", "::1", "64:ff9b::2d01:203"])
def test_ipv4_and_local_addresses_are_judged_by_bep_42_alone(host: str) -> None:
    places, endpoint = SubnetPlaces(POLICY), make_endpoint(host, 1)
    for number in range(20):
        node_id = number << 139 | number
        places.answered(node_id, endpoint, 1.0)
        assert places.conforms(node_id, endpoint) == conforms(node_id, endpoint)


def test_the_id_of_a_nat64_address_follows_from_the_ipv4_address_in_it() -> None:
    """Such a node knows its IPv4 address. Else its ID would be as free as that of a local one."""
    endpoint, inside = make_endpoint("64:ff9b::2d01:203", 1), make_endpoint("45.1.2.3", 1)
    assert conforms(valid(inside), endpoint)
    assert not conforms(valid(inside) ^ 1 << 159, endpoint)
