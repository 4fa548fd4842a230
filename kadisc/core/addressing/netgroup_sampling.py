"""Draws in which each network has the same chance, and in it each address.

The attack: half of all peers, bought in bulk, lie in a few small networks, and push themselves as
often as they may. Drawn by address they are half of those that we exchange with, and half of what
others tell us; drawn by network they are a few of very many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

from ...endpoints import Endpoint

NetworkOf: TypeAlias = Callable[[Endpoint], bytes]
"""What is drawn first: the /24 (IPv6 /48) of an endpoint, say."""


def draw_evenly(endpoints: Sequence[Endpoint], network_of: NetworkOf, rng: Random) -> Endpoint:
    """One of them, that are at least one."""
    networks: dict[bytes, list[Endpoint]] = {}
    for endpoint in endpoints:
        networks.setdefault(network_of(endpoint), []).append(endpoint)
    return rng.choice(networks[rng.choice(list(networks))])
