"""Caps on table entries for each address, /24 and /16; for IPv6 each /64, /48 and /32."""

from __future__ import annotations

import pytest

from kadisc.config import TableConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.table.diversity import DiversityCaps
from kadisc.endpoints import Endpoint, make_endpoint

HOSTS = {
    # one host, its second address or port, a neighbour in the /24 or /48, another in the /16 or
    # /32, a stranger
    "IPv4": [("1.2.3.4", 1), ("1.2.3.4", 2), ("1.2.3.5", 1), ("1.2.9.1", 1), ("9.9.9.9", 1)],
    "IPv6": [
        ("2a00:1:2:3::4", 1),
        ("2a00:1:2:3:f::9", 1),
        ("2a00:1:2:4::4", 1),
        ("2a00:1:3::1", 1),
        ("2a01::1", 1),
    ],
}


def caps(*, allow_private: bool = False) -> DiversityCaps:
    return DiversityCaps(TableConfig(), AddressPolicy(allow_private))


@pytest.fixture(params=list(HOSTS))
def hosts(request: pytest.FixtureRequest) -> list[Endpoint]:
    return [make_endpoint(host, port) for host, port in HOSTS[request.param]]


def test_one_entry_for_each_host(hosts: list[Endpoint]) -> None:
    diversity = caps()
    host, again, _, _, stranger = hosts
    assert diversity.refusal(host, 0) is None
    diversity.add(host, 0)
    assert diversity.refusal(host, 0) == "cap-host"
    assert (
        diversity.refusal(again, 5) == "cap-host"
    )  # another port, or another address of the same /64
    assert diversity.refusal(stranger, 0) is None


def test_one_entry_of_a_subnet_in_a_bucket_and_two_in_the_table(hosts: list[Endpoint]) -> None:
    diversity = caps()
    host, _, neighbour, distant, _ = hosts
    diversity.add(host, 0)
    assert diversity.refusal(neighbour, 0) == "cap-subnet-bucket"
    assert diversity.refusal(neighbour, 1) is None
    assert diversity.refusal(distant, 0) is None
    diversity.add(neighbour, 1)
    third = (
        Endpoint(neighbour[:3] + b"\x77" + neighbour[4:])
        if len(neighbour) == 6
        else Endpoint(neighbour[:7] + b"\x77" + neighbour[8:])
    )
    assert diversity.refusal(third, 2) == "cap-subnet-table"


def test_more_than_eight_entries_of_a_netgroup_are_surplus(hosts: list[Endpoint]) -> None:
    diversity = caps()
    host, *_, stranger = hosts
    at = 2 if len(host) == 6 else 5  # the byte after the /16, or the last one of the /48
    siblings = [
        Endpoint(host[:at] + bytes([number]) + host[at + 1 :]) for number in range(100, 109)
    ]
    for number, sibling in enumerate(siblings):
        assert diversity.refusal(sibling, 0) is None
        assert diversity.is_surplus(sibling) == (number >= 8)
        diversity.add(sibling, 0)
    assert not diversity.is_surplus(stranger)
    diversity.remove(siblings[0], 0)
    diversity.remove(siblings[1], 0)
    assert not diversity.is_surplus(host)


def test_a_removed_entry_makes_room(hosts: list[Endpoint]) -> None:
    diversity = caps()
    host, again, neighbour, *_ = hosts
    diversity.add(host, 0)
    diversity.remove(host, 0)
    assert diversity.refusal(again, 0) is diversity.refusal(neighbour, 0) is None


@pytest.mark.parametrize("allow_private", [False, True])
def test_addresses_that_are_not_public_are_not_capped(allow_private: bool) -> None:
    for host in ("127.0.0.1", "192.168.1.1", "fd00::1"):
        lab = caps(allow_private=allow_private)
        for port in range(1, 20):
            assert lab.refusal(make_endpoint(host, port), 0) is None
            assert not lab.is_surplus(make_endpoint(host, port))
            lab.add(make_endpoint(host, port), 0)


def test_without_caps_nothing_is_refused(hosts: list[Endpoint]) -> None:
    diversity = NoDiversityCaps()
    for _ in range(20):
        diversity.add(hosts[0], 0)
    assert diversity.refusal(hosts[0], 0) is None
    assert not diversity.is_surplus(hosts[0])
    diversity.remove(hosts[0], 0)


def test_all_tunnels_of_one_ipv4_address_are_one_host() -> None:
    diversity = caps()
    six_to_four = make_endpoint("2002:102:304::1", 1)
    others = [
        make_endpoint(host, 1)
        for host in (
            "2002:102:304:9::1",
            "2001:0:4136:e378:8000:63bf:fefd:fcfb",
            "64:ff9b::102:304",
        )
    ]
    neighbour, native = make_endpoint("2002:102:305::1", 1), make_endpoint("2a00::1", 1)
    diversity.add(native, 3)
    diversity.add(six_to_four, 0)
    assert [diversity.refusal(each, 5) for each in others] == ["cap-host"] * 3
    assert diversity.refusal(neighbour, 0) == "cap-subnet-bucket"
    assert diversity.refusal(neighbour, 1) is None
    diversity.remove(six_to_four, 0)
    diversity.add(others[1], 4)
    assert diversity.refusal(six_to_four, 0) == "cap-host"
    assert diversity.refusal(neighbour, 4) == "cap-subnet-bucket"


def test_tunnels_of_one_ipv4_netgroup_share_its_soft_cap() -> None:
    diversity = caps()
    for number in range(8):
        diversity.add(make_endpoint(f"2002:102:{number:x}01::1", 1), 0)
    assert diversity.is_surplus(make_endpoint("64:ff9b::102:ff01", 1))
    assert not diversity.is_surplus(make_endpoint("2002:103:1::1", 1))
    # A native prefix with the same bytes as an IPv4 network is another one.
    assert not diversity.is_surplus(make_endpoint("102:1::1", 1))
