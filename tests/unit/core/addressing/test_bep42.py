"""BEP 42, by its test vectors, and node IDs derived from a key and an address."""

from __future__ import annotations

import ipaddress

import pytest

from kadisc.core.addressing.bep42 import address_checksum, conforms, derive_node_id
from kadisc.endpoints import make_endpoint
from kadisc.ids import parse_id

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("ip", "node_id", "checksum"),
    [
        ("124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401", 0x5FBFBDB2),
        ("21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256", 0x5A3CE9B0),
        ("65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616", 0xA5D4344A),
        ("84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41", 0x1B03217B),
        ("43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a", 0xE56F6972),
    ],
)
def test_the_examples_of_bep_42(ip: str, node_id: str, checksum: int) -> None:
    parsed = parse_id(node_id)
    assert address_checksum(ipaddress.ip_address(ip).packed, parsed & 7) == checksum
    assert conforms(parsed, make_endpoint(ip, 6881))
    assert not conforms(parsed ^ 1 << 159, make_endpoint(ip, 6881))
    assert not conforms(parsed, make_endpoint("8.8.8.8", 6881))


@pytest.mark.parametrize(
    ("ip", "r", "checksum"),
    [
        ("2001:db8::1", 1, 0x7189AC24),
        ("2001:4860:4860::8888", 5, 0xCA2AF54D),
        ("2a00:1450:4001:81b::200e", 86, 0xA15EE539),
    ],
)
def test_only_the_upper_half_of_an_ipv6_address_counts(ip: str, r: int, checksum: int) -> None:
    assert address_checksum(ipaddress.ip_address(ip).packed, r & 7) == checksum


@pytest.mark.parametrize(
    "ip", ["10.1.2.3", "172.16.1.1", "192.168.0.1", "169.254.1.1", "127.0.0.1", "::1", "fe80::1"]
)
def test_local_addresses_are_exempt(ip: str) -> None:
    assert conforms(12345, make_endpoint(ip, 6881))


@pytest.mark.parametrize("ip", ["45.1.2.3", "200.1.2.3", "2a00:beef:1::1"])
def test_a_derived_node_id_depends_on_key_and_address_alone(ip: str) -> None:
    packed = ipaddress.ip_address(ip).packed
    own_id = derive_node_id(KEY, packed)
    assert own_id == derive_node_id(KEY, packed)
    assert conforms(own_id, make_endpoint(ip, 1))
    assert own_id != derive_node_id(KEY[::-1], packed)
    assert not conforms(own_id, make_endpoint("46.1.2.3", 1))


def test_without_an_address_the_node_id_depends_on_the_key_alone() -> None:
    assert derive_node_id(KEY, None) != derive_node_id(KEY, b"\x2d\1\2\3")
    assert derive_node_id(KEY, None) == derive_node_id(KEY, None)
