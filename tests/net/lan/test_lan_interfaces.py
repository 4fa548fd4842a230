"""On which interfaces beacons are sent."""

from __future__ import annotations

import ipaddress

import pytest

from kadisc.net.lan.lan_interfaces import MAX_INTERFACES, SystemInterface, chosen

USUAL = frozenset({"up", "running", "broadcast", "multicast"})


def interface(name: str, *addresses: str, flags: frozenset[str] = USUAL) -> SystemInterface:
    return SystemInterface(name, flags, tuple(map(ipaddress.IPv4Interface, addresses)))


def names(*interfaces: SystemInterface, named: tuple[str, ...] = ()) -> list[str]:
    index_of = {each.name: number for number, each in enumerate(interfaces, 1)}
    taken, left_out = chosen(interfaces, index_of, named)
    assert set(left_out) == {each.name for each in interfaces} - {each.name for each in taken}
    assert all(left_out.values())
    return [each.name for each in taken]


@pytest.mark.parametrize(
    "address", ["10.1.2.3/8", "172.16.5.4/12", "192.168.1.10/24", "169.254.7.7/16"]
)
def test_a_link_with_a_private_address_has_beacons(address: str) -> None:
    assert names(interface("eth0", address)) == ["eth0"]


@pytest.mark.parametrize(
    "left_out",
    [
        interface("eth0", "45.10.0.1/16"),
        interface("eth0", "192.168.1.10/24", "45.10.0.1/16"),
        interface("eth0", "100.64.3.4/10"),
        interface("eth0"),
        interface("docker0", "172.17.0.1/16"),
        interface("br-0123456789ab", "172.18.0.1/16"),
        interface("veth12", "192.168.9.1/24"),
        interface("virbr0", "192.168.122.1/24"),
        interface("wg0", "10.6.0.2/24", flags=frozenset({"up", "running", "pointopoint"})),
        interface("lo", "10.0.0.1/8", flags=frozenset({"up", "running", "loopback"})),
        interface("eth0", "192.168.1.10/24", flags=frozenset({"broadcast", "multicast"})),
        interface("eth0", "192.168.1.10/24", flags=frozenset({"up", "running"})),
    ],
    ids=lambda each: f"{each.name} {' '.join(map(str, each.addresses))}",
)
def test_other_links_have_none(left_out: SystemInterface) -> None:
    assert names(left_out) == []


def test_the_operator_may_name_what_is_left_out_otherwise() -> None:
    both = interface("eth0", "192.168.1.10/24", "45.10.0.1/16"), interface("eth1", "10.0.0.1/8")
    assert names(*both, named=("eth0",)) == ["eth0"]
    assert names(interface("eth0", "45.10.0.1/16"), named=("eth0",)) == []


def test_eight_at_most() -> None:
    many = [interface(f"eth{number:02}", f"10.0.{number}.1/24") for number in range(12)]
    assert len(names(*many)) == MAX_INTERFACES
