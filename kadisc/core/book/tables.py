"""The two tables of the address book, and the place of an address in them.

Attack: one source reports a million addresses and displaces what other sources reported; then the
attacker chooses which addresses the node tries next. Defence: each address has one place in a
table, found by a secret hash. In the new table the netgroup of the *source* decides on 16 of 256
buckets, whatever it reports. In the tried table the prefixes of the address itself decide: four
buckets for a /16, two places for a /24. Without the secret an attacker cannot tell which addresses
compete for one place. The model is Bitcoin's addrman.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from random import Random
from typing import Protocol, TypeAlias

from ...config import BookConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from .entry import BookEntry, Source

Place: TypeAlias = tuple[int, int]
"""Bucket, and position in the bucket."""


class PlacementRule(Protocol):
    def new(self, endpoint: Endpoint, source: Source) -> Place: ...

    def tried(self, endpoint: Endpoint) -> Place: ...

    def prefixes(self, endpoint: Endpoint) -> tuple[bytes, bytes]: ...


class SecretHash:
    """Numbers below a bound from byte strings of any length, under one secret."""

    __slots__ = ("_key",)

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret).digest()

    def below(self, bound: int, *parts: bytes) -> int:
        text = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
        return int.from_bytes(blake2b(text, key=self._key, digest_size=8).digest(), "big") % bound


class GroupedPlacement:
    """The number of places that one prefix can have is bounded. The labels in the hashes ("lane",
    "which") are constants of the layout: other ones would move every entry.
    """

    __slots__ = ("_config", "_hash", "_policy")

    def __init__(self, config: BookConfig, secret: bytes, policy: AddressPolicy) -> None:
        self._config = config
        self._hash = SecretHash(secret)
        self._policy = policy

    def new(self, endpoint: Endpoint, source: Source) -> Place:
        config = self._config
        below = self._hash.below
        netgroup = self._policy.netgroup
        group = source.encode()[:64] if isinstance(source, str) else netgroup(source)
        # Which of the buckets of this source, then which bucket of all that is.
        choice = below(config.new_buckets_per_source, b"lane", group, netgroup(endpoint))
        bucket = below(config.new_buckets, b"new", group, choice.to_bytes(4, "big"))
        host = self._policy.host(endpoint)
        return bucket, below(config.new_bucket_size, b"place", bucket.to_bytes(4, "big"), host)

    def tried(self, endpoint: Endpoint) -> Place:
        config = self._config
        below = self._hash.below
        subnet = self._policy.subnet(endpoint)
        netgroup = self._policy.netgroup(endpoint)
        # Which of the buckets of this netgroup, then which bucket of all that is.
        choice = below(config.tried_buckets_per_netgroup, b"lane", subnet)
        bucket = below(config.tried_buckets, b"tried", netgroup, choice.to_bytes(4, "big"))
        # Which of the places of this subnet, then which place of the bucket that is.
        which = below(config.tried_places_per_subnet, b"which", self._policy.host(endpoint))
        return bucket, below(config.tried_bucket_size, b"place", subnet, which.to_bytes(4, "big"))

    def prefixes(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        """The subnet and the netgroup, by which a selection of peers is spread."""
        return self._policy.subnet(endpoint), self._policy.netgroup(endpoint)


class BookTable:
    """Entries by place; most places are empty, and their number is bounded by the placement.
    Iterates in a fixed order.
    """

    __slots__ = ("_buckets", "_count")

    def __init__(self) -> None:
        self._buckets: dict[int, dict[int, BookEntry]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[BookEntry]:
        for bucket in self._buckets.values():
            yield from bucket.values()

    def at(self, place: Place) -> BookEntry | None:
        return self._buckets.get(place[0], {}).get(place[1])

    def put(self, place: Place, entry: BookEntry) -> None:
        """The place must be empty."""
        assert self.at(place) is None
        self._buckets.setdefault(place[0], {})[place[1]] = entry
        self._count += 1

    def take(self, place: Place) -> None:
        bucket = self._buckets[place[0]]
        del bucket[place[1]]
        self._count -= 1
        if not bucket:
            del self._buckets[place[0]]

    def draw(self, rng: Random) -> BookEntry | None:
        """A random entry: first a random bucket, then a random entry of it. So a source that filled
        its buckets is not drawn more often than one that reported one peer in each bucket.
        """
        if not self._buckets:
            return None
        bucket = self._buckets[rng.choice(list(self._buckets))]
        return bucket[rng.choice(list(bucket))]
