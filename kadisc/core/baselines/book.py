"""What the defences of the room `book` are compared with: no test before eviction, feedback without
bounds, and places without groups.
"""

from __future__ import annotations

from collections.abc import Callable

from ...config import BookConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..book.entry import BookEntry, Source
from ..book.tables import Place, SecretHash
from ..book.verdicts import MAX_GOOD
from ..contract.saved_state import Verdict
from ..contract.times import FOREVER


class NewestWins:
    """In place of `Collisions`: a new peer takes the place of the owner at once."""

    __slots__ = ()

    def __len__(self) -> int:
        return 0

    def claim(self, owner: BookEntry, newcomer: BookEntry, now: float) -> bool:
        return True

    def due(self, now: float) -> list[Endpoint]:
        return []

    def answered(self, owner: BookEntry) -> None:
        pass

    def failed(self, owner: BookEntry) -> BookEntry | None:
        return None

    def drop(self, is_unwanted: Callable[[Endpoint], bool]) -> None:
        pass

    def next_deadline(self) -> float:
        return FOREVER


class NoVerdictBounds:
    """In place of `VerdictBounds`: counts every verdict and believes it for good."""

    __slots__ = ()

    @property
    def max_good(self) -> int:
        return MAX_GOOD

    def lasts_s(self, verdict: Verdict) -> float:
        return 0.0 if verdict == "good" else FOREVER

    def max_held_back(self, known: int) -> int:
        return known

    def weight(self, good: int) -> float:
        return 1.0 + good


class PlainPlacement:
    """In place of `GroupedPlacement`: the place depends on the address alone. Also for labs inside
    one network.
    """

    __slots__ = ("_config", "_hash", "_policy")

    def __init__(self, config: BookConfig, secret: bytes, policy: AddressPolicy) -> None:
        self._config = config
        self._hash = SecretHash(secret)
        self._policy = policy

    def new(self, endpoint: Endpoint, source: Source) -> Place:
        size = self._config.new_bucket_size
        places = self._config.new_buckets * size
        return divmod(self._hash.below(places, b"new", self._policy.host(endpoint)), size)

    def tried(self, endpoint: Endpoint) -> Place:
        size = self._config.tried_bucket_size
        places = self._config.tried_buckets * size
        return divmod(self._hash.below(places, b"tried", self._policy.host(endpoint)), size)

    def prefixes(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        host = self._policy.host(endpoint)
        return host, host
