"""Who came to us in this round and said "here I am": a few of them, drawn by lot.

The attack: pushes cost nothing, and the first, the last or the most frequent ones to be kept is
what a flood is best at. Here each address counts once a round, whatever it sends; each /16 (IPv6
/32) has one place at most; and who has the places is drawn by a hash of the address with a salt
that changes every round: a flood from f of the addresses holds f of the lots.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple, Protocol

from ...endpoints import Endpoint
from ...ids import NodeId
from ...config import GossipConfig
from ...wire.records import PeerRecord

MAX_SEEN: Final = 4096
SALT_BYTES: Final = 16


class Push(NamedTuple):
    """A peer's word of itself. Its token was good: it receives at that endpoint."""

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
        """Why it does not count, or None: then it takes part in the draw."""
        host = self._host(push.endpoint)
        if (
            self._counts.get(host, 0) >= self._config.pushes_per_round
            or len(self._counts) >= MAX_SEEN
        ):
            return "push-too-often"
        self._counts[host] = self._counts.get(host, 0) + 1
        self._kept.append((hashlib.blake2b(host, key=self._salt, digest_size=8).digest(), push))
        self._draw()
        return None

    def take_early(self) -> Push | None:
        """For whoever knows too few peers to wait for the end of the round: one at once, for a part
        of the round's places.
        """
        if not self._early_left or not self._kept:
            return None
        self._early_left -= 1
        return self._kept.pop()[1]

    def drain(self) -> list[Push]:
        """The round is over: those who were drawn."""
        kept = [push for _, push in self._kept]
        self._kept, self._counts, self._early_left = [], {}, self._config.reservoir // 2
        self._salt = self._rng.randbytes(SALT_BYTES)
        return kept

    def _draw(self) -> None:
        per_netgroup: dict[bytes, int] = {}
        drawn = []
        for lot, push in sorted(self._kept, key=lambda item: item[0]):
            netgroup = self._netgroup(push.endpoint)
            per_netgroup[netgroup] = per_netgroup.get(netgroup, 0) + 1
            if per_netgroup[netgroup] <= self._config.reservoir_per_netgroup:
                drawn.append((lot, push))
        self._kept = drawn[: self._config.reservoir]


class EveryPush:
    """What the reservoir is measured against: the latest ones, as often as they come."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._kept: list[Push] = []

    def __len__(self) -> int:
        return len(self._kept)

    def offer(self, push: Push) -> str | None:
        self._kept = [*self._kept, push][-self._config.reservoir :]
        return None

    def take_early(self) -> Push | None:
        return self._kept.pop() if self._kept else None

    def drain(self) -> list[Push]:
        kept, self._kept = self._kept, []
        return kept
