"""Random draws in which each prefix has the same chance, and in a prefix each address.

Attack: half of all peers, bought in bulk, are in a few small networks, and push themselves as often
as they may. Drawn by address, they are half of the exchange partners, and half of what other peers
report. Defence: drawn by prefix, they are a few of very many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from random import Random
from typing import Final, TypeAlias

from ...endpoints import Endpoint

PrefixOf: TypeAlias = Callable[[Endpoint], bytes]
"""The prefix of an endpoint that is drawn first, for example its /24 (IPv6 /48)."""
SORTED_AT_MOST: Final = 1024
"""Of more endpoints so many are drawn at random first: the time that a draw takes is bounded."""


def draw_by_prefix(endpoints: Sequence[Endpoint], prefix_of: PrefixOf, rng: Random) -> Endpoint:
    """One of ``endpoints``, which must not be empty."""
    by_prefix: dict[bytes, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_prefix.setdefault(prefix_of(endpoint), []).append(endpoint)
    return rng.choice(by_prefix[rng.choice(list(by_prefix))])


def spread_by_prefix(
    endpoints: Sequence[Endpoint], count: int, prefix_of: PrefixOf, rng: Random
) -> list[Endpoint]:
    """At most ``count`` in random order: one of each prefix before a second one of any."""
    drawn = rng.sample(endpoints, min(len(endpoints), SORTED_AT_MOST))
    if len(drawn) <= count:
        return drawn
    turns: dict[bytes, int] = {}
    placed: list[tuple[int, Endpoint]] = []
    for endpoint in drawn:
        prefix = prefix_of(endpoint)
        turn = turns[prefix] = turns.get(prefix, 0) + 1
        placed.append((turn, endpoint))
    placed.sort(key=itemgetter(0))
    return [endpoint for _, endpoint in placed[:count]]
