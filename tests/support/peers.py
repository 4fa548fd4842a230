"""Verified peers for tests of view and book: one for each number, with its own key and address."""

from __future__ import annotations

from collections.abc import Mapping

from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.endpoints import Endpoint, make_endpoint

from .world import address


def peer(
    number: int,
    endpoint: Endpoint | None = None,
    *,
    key: int | None = None,
    sequence: int = 1,
    services: Mapping[str, int | bytes] | None = None,
) -> VerifiedPeer:
    """In a /16 of its own, unless ``endpoint`` is given."""
    who = number if key is None else key
    return VerifiedPeer(
        who.to_bytes(32, "big"),
        endpoint or address(number),
        who + 1,
        b"record %d" % who,
        sequence,
        services or {},
    )


def in_small_networks(number: int, networks: int = 20) -> Endpoint:
    """An attacker's endpoint in one of so many /24s, each in a /8 that ``address`` does not use."""
    host, network = divmod(number, networks)
    first_byte = 200 + network if network < 3 else 205 + network
    return make_endpoint(f"{first_byte}.9.9.{1 + host % 250}", 1 + host)
