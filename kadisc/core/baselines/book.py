"""What the defences of the room `book` are compared with: no test before eviction, feedback without
bounds, and places without groups.
"""

from __future__ import annotations

from ...config import BookConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..book.entry import BookEntry, Source, Verdict
from ..book.tables import Place, SecretHash
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

    def next_deadline(self) -> float:
        return FOREVER


class UnboundedFeedback:
    """In place of `BoundedFeedback`: counts every verdict and believes it for good."""

    __slots__ = ()

    def judge(self, entry: BookEntry, verdict: Verdict, now: float, tried: int) -> None:
        entry.verdict = verdict
        if verdict == "good":
            entry.good += 1
        else:
            entry.held_back_until = FOREVER

    def weight(self, entry: BookEntry, now: float) -> float:
        return 0.0 if now < entry.held_back_until else 1.0 + entry.good

    def forget(self, entry: BookEntry) -> None:
        pass


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
