"""Maps of autonomous systems in the format of Bitcoin Core: look-ups, and files that are
refused.
"""

from __future__ import annotations

import ipaddress
import random

import pytest

from kadisc.as_map import AsMap
from tests.support.asmap import asmap

SYSTEMS = {
    "1.0.0.0/24": 13335,
    "1.0.1.0/24": 4134,
    "8.8.8.0/24": 15169,
    "45.0.0.0/8": 64500,
    "193.0.0.0/21": 3333,
    "200.1.2.3/32": 4_200_000_000 - (1 << 31),
    "2001:4860::/32": 15169,
    "2a00:1450::/29": 1,
    "2a00:1458:1:2::/64": 33_521_664,
}


def asn_of(a_map: AsMap, host: str) -> int:
    asn: int = a_map.asn_of(ipaddress.ip_address(host).packed)
    return asn


def test_only_the_networks_of_the_map_have_a_system() -> None:
    # The format can express no larger number.
    asns = {network: min(asn, 33_521_664) for network, asn in SYSTEMS.items()}
    a_map = AsMap(asmap(asns))
    for text, asn in asns.items():
        network = ipaddress.ip_network(text)
        assert asn_of(a_map, str(network[0])) == asn
        assert asn_of(a_map, str(network[-1])) == asn
    for host in (
        "1.0.2.0",
        "0.255.255.255",
        "8.8.9.1",
        "46.0.0.1",
        "193.0.8.0",
        "200.1.2.4",
        "::1",
        "2001:4861::",
        "2a00:1458:ffff::",
        "ffff::",
    ):
        assert asn_of(a_map, host) == 0, host


def test_random_maps_are_read_as_they_were_written() -> None:
    rng = random.Random(1)
    for _ in range(30):
        asns = {
            f"{a}.{b}.0.0/16": rng.randint(1, 400_000)
            for a, b in {(rng.randrange(256), rng.randrange(256)) for _ in range(40)}
        }
        a_map = AsMap(asmap(asns))
        for _ in range(50):
            host = ".".join(str(rng.randrange(256)) for _ in range(4))
            a, b, *_ = host.split(".")
            assert asn_of(a_map, host) == asns.get(f"{a}.{b}.0.0/16", 0)
        assert all(
            asn_of(a_map, network.removesuffix("/16")) == asn for network, asn in asns.items()
        )


def test_files_that_are_not_maps_are_refused() -> None:
    whole = asmap(SYSTEMS | {"200.1.2.3/32": 7})
    for data in (
        b"",
        b"\0" * 1000,
        b"\xff" * 1000,
        b"# networks of our own\n10.0.0.0/8 64500\n" * 20,
        whole[:-1],
        whole[:100],
        whole + b"\0",
        whole + b"x",
    ):
        with pytest.raises(ValueError, match="map"):
            AsMap(data)
    rng = random.Random(2)
    accepted = 0
    for _ in range(300):
        try:
            a_map = AsMap(rng.randbytes(rng.randint(1, 3000)))
        except ValueError:
            continue
        accepted += 1
        assert asn_of(a_map, "1.2.3.4") >= 0
    assert accepted < 30


def test_a_damaged_map_still_answers() -> None:
    whole = bytearray(asmap(SYSTEMS | {"200.1.2.3/32": 7}))
    rng = random.Random(3)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        try:
            a_map = AsMap(bytes(damaged))
        except ValueError:
            continue
        for host in ("1.0.0.1", "8.8.8.8", "200.1.2.3", "2a00:1450::1", "::"):
            assert 0 <= asn_of(a_map, host) <= 33_521_664


def test_the_cache_of_answers_is_bounded() -> None:
    a_map = AsMap(asmap({"45.0.0.0/8": 7}))
    for number in range(20_000):
        a_map.asn_of(b"\x2d" + number.to_bytes(3, "big"))
    assert a_map.asn_of.cache_info().currsize <= 8192
