"""Who is in the small network around the core that is fuzzed: endpoints, keys, node IDs.

There are few of each, so that they meet again: an ID at two endpoints, a key at three ports, many
nodes in one /24 and in one /16, nodes in tunnels and on the link.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any, Final

from kadisc.core.addressing.bep42 import derive_node_id
from kadisc.core.contract.identity import Identity
from kadisc.endpoints import Endpoint, Family, family_of, ip_of, make_endpoint
from kadisc.ids import NodeId
from kadisc.wire.messages import Gossip
from tests.support.community import NETWORK, TAG, identity, record_fields
from tests.support.contacts import address6
from tests.support.world import address

__all__ = ["NETWORK", "TAG"]

OWN: Final = identity(1)
"""The key of the core that is fuzzed."""
STRANGERS: Final = [identity(100 + number) for number in range(24)]
HOMES: Final = {
    Family.IPV4: [make_endpoint(f"45.{number}.1.1", 6881) for number in (1, 1, 2, 3, 77)],
    Family.IPV6: [make_endpoint(f"2a01:{number}::1", 6881) for number in (1, 1, 2, 3)],
}
"""Where the core may be: it moves from one to another, within a run and between two."""
NODES: Final = [
    *map(address, range(40)),
    *(address6(number) for number in range(16)),
    *(make_endpoint(f"99.9.{number % 5}.{number}", 6881) for number in range(1, 21)),
    *(make_endpoint("98.1.1.1", port) for port in range(2000, 2008)),
    *(make_endpoint(f"2a05:1:{number % 4}:{number}::1", 6881) for number in range(12)),
    *(make_endpoint(f"2002:{number:02x}01:101::1", 6881) for number in range(0x50, 0x54)),
    make_endpoint("45.1.1.9", 6881),
    make_endpoint("45.1.1.1", 7000),
]
"""Nodes of the network: tied to places of their own, crowds in one /24, one host, one /48."""
OF_FAMILY: Final = {
    family: [each for each in NODES if family_of(each) is family] for family in Family
}
LOCAL: Final = [
    make_endpoint(host, 6881)
    for host in ("127.0.0.1", "127.3.0.1", "192.168.1.1", "192.168.1.2", "10.0.0.9", "169.254.1.1")
] + [make_endpoint(host, 6881) for host in ("::1", "fd00::1", "fe80::1")]
ODD: Final = [
    Endpoint(address(1)[:4] + b"\0\0"),
    make_endpoint("224.0.0.1", 1),
    make_endpoint("192.0.2.1", 1),
    Endpoint(bytes(18)),
    *HOMES[Family.IPV4][1:3],
    *HOMES[Family.IPV6][1:3],
]
"""Endpoints where no node can be, and those of the core itself."""


def any_endpoint(rng: Random, family: Family | None = None) -> Endpoint:
    """Mostly a node of the network."""
    while True:
        drawn = rng.random()
        pool = NODES if drawn < 0.9 else LOCAL if drawn < 0.95 else ODD
        chosen = rng.choice(pool)
        if family is None or family_of(chosen) is family:
            return chosen


def key_at(endpoint: Endpoint) -> Identity:
    """The key of the node that is at an endpoint; some nodes have one key at several."""
    return STRANGERS[sum(endpoint) % len(STRANGERS)]


@lru_cache(maxsize=4096)
def home_id(endpoint: Endpoint) -> NodeId:
    """The ID that the node at an endpoint has: one in five is not tied to its address."""
    derived = derive_node_id(key_at(endpoint).public_key, ip_of(endpoint))
    return derived ^ 1 << 159 if sum(endpoint) % 5 == 0 else derived


@lru_cache(maxsize=64)
def own_id_at(endpoint: Endpoint) -> NodeId:
    """The ID that the core has at an address."""
    return derive_node_id(OWN.public_key, ip_of(endpoint))


OWN_IDS: Final = [own_id_at(home) for homes in HOMES.values() for home in homes]
"""All that the core has or may have."""
FIXED_IDS: Final = [
    0,
    (1 << 160) - 1,
    *OWN_IDS,
    *(OWN_IDS[0] ^ 1 << bit for bit in (0, 1, 8, 100, 150, 158, 159)),
]


def any_id(rng: Random, *preferred: NodeId) -> NodeId:
    """Of a node, of the core now or elsewhere, near one of these, or one that nobody has. Among
    ``preferred`` may be what the core looks for just now.
    """
    drawn = rng.random()
    if preferred and drawn < 0.3:
        return rng.choice(preferred)
    if preferred and drawn < 0.4:
        return rng.choice(preferred) ^ 1 << rng.randrange(160)
    if drawn < 0.7:
        return home_id(rng.choice(NODES))
    return rng.choice(FIXED_IDS) if drawn < 0.85 else rng.getrandbits(160)


@lru_cache(maxsize=8192)
def record_of(
    number: int, at: Endpoint | None, sequence: int, tag: bytes = TAG, odd: int = 0
) -> Mapping[bytes, Any]:
    """A signed record of the stranger with this number. ``odd``: 1 says that strangers do not reach
    it, 2 has an unknown field, 3 has services, 4 a broken signature.
    """
    extra: dict[int, dict[bytes, Any]] = {1: {b"closed": 1}, 2: {b"zz": [1, {}]}}
    fields = record_fields(
        STRANGERS[number],
        at,
        sequence,
        tag=tag,
        services={"p2p": 9333, "chain": b"\1\2"} if odd == 3 else None,
        extra=extra.get(odd),
    )
    return fields | {b"sig": bytes(64)} if odd == 4 else fields


def any_record(rng: Random, endpoint: Endpoint) -> dict[bytes, Any]:
    """Mostly the record of the node at that endpoint."""
    number, at = STRANGERS.index(key_at(endpoint)), endpoint
    drawn = rng.random()
    if drawn < 0.1:
        number = rng.randrange(len(STRANGERS))
    elif drawn < 0.2:
        at = any_endpoint(rng)
    named = None if drawn > 0.95 else at
    tag = bytes(20) if 0.2 <= drawn < 0.23 else TAG
    odd = rng.choice((1, 2, 3, 4)) if rng.random() < 0.15 else 0
    sequence = rng.choice((0, 1, 1, 1, 2, 3, 1 << 62))
    try:
        return dict(record_of(number, named, sequence, tag, odd))
    except ValueError:  # of an endpoint that no record can name
        return dict(record_of(number, None, sequence, tag, odd))


def proof_by(who: Identity, query: Gossip, asker: Endpoint) -> bytes | None:
    """What proves the key to the core, which is seen at ``asker``."""
    from kadisc.core.peers.proof import signed_text

    if query.challenge is None or query.asked is None:
        return None
    return who.sign(signed_text(TAG, query.challenge, query.asked, asker))
