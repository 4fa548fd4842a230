"""The two tables of the address book, and where in them an address belongs.

The attack: one source names a million addresses, and what others named is washed out; then whom the
node tries next is the attacker's choice. So each address has one place in a table, found by a
secret hash: among those heard of, the network of the *source* decides on 16 of 256 buckets,
whatever it names; among those met, the networks of the address itself: four buckets for a /16, two
places for a /24. Without the secret nobody can tell which address would compete with which. The
model is Bitcoin's addrman.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from random import Random
from typing import Protocol, TypeAlias

from ...config import BookConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from .entry import BookPeer, Source

Place: TypeAlias = tuple[int, int]
"""Bucket, and position in it."""


class PlacementRule(Protocol):
    def new(self, endpoint: Endpoint, source: Source) -> Place: ...

    def tried(self, endpoint: Endpoint) -> Place: ...

    def networks(self, endpoint: Endpoint) -> tuple[bytes, bytes]: ...


class SecretHash:
    """Numbers below a bound, for parts of any length, under one secret."""

    __slots__ = ("_key",)

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret).digest()

    def below(self, bound: int, *parts: bytes) -> int:
        text = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
        return int.from_bytes(blake2b(text, key=self._key, digest_size=8).digest(), "big") % bound


class GroupedPlacement:
    """Each network has its bounds."""

    __slots__ = ("_config", "_hash", "_scopes")

    def __init__(self, config: BookConfig, secret: bytes, scopes: AddressPolicy) -> None:
        self._config = config
        self._hash = SecretHash(secret)
        self._scopes = scopes

    def new(self, endpoint: Endpoint, source: Source) -> Place:
        config, below = self._config, self._hash.below
        group = source.encode()[:64] if isinstance(source, str) else self._scopes.netgroup(source)
        lane = below(config.new_buckets_per_source, b"lane", group, self._scopes.netgroup(endpoint))
        bucket = below(config.new_buckets, b"new", group, lane.to_bytes(4, "big"))
        return bucket, below(
            config.new_bucket_size, b"place", bucket.to_bytes(4, "big"), self._scopes.host(endpoint)
        )

    def tried(self, endpoint: Endpoint) -> Place:
        config, below, subnet = self._config, self._hash.below, self._scopes.subnet(endpoint)
        lane = below(config.tried_buckets_per_netgroup, b"lane", subnet)
        bucket = below(
            config.tried_buckets, b"tried", self._scopes.netgroup(endpoint), lane.to_bytes(4, "big")
        )
        which = below(config.tried_places_per_subnet, b"which", self._scopes.host(endpoint))
        return bucket, below(config.tried_bucket_size, b"place", subnet, which.to_bytes(4, "big"))

    def networks(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        """The smaller and the larger one that are not to be met twice among a few that are chosen."""
        return self._scopes.subnet(endpoint), self._scopes.netgroup(endpoint)


class PlainPlacement:
    """By the address alone: for labs inside one network, and what the groups are measured against."""

    __slots__ = ("_config", "_hash", "_scopes")

    def __init__(self, config: BookConfig, secret: bytes, scopes: AddressPolicy) -> None:
        self._config = config
        self._hash = SecretHash(secret)
        self._scopes = scopes

    def new(self, endpoint: Endpoint, source: Source) -> Place:
        place = self._hash.below(
            self._config.new_buckets * self._config.new_bucket_size,
            b"new",
            self._scopes.host(endpoint),
        )
        return divmod(place, self._config.new_bucket_size)

    def tried(self, endpoint: Endpoint) -> Place:
        place = self._hash.below(
            self._config.tried_buckets * self._config.tried_bucket_size,
            b"tried",
            self._scopes.host(endpoint),
        )
        return divmod(place, self._config.tried_bucket_size)

    def networks(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        host = self._scopes.host(endpoint)
        return host, host


class BookTable:
    """Places, most of them empty; bounded by what the placement can name. Iterates in a fixed
    order.
    """

    __slots__ = ("_buckets", "_count")

    def __init__(self) -> None:
        self._buckets: dict[int, dict[int, BookPeer]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[BookPeer]:
        for bucket in self._buckets.values():
            yield from bucket.values()

    def at(self, place: Place) -> BookPeer | None:
        return self._buckets.get(place[0], {}).get(place[1])

    def put(self, place: Place, entry: BookPeer) -> None:
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

    def draw(self, rng: Random) -> BookPeer | None:
        """First a bucket by lot, then one in it: a source that filled its buckets is not drawn more
        often than one that named one peer in each.
        """
        if not self._buckets:
            return None
        bucket = self._buckets[rng.choice(list(self._buckets))]
        return bucket[rng.choice(list(bucket))]
