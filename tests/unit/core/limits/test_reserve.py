"""Hosts that a new node leaves alone, so that there are strangers among the witnesses of its first
tests of reachability.
"""

from __future__ import annotations

import random

import pytest

from kadisc.contacts import Contact
from kadisc.core.limits.contacted import ContactedHosts
from kadisc.core.limits.reserve import AT_FIRST, MAX_HELD, HostSample, StrangerReserve
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.world import address


def sample(parts: int = 64, seed: int = 1) -> HostSample:
    return HostSample(bytes((parts,)) + random.Random(seed).randbytes(8))


def _hosts(family: str) -> list[Endpoint]:
    """Neighbours too: blocks of addresses that one operator has."""
    if family == "ipv4":
        return [make_endpoint(f"45.{a}.{b}.7", 6881) for a in range(64) for b in range(64)]
    return [make_endpoint(f"2a01:{a:x}:{b:x}:1::1", 6881) for a in range(64) for b in range(64)]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("parts", [16, 64, 128])
def test_the_share_of_hosts_is_what_it_says(family: str, parts: int) -> None:
    hosts = _hosts(family)
    counts = [sum(host in sample(parts, seed) for host in hosts) for seed in range(20)]
    mean = sum(counts) / len(counts) / len(hosts)
    assert mean == pytest.approx(parts / 256, rel=0.15)
    assert len(set(counts)) > 1, "other numbers draw other hosts"


def test_the_port_does_not_matter() -> None:
    drawn = sample()
    for host in _hosts("ipv4")[:200]:
        other = Endpoint(host[:-2] + b"\x12\x34")
        assert (host in drawn) == (other in drawn)


def test_strangers_of_the_share_are_left_alone_until_the_end() -> None:
    contacted = ContactedHosts(17, bytes(range(1, 17)), 330.0)
    reserve, drawn = StrangerReserve(), sample()
    wide = drawn.times(AT_FIRST)
    inside = [address(number) for number in range(400) if address(number) in drawn]
    outside = [address(number) for number in range(400) if address(number) not in wide]
    assert not any(reserve.holds_back(each, 0.0) for each in inside), "not in force yet"
    reserve.begin(drawn, contacted, 120.0)
    assert all(reserve.holds_back(each, 1.0) for each in inside)
    assert not any(reserve.holds_back(each, 1.0) for each in outside)
    contacted.sent_to(inside[0], 2.0)
    assert not reserve.holds_back(inside[0], 3.0), "it is no stranger any more"
    assert reserve.holds_back(inside[1], 119.0)
    assert not reserve.holds_back(inside[1], 120.0)
    assert reserve.sample is None
    reserve.begin(drawn, contacted, 240.0)
    reserve.end()
    assert not reserve.holds_back(inside[1], 121.0)


def test_where_many_contacts_are_known_a_smaller_share_is_enough() -> None:
    reserve, drawn = StrangerReserve(), sample(64)
    reserve.begin(drawn, ContactedHosts(17, bytes(range(1, 17)), 330.0), 120.0)
    hosts = [address(number) for number in range(2000)]
    before = {each for each in hosts if reserve.holds_back(each, 0.0)}
    reserve.narrow()
    after = {each for each in hosts if reserve.holds_back(each, 0.0)}
    assert after < before, "all that were left alone are strangers still"
    assert after == {each for each in hosts if each in drawn}
    assert len(before) / len(after) == pytest.approx(AT_FIRST, rel=0.1)
    reserve.narrow()
    assert after == {each for each in hosts if reserve.holds_back(each, 0.0)}


def test_what_was_held_back_is_given_once_it_is_over_and_is_bounded() -> None:
    contacted = ContactedHosts(17, bytes(range(1, 17)), 330.0)
    reserve = StrangerReserve()
    reserve.begin(sample(), contacted, 120.0)
    for number in range(2 * MAX_HELD):
        reserve.hold(Contact(number, address(number)), address(number % 3))
    assert reserve.released(119.0) == []
    held = reserve.released(120.0)
    assert [each.id for each, _ in held] == list(range(MAX_HELD, 2 * MAX_HELD))
    assert all(source == address(each.id % 3) for each, source in held)
    assert reserve.released(121.0) == []
