"""The policy on addresses: policy, prefixes, invalid addresses."""

from __future__ import annotations

import pytest

from kadisc.core.addressing.policy import AddressPolicy
from kadisc.endpoints import Endpoint, Scope, make_endpoint

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
    assert policy.host(PRIVATE) == policy.subnet(PRIVATE) == policy.netgroup(PRIVATE) == PRIVATE
    assert (lab.host(PRIVATE), lab.subnet(LOOPBACK), lab.netgroup(PRIVATE)) == (
        PRIVATE[:4],
        LOOPBACK[:3],
        PRIVATE[:2],
    )


def test_an_invalid_address_is_invalid_under_every_policy() -> None:
    for policy in (AddressPolicy(allow_private=False), AddressPolicy(allow_private=True)):
        assert policy.is_invalid(INVALID)
        assert not any(policy.is_invalid(each) for each in FOUR[:-1])
