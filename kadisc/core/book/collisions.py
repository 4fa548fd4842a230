"""Two peers, one place: the owner is tested before a newcomer may have it.

The attack: whoever can prove himself at many addresses, which costs little, replaces all that a
node has met over weeks by peers of his own, and then waits for its restart (the eclipse attacks of
2015 on Bitcoin). An owner that answers stays. Bitcoin's test-before-evict is the model, except that
an owner nobody found the time to test stays as well: an attacker could see to it that there is no
time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ...config import BookConfig
from ...endpoints import Endpoint
from .entry import NEVER, BookPeer


class CollisionRule(Protocol):
    def __len__(self) -> int: ...

    def claim(self, owner: BookPeer, newcomer: BookPeer, now: float) -> bool: ...

    def due(self, now: float) -> list[Endpoint]: ...

    def answered(self, owner: BookPeer) -> None: ...

    def failed(self, owner: BookPeer) -> BookPeer | None: ...

    def next_deadline(self) -> float: ...


@dataclass(slots=True)
class Collision:
    newcomer: BookPeer
    over_at: float
    test_at: float
    failures: int = 0


class Collisions:
    """At most ``tests`` at a time and one a place: the first newcomer is the one who waits."""

    def __init__(self, config: BookConfig) -> None:
        self._config = config
        self._collisions: dict[BookPeer, Collision] = {}
        self._next_test_at = NEVER

    def __len__(self) -> int:
        return len(self._collisions)

    def claim(self, owner: BookPeer, newcomer: BookPeer, now: float) -> bool:
        """Whether the newcomer may have the owner's place at once. Never: but it may be worth a
        test of the owner, who is then ``due``.
        """
        self._expire(now)
        lately = (
            owner.met
            and now - owner.verified_at < self._config.recently_verified_s
            and not owner.failures
        )
        if (
            not lately
            and owner not in self._collisions
            and len(self._collisions) < self._config.tests
        ):
            self._collisions[owner] = Collision(newcomer, now + self._config.test_lifetime_s, now)
        return False

    def due(self, now: float) -> list[Endpoint]:
        """The owner to be tested now, if there is one; it counts as asked. One at a time: a flood
        of newcomers must not become one of tests.
        """
        self._expire(now)
        if now < self._next_test_at:
            return []
        for owner, collision in self._collisions.items():
            if now >= collision.test_at:
                collision.test_at = now + self._config.test_interval_s
                self._next_test_at = now + self._config.test_pause_s
                return [owner.endpoint]
        return []

    def answered(self, owner: BookPeer) -> None:
        """It stays. Also to be called when it leaves for another reason."""
        self._collisions.pop(owner, None)

    def failed(self, owner: BookPeer) -> BookPeer | None:
        """Who is to have its place now, if it failed often enough."""
        collision = self._collisions.get(owner)
        if collision is None:
            return None
        collision.failures += 1
        if collision.failures < self._config.test_failures:
            return None
        del self._collisions[owner]
        return collision.newcomer

    def next_deadline(self) -> float:
        return min(
            (
                min(max(each.test_at, self._next_test_at), each.over_at)
                for each in self._collisions.values()
            ),
            default=float("inf"),
        )

    def _expire(self, now: float) -> None:
        for owner in [
            owner for owner, collision in self._collisions.items() if now >= collision.over_at
        ]:
            del self._collisions[owner]


class NewestWins:
    """What the tests are measured against."""

    __slots__ = ()

    def __len__(self) -> int:
        return 0

    def claim(self, owner: BookPeer, newcomer: BookPeer, now: float) -> bool:
        return True

    def due(self, now: float) -> list[Endpoint]:
        return []

    def answered(self, owner: BookPeer) -> None:
        pass

    def failed(self, owner: BookPeer) -> BookPeer | None:
        return None

    def next_deadline(self) -> float:
        return float("inf")
