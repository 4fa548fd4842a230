"""The own address as it is shown."""

from __future__ import annotations

from kadisc.core.addressing.policy import ASN_PREFIX
from kadisc.endpoints import Family
from kadisc.observe.address_state import voter_words


def test_voters_are_subnets_addresses_or_autonomous_systems() -> None:
    assert voter_words(b"\x2d\x0a", Family.IPV4) == "45.10.0.0/16"
    assert voter_words(b"\x7f\0\0\1", Family.IPV4) == "127.0.0.1"
    assert voter_words(bytes.fromhex("20010db8"), Family.IPV6) == "2001:db8::/32"
    assert voter_words(bytes.fromhex("fd00000000000001"), Family.IPV6) == "fd00:0:0:1::/64"
    assert voter_words(b"\x2d\x0a", Family.IPV6) == "45.10.0.0/16"  # of a 6to4 address
    assert voter_words(ASN_PREFIX + (64500).to_bytes(4, "big"), Family.IPV4) == "AS64500"
