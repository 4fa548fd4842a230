"""Endpoints in compact form and in text, their prefixes and their scopes."""

from __future__ import annotations

import pytest

from kadisc.contacts import Contact
from kadisc.endpoints import (
    Endpoint,
    Family,
    Scope,
    family_of,
    format_endpoint,
    host_of,
    host_prefix,
    ip_of,
    make_endpoint,
    netgroup_prefix,
    parse_endpoint,
    port_of,
    scope_of,
    split_host_port,
    subnet_prefix,
)

V4 = parse_endpoint("1.2.3.4:6881")
V6 = parse_endpoint("[2a00:1:2:3:4:5:6:7]:6881")


def test_an_endpoint_is_its_compact_form() -> None:
    assert bytes([1, 2, 3, 4, 0x1A, 0xE1]) == V4
    assert (family_of(V4), host_of(V4), port_of(V4), ip_of(V4)) == (
        Family.IPV4,
        "1.2.3.4",
        6881,
        bytes([1, 2, 3, 4]),
    )
    assert len(V6) == 18
    assert (family_of(V6), host_of(V6), port_of(V6), len(ip_of(V6))) == (
        Family.IPV6,
        "2a00:1:2:3:4:5:6:7",
        6881,
        16,
    )
    assert format_endpoint(V4) == "1.2.3.4:6881"
    assert format_endpoint(V6) == "[2a00:1:2:3:4:5:6:7]:6881"


def test_a_mapped_address_is_the_ipv4_address_that_it_maps() -> None:
    assert make_endpoint("::ffff:1.2.3.4", 6881) == V4


def test_the_zone_of_an_address_is_ignored() -> None:
    assert host_of(make_endpoint("fe80::1%eth0", 1)) == "fe80::1"


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("1.2.3.4", 0),
        ("1.2.3.4", 65536),
        ("1.2.3.4", -1),
        ("1.2.3", 1),
        ("example.org", 1),
        ("", 1),
    ],
)
def test_malformed_endpoints_are_refused(host: str, port: int) -> None:
    with pytest.raises(ValueError):
        make_endpoint(host, port)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("router.example.org:6881", ("router.example.org", 6881)),
        ("1.2.3.4:0", ("1.2.3.4", 0)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_host_and_port_are_split(text: str, parts: tuple[str, int]) -> None:
    assert split_host_port(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        *("", ":1", "host", "host:", "host:x", "host:65536", "host:-1", "host:٣", "::1:6881"),
        *("[]:1", "host:" + "0" * 5000),
    ],
)
def test_malformed_text_is_refused_with_an_explanation(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|brackets|a port is"):
        split_host_port(text)


@pytest.mark.parametrize(
    "text",
    ["udp://host:1", "enode://ab12@1.2.3.4:30303", "ab12@1.2.3.4:30303", "host:1/path", "a b:1"],
)
def test_a_url_and_a_key_with_an_address_are_no_host_and_port(text: str) -> None:
    with pytest.raises(ValueError, match="expected HOST:PORT"):
        split_host_port(text)


def test_prefixes_of_both_families() -> None:
    assert (host_prefix(V4), subnet_prefix(V4), netgroup_prefix(V4)) == (V4[:4], V4[:3], V4[:2])
    # /64, /48 and /32
    assert (host_prefix(V6), subnet_prefix(V6), netgroup_prefix(V6)) == (V6[:8], V6[:6], V6[:4])


SCOPES_V4 = {
    Scope.PUBLIC: (
        "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.1.1.1 128.0.0.1 "
        "169.253.1.1 169.255.1.1 172.15.255.255 172.32.0.0 192.0.1.1 192.0.3.0 192.167.1.1 "
        "192.169.1.1 198.17.1.1 198.20.1.1 198.51.99.1 198.51.101.1 203.0.112.1 203.0.114.1 "
        "203.1.113.1 223.255.255.255"
    ),
    Scope.PRIVATE: (
        "10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 172.16.0.1 172.31.255.255 "
        "192.168.0.1 192.168.255.255"
    ),
    Scope.LOOPBACK: "127.0.0.1 127.255.255.255",
    Scope.LINK_LOCAL: "169.254.0.1 169.254.255.255",
    Scope.SPECIAL: "192.0.0.1 192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1",
    Scope.INVALID: "0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255",
}
SCOPES_V6 = {
    Scope.PUBLIC: "2000::1 2001:db7::1 2001:db9::1 2a00::1 3ffe::1 3fff:1000::1",
    Scope.PRIVATE: "fc00::1 fd12:3456::1",
    Scope.LOOPBACK: "::1",
    Scope.LINK_LOCAL: "fe80::1 febf::1",
    Scope.SPECIAL: "2001:db8::1 64:ff9b::1 64:ff9b:1::1 100::1 2001:2::1 3fff::1",
    Scope.INVALID: ":: ff02::1 ff0e::1 4000::1 1::1 fec0::1 ::2",
}
ALL_SCOPES = [
    (host, scope)
    for scopes in (SCOPES_V4, SCOPES_V6)
    for scope, hosts in scopes.items()
    for host in hosts.split()
]


@pytest.mark.parametrize(("host", "scope"), ALL_SCOPES)
def test_scopes_at_the_edges_of_their_networks(host: str, scope: Scope) -> None:
    assert scope_of(make_endpoint(host, 1)) is scope


def test_a_mapped_address_on_the_wire_is_invalid() -> None:
    assert scope_of(Endpoint(bytes(10) + b"\xff\xff" + V4)) is Scope.INVALID


def test_port_0_is_invalid() -> None:
    assert (
        scope_of(Endpoint(V4[:4] + b"\0\0"))
        is scope_of(Endpoint(V6[:16] + b"\0\0"))
        is Scope.INVALID
    )


def test_a_contact_is_an_id_at_an_endpoint() -> None:
    contact = Contact(0xAB, V6)
    assert (contact.host, contact.port, contact.family) == ("2a00:1:2:3:4:5:6:7", 6881, Family.IPV6)
    assert str(contact) == "0" * 38 + "ab@[2a00:1:2:3:4:5:6:7]:6881"
    assert contact == Contact(0xAB, Endpoint(bytes(V6)))
