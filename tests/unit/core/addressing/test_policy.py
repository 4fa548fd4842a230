"""The policy on addresses: policy, prefixes, invalid addresses."""

from __future__ import annotations

import pytest

from kadisc.as_map import AsMap
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.limits.budget import CellHash
from kadisc.core.serving.fair_shares import holder_at
from kadisc.endpoints import Endpoint, Scope, format_ip, make_endpoint
from tests.support.asmap import asmap

PUBLIC, PRIVATE, LOOPBACK, LINK_LOCAL, SPECIAL, INVALID = FOUR = [
    make_endpoint(host, 1)
    for host in ("1.2.3.4", "192.168.1.1", "127.0.0.1", "169.254.1.1", "192.0.2.1", "224.0.0.1")
]
SIX = [
    make_endpoint(host, 1)
    for host in ("2a00::1", "fd00::1", "::1", "fe80::1", "2001:db8::1", "ff02::1")
]


@pytest.mark.parametrize("kinds", [FOUR, SIX], ids=["IPv4", "IPv6"])
def test_an_address_that_is_not_public_is_accepted_from_its_own_scope_alone(
    kinds: list[Endpoint],
) -> None:
    public, invalid = kinds[0], kinds[-1]
    policy = AddressPolicy(allow_private=False)
    for source in kinds:
        assert policy.may_take(public, source)
        assert not policy.may_take(invalid, source)
        for other in kinds[1:-1]:
            assert policy.may_take(other, source) == (other == source)


@pytest.mark.parametrize("kinds", [FOUR, SIX], ids=["IPv4", "IPv6"])
def test_with_allow_private_private_and_loopback_addresses_count_as_public(
    kinds: list[Endpoint],
) -> None:
    public, private, loopback, link_local, special, invalid = kinds
    policy = AddressPolicy(allow_private=True)
    assert [policy.of(each) for each in kinds] == [Scope.PUBLIC] * 3 + [
        Scope.LINK_LOCAL,
        Scope.SPECIAL,
        Scope.INVALID,
    ]
    assert policy.may_take(private, public)
    assert policy.may_take(loopback, private)
    for other in (link_local, special, invalid):
        assert not policy.may_take(other, public)


def test_public_addresses_count_by_prefix_and_other_ones_by_endpoint() -> None:
    policy, lab = AddressPolicy(allow_private=False), AddressPolicy(allow_private=True)
    assert (policy.host(PUBLIC), policy.subnet(PUBLIC), policy.netgroup(PUBLIC)) == (
        PUBLIC[:4],
        PUBLIC[:3],
        PUBLIC[:2],
    )
    assert (policy.host(SIX[0]), policy.subnet(SIX[0]), policy.netgroup(SIX[0])) == (
        SIX[0][:8],
        SIX[0][:6],
        SIX[0][:4],
    )
    assert (policy.voter(PUBLIC), policy.voter(SIX[0])) == (PUBLIC[:2], SIX[0][:4])
    for each in (policy, lab):
        assert each.voter(LOOPBACK) == LOOPBACK[:-2], "one host has 65,535 ports"
        assert each.host(PRIVATE) == each.subnet(PRIVATE) == each.netgroup(PRIVATE) == PRIVATE
        assert each.host(LOOPBACK) == each.subnet(LOOPBACK) == LOOPBACK


@pytest.mark.parametrize(
    ("restricted_to", "alone"),
    [
        (["1.2.3.0/24"], True),
        (["1.2.0.0/16"], True),
        (["1.2.3.4"], True),
        (["1.0.0.0/8"], False),
        (["0.0.0.0/0", "9.9.9.0/24"], False),
        (["9.9.9.0/24"], False),
    ],
)
def test_endpoints_count_alone_inside_a_network_that_the_node_is_restricted_to(
    restricted_to: list[str], alone: bool
) -> None:
    """Unless it is larger than a /16: that has networks of others."""
    policy = AddressPolicy(False, restricted_to=restricted_to)
    assert policy.counts_alone(PUBLIC) is alone
    assert policy.host(PUBLIC) == (PUBLIC if alone else PUBLIC[:4])
    assert policy.subnet(PUBLIC) == policy.share(PUBLIC) == (PUBLIC if alone else PUBLIC[:3])
    assert policy.netgroup(PUBLIC) == (PUBLIC if alone else PUBLIC[:2])


def test_in_ipv6_endpoints_count_alone_inside_a_32_that_the_node_is_restricted_to() -> None:
    six = SIX[0]
    for bits, alone in ((31, False), (32, True), (48, True)):
        policy = AddressPolicy(False, restricted_to=[f"{format_ip(six[:-2])}/{bits}"])
        assert policy.counts_alone(six) is alone
        assert policy.share(six) == (six if alone else AddressPolicy(False).share(six))


