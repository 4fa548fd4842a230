"""Reservoir of pushes: of the nodes that pushed their record in this round, a few are drawn.

Attack: pushes cost nothing, so a node that keeps the first, the last or the most frequent ones
keeps those of a flood. Defence: each address counts once a round, however often it pushes; each /16
(IPv6 /32) has one place at most; the places go by a hash of the address with a salt that changes
every round. A flood from a share f of the addresses gets a share f of the places.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from operator import itemgetter
from random import Random
from typing import Final, NamedTuple, Protocol

from ...config import GossipConfig
from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.records import PeerRecord

MAX_SEEN: Final = 4096
"""Addresses counted in one round at most."""
SALT_BYTES: Final = 16


class Push(NamedTuple):
    """The record that a peer pushed. Its token was valid: the peer receives at that endpoint."""

    endpoint: Endpoint
    node_id: NodeId
    record: PeerRecord


class PushRule(Protocol):
    def __len__(self) -> int: ...

    def offer(self, push: Push) -> str | None: ...

    def take_early(self) -> Push | None: ...

    def drain(self) -> list[Push]: ...


class PushReservoir:
    def __init__(
        self,
        config: GossipConfig,
        rng: Random,
        host: Callable[[Endpoint], bytes],
        netgroup: Callable[[Endpoint], bytes],
    ) -> None:
        self._config = config
        self._rng = rng
        self._host = host
        self._netgroup = netgroup
        self._kept: list[tuple[bytes, Push]] = []
        self._counts: dict[bytes, int] = {}
        self._early_left = config.reservoir // 2
        self._salt = rng.randbytes(SALT_BYTES)

    def __len__(self) -> int:
        return len(self._kept)

    def offer(self, push: Push) -> str | None:
        """Returns why the push does not count, or None: then it takes part in the draw."""
        host = self._host(push.endpoint)
        count = self._counts.get(host, 0)
        if count >= self._config.pushes_per_round or len(self._counts) >= MAX_SEEN:
            return "push-too-often"
        self._counts[host] = count + 1
        self._kept.append((hashlib.blake2b(host, key=self._salt, digest_size=8).digest(), push))
        self._draw()
        return None

    def take_early(self) -> Push | None:
        """One push at once, for a node that knows too few peers to wait for the end of the round;
        up to a part of the round's places.
        """
        if not self._early_left or not self._kept:
            return None
        self._early_left -= 1
        return self._kept.pop()[1]

    def drain(self) -> list[Push]:
        """The round is over: returns the pushes that were drawn."""
        kept = [push for _, push in self._kept]
        self._kept = []
        self._counts = {}
        self._early_left = self._config.reservoir // 2
        self._salt = self._rng.randbytes(SALT_BYTES)
        return kept

    def _draw(self) -> None:
        per_netgroup: dict[bytes, int] = {}
        drawn = []
        for rank, push in sorted(self._kept, key=itemgetter(0)):
            netgroup = self._netgroup(push.endpoint)
            per_netgroup[netgroup] = per_netgroup.get(netgroup, 0) + 1
            if per_netgroup[netgroup] <= self._config.reservoir_per_netgroup:
                drawn.append((rank, push))
        self._kept = drawn[: self._config.reservoir]
