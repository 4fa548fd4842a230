"""Addresses of a narrow scope are taken only from a source of that scope."""

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
def test_a_narrow_address_is_taken_from_its_own_scope_alone(kinds: list[Endpoint]) -> None:
    public, invalid = kinds[0], kinds[-1]
    scopes = AddressPolicy(allow_private=False)
    for source in kinds:
        assert scopes.may_take(public, source)
        assert not scopes.may_take(invalid, source)
        for subnet in kinds[1:-1]:
            assert scopes.may_take(subnet, source) == (subnet == source)


@pytest.mark.parametrize("kinds", [FOUR, SIX], ids=["IPv4", "IPv6"])
def test_with_allow_private_private_and_loopback_are_as_good_as_public(
    kinds: list[Endpoint],
) -> None:
    public, private, loopback, link_local, special, invalid = kinds
    scopes = AddressPolicy(allow_private=True)
    assert [scopes.of(each) for each in kinds] == [Scope.PUBLIC] * 3 + [
        Scope.LINK_LOCAL,
        Scope.SPECIAL,
        Scope.INVALID,
    ]
    assert scopes.may_take(private, public)
    assert scopes.may_take(loopback, private)
    for subnet in (link_local, special, invalid):
        assert not scopes.may_take(subnet, public)


def test_limits_count_prefixes_of_public_addresses_and_each_endpoint_of_others() -> None:
    scopes, lab = AddressPolicy(allow_private=False), AddressPolicy(allow_private=True)
    assert (scopes.host(PUBLIC), scopes.subnet(PUBLIC), scopes.netgroup(PUBLIC)) == (
        PUBLIC[:4],
        PUBLIC[:3],
        PUBLIC[:2],
    )
    assert (scopes.host(SIX[0]), scopes.subnet(SIX[0]), scopes.netgroup(SIX[0])) == (
        SIX[0][:8],
        SIX[0][:6],
        SIX[0][:4],
    )
    assert scopes.host(PRIVATE) == scopes.subnet(PRIVATE) == scopes.netgroup(PRIVATE) == PRIVATE
    assert (lab.host(PRIVATE), lab.subnet(LOOPBACK), lab.netgroup(PRIVATE)) == (
        PRIVATE[:4],
        LOOPBACK[:3],
        PRIVATE[:2],
    )


def test_nobody_is_at_an_invalid_address_whatever_is_allowed() -> None:
    for scopes in (AddressPolicy(allow_private=False), AddressPolicy(allow_private=True)):
        assert scopes.is_invalid(INVALID)
        assert not any(scopes.is_invalid(each) for each in FOUR[:-1])