def test_budgets_count_a_laboratory_by_prefix_and_votes_by_host() -> None:
    """Caps do neither there: attacks from one's own addresses must not pass budgets, and small
    networks in one subnet must not be capped.
    """
    lab, usual = AddressPolicy(True), AddressPolicy(False)
    for endpoint in (PRIVATE, LOOPBACK):
        assert usual.is_budgeted_alone(endpoint)
        assert not lab.is_budgeted_alone(endpoint)
        assert lab.counts_alone(endpoint)
        assert lab.voter(endpoint) == usual.voter(endpoint) == endpoint[:4]
        other = Endpoint(endpoint[:3] + bytes([endpoint[3] ^ 1]) + endpoint[4:])
        same, apart = (CellHash(bytes(range(16)), 16, each) for each in (lab, usual))
        assert same.cells(endpoint)[1:] == same.cells(other)[1:]
        assert apart.cells(endpoint)[1:] != apart.cells(other)[1:]
        assert holder_at(endpoint, lab) == (endpoint[:3], endpoint[:2])
        assert holder_at(endpoint, usual) == (endpoint[:4], endpoint[:4])
    assert lab.voter(PUBLIC) == PUBLIC[:2]
    assert AddressPolicy(False, restricted_to=["1.2.3.0/24"]).voter(PUBLIC) == PUBLIC[:4]


def test_an_invalid_address_is_invalid_under_every_policy() -> None:
    for policy in (AddressPolicy(allow_private=False), AddressPolicy(allow_private=True)):
        assert policy.is_invalid(INVALID)
        assert not any(policy.is_invalid(each) for each in FOUR[:-1])


# --- Tunnels, and shares of a /32 -----------------------------------------------------------------

TUNNELS = [
    "2002:102:304::1",  # 6to4
    "2002:102:304:ffff:1:2:3:4",
    "2001:0:4136:e378:8000:63bf:fefd:fcfb",  # Teredo: the client's address inverted
    "64:ff9b::102:304",  # NAT64
    "64:ff9b:1:fffe::102:304",
]


@pytest.mark.parametrize("host", TUNNELS)
def test_the_address_of_a_tunnel_counts_as_the_ipv4_address_in_it(host: str) -> None:
    """Whoever has one IPv4 address has a 6to4 /48, and a Teredo address for each port."""
    policy, tunnel = AddressPolicy(allow_private=False), make_endpoint(host, 7)
    assert policy.host(tunnel) == policy.host(PUBLIC)
    assert policy.subnet(tunnel) == policy.share(tunnel) == policy.subnet(PUBLIC)
    assert policy.netgroup(tunnel) == policy.netgroup(PUBLIC)
    mapped = AddressPolicy(False, as_map=AsMap(asmap({"1.2.0.0/16": 64_500, "2000::/3": 64_501})))
    assert mapped.asn(tunnel) == mapped.asn(PUBLIC) == 64_500


def test_a_tunnel_to_an_address_that_is_not_public_is_not_public_either() -> None:
    """Else a public node names 2002:7f00:1::1 as its neighbour (RFC 3964)."""
    policy, source = AddressPolicy(allow_private=False), SIX[0]
    teredo_of_10 = Endpoint(bytes.fromhex("20010000" + "00" * 8 + "f5fffffe") + b"\0\7")
    for tunnel in (make_endpoint("2002:7f00:1::1", 7), make_endpoint("2002:a01:203::1", 7)):
        assert not policy.may_take(tunnel, source)
    assert not policy.may_take(teredo_of_10, source)
    assert policy.may_take(make_endpoint(TUNNELS[0], 7), source)


def test_the_subnets_of_an_ipv6_netgroup_are_sixteen_shares_at_most() -> None:
    policy = AddressPolicy(allow_private=False)
    subnets = [Endpoint(SIX[0][:4] + n.to_bytes(2, "big") + SIX[0][6:]) for n in range(1 << 16)]
    assert len({policy.subnet(each) for each in subnets}) == 1 << 16
    assert len({policy.share(each) for each in subnets}) == 16
    # /48s in sequence, /40s in sequence, and /44s in sequence are in different shares.
    for step in (1, 16, 256, 4096):
        assert len({policy.share(each) for each in subnets[::step][:16]}) == 16
    assert policy.share(PUBLIC) == policy.subnet(PUBLIC), "in IPv4 a /24 costs what it has"
    assert policy.share(SIX[1]) == SIX[1], "what is not public counts alone"
