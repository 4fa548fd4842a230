"""Reservoir of pushes: of the nodes that pushed their record in this round, a few are drawn.

Attack: pushes cost nothing, so a node that keeps the first, the last or the most frequent ones
keeps those of a flood. Defence: each address counts once a round, however often it pushes; each /16
(IPv6 /32) has one place at most; the places go by a hash of the address with a salt that changes
every round. A flood from a share f of the addresses gets a share f of the places. Where more
addresses push than can be counted, the netgroup with most of them gives up the count of one: it has
one place in any case, and so the addresses of one wide prefix, however many, keep no other out.
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
from ..contract.bounded import Sizes

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
        self._counts: dict[bytes, dict[bytes, int]] = {}
        """How often each address pushed in this round, by netgroup."""
        self._sizes: Sizes[bytes] = Sizes()
        self._seen = 0
        self._early_left = config.reservoir // 2
        self._salt = rng.randbytes(SALT_BYTES)

    def __len__(self) -> int:
        return len(self._kept)

    def offer(self, push: Push) -> str | None:
        """Returns why the push does not count, or None: then it takes part in the draw."""
        host = self._host(push.endpoint)
        if not self._counted(host, self._netgroup(push.endpoint)):
            return "push-too-often"
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
        self._sizes = Sizes()
        self._seen = 0
        self._early_left = self._config.reservoir // 2
        self._salt = self._rng.randbytes(SALT_BYTES)
        return kept

    def _counted(self, host: bytes, netgroup: bytes) -> bool:
        """Counts a push. Returns False if it must not count."""
        hosts = self._counts.get(netgroup, {})
        count = hosts.get(host, 0)
        if count >= self._config.pushes_per_round:
            return False
        if not count:
            if self._seen >= MAX_SEEN and not self._forget_one(len(hosts)):
                return False
            self._seen += 1
            self._sizes.change(netgroup, 1)
        self._counts.setdefault(netgroup, {})[host] = count + 1
        return True

    def _forget_one(self, of_newcomer: int) -> bool:
        """Forgets an address of the netgroup that has most, if that is another one than the
        newcomer's, which has so many.
        """
        largest = self._sizes.largest()
        if largest is None or self._sizes.of(largest) <= max(1, of_newcomer):
            return False
        hosts = self._counts[largest]
        del hosts[next(iter(hosts))]
        self._sizes.change(largest, -1)
        self._seen -= 1
        return True

    def _draw(self) -> None:
        per_netgroup: dict[bytes, int] = {}
        drawn = []
        for rank, push in sorted(self._kept, key=itemgetter(0)):
            netgroup = self._netgroup(push.endpoint)
            per_netgroup[netgroup] = per_netgroup.get(netgroup, 0) + 1
            if per_netgroup[netgroup] <= self._config.reservoir_per_netgroup:
                drawn.append((rank, push))
        self._kept = drawn[: self._config.reservoir]
