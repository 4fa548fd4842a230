"""The gateway of the default route, as the kernel's tables tell it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.endpoints import Family
from kadisc.errors import UsageError
from kadisc.net.mapping.arguments import (
    MappedPort,
    configured_gateways,
    mapped_ports,
    parse_gateway,
    parse_mapped_port,
)
from kadisc.net.mapping.gateway import MAX_TABLE_BYTES, Gateway, default_gateway, gateway_in

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
HOME = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
WLAN = "wlan0\t00000000\t01B2A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
LAN = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
TUNNEL = "tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n"
DOWN = "eth9\t00000000\t0909A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n"
HALF = "tun0\t00000000\t0101080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
"""0.0.0.0/1, by which some VPNs stand before the default route."""


def route_6(
    gateway: str, metric: int = 1024, flags: str = "00000003", interface: str = "eth0"
) -> str:
    anywhere = f"{'0' * 32} 00"
    return f"{anywhere} {anywhere} {gateway} {metric:08x} 00000001 00000000 {flags} {interface}\n"


LINK_LOCAL = "fe80" + "0" * 27 + "1"
GLOBAL = "2a000010000100000000000000000001"
REJECT = route_6("0" * 32, 0xFFFFFFFF, "00200200", "lo")


@pytest.mark.parametrize(
    ("table", "gateway"),
    [
        (HEAD + HOME + LAN, Gateway("192.168.1.1", "eth0")),
        (HEAD + WLAN + LAN + HOME, Gateway("192.168.1.1", "eth0")),
        (HEAD + DOWN + WLAN, Gateway("192.168.178.1", "wlan0")),
        (HEAD + HALF + HOME, Gateway("192.168.1.1", "eth0")),
        (HEAD + HOME + TUNNEL, None),
        (HEAD + LAN, None),
        (HEAD, None),
        ("", None),
        (
            HEAD + "eth0\t00000000\tXYZ\t0003\t0\t0\t0\t00000000\n" + HOME,
            Gateway("192.168.1.1", "eth0"),
        ),
    ],
)
def test_the_best_default_route_of_ipv4_counts(table: str, gateway: Gateway | None) -> None:
    assert gateway_in(table.encode(), Family.IPV4, "little") == gateway


def test_addresses_are_in_the_byte_order_of_the_machine() -> None:
    table = HEAD + HOME.replace("0101A8C0", "C0A80101")
    assert gateway_in(table.encode(), Family.IPV4, "big") == Gateway("192.168.1.1", "eth0")


@pytest.mark.parametrize(
    ("table", "gateway"),
    [
        (route_6(LINK_LOCAL) + REJECT, Gateway("fe80::1%eth0", "eth0")),
        (REJECT + route_6(GLOBAL), Gateway("2a00:10:1::1", "eth0")),
        (route_6(GLOBAL, 2048) + route_6(LINK_LOCAL, 100), Gateway("fe80::1%eth0", "eth0")),
        (route_6("0" * 32, 1, "00000001", "tun0") + route_6(GLOBAL), None),
        (REJECT, None),
        ("", None),
    ],
)
def test_the_best_default_route_of_ipv6_counts(table: str, gateway: Gateway | None) -> None:
    assert gateway_in(table.encode(), Family.IPV6) == gateway


def test_only_the_first_64_kb_of_a_table_count() -> None:
    filler = HEAD + LAN * (MAX_TABLE_BYTES // len(LAN))
    assert gateway_in((filler + HOME).encode(), Family.IPV4, "little") is None
    cut = filler[: MAX_TABLE_BYTES - len(HOME) + 5] + "\n" + HOME
    assert gateway_in(cut.encode(), Family.IPV4, "little") is None
    assert gateway_in((HOME + filler).encode(), Family.IPV4, "little") == Gateway(
        "192.168.1.1", "eth0"
    )


@given(st.binary(max_size=400), st.sampled_from(Family))
def test_any_table_is_read_or_skipped(table: bytes, family: Family) -> None:
    gateway_in(HOME.encode() + table, family)
    gateway_in(route_6(GLOBAL).encode() + table, family)


def test_the_table_of_this_machine_can_be_read() -> None:
    for family in Family:
        found = default_gateway(family)
        assert found is None or parse_gateway(found.host) == (family, found.host)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("tcp:30303", MappedPort("tcp", 30303, 30303)),
        ("udp:30303=40303", MappedPort("udp", 30303, 40303)),
    ],
)
def test_a_port_to_be_mapped_is_read(text: str, port: MappedPort) -> None:
    assert parse_mapped_port(text) == port


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30303",
        "tcp",
        "tcp:",
        "tcp:0",
        "tcp:80",
        "tcp:65536",
        "sctp:30303",
        "tcp:30303=",
        "TCP:1",
    ]
    + [
        "tcp:3030３",
        "tcp:30303=22",
        "tcp:30303=40303=1",
        "tcp: 30303",
        "tcp:-30303",
        "tcp:9999999",
    ],
)
def test_what_is_no_port_to_be_mapped_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_mapped_port(text)


def test_a_port_stands_there_once() -> None:
    with pytest.raises(UsageError, match="twice"):
        mapped_ports(["tcp:30303", "tcp:30303=40303"])
    assert len(mapped_ports(["tcp:30303", "udp:30303"])) == 2


def test_a_gateway_is_a_numeric_address_once_per_family() -> None:
    gateways = configured_gateways(["192.168.1.1", "fe80::1%eth0"])
    assert gateways == {Family.IPV4: "192.168.1.1", Family.IPV6: "fe80::1%eth0"}
    with pytest.raises(UsageError, match="one address per address family"):
        configured_gateways(["192.168.1.1", "192.168.1.2"])


@pytest.mark.parametrize(
    "text", ["", "router.lan", "0.0.0.0", "224.0.0.1", "::", "ff02::1", "::ffff:192.168.1.1", "1.2"]
)
def test_what_is_no_gateway_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_gateway(text)
