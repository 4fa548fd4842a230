"""Verified peers for tests of view and book: one a number, each with a key and an address of its
own.
"""

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
    """In a /16 of its own, unless it is told where."""
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
    """Of an attacker with so many /24s, each in a /8 of its own that nobody of ``address`` uses."""
    host, network = divmod(number, networks)
    return make_endpoint(
        f"{200 + network if network < 3 else 205 + network}.9.9.{1 + host % 250}", 1 + host
    )
