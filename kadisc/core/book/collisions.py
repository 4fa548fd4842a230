"""Collisions of two peers that have the same place: the owner is tested before the new peer may
have it.

Attack: an attacker that can prove itself at many addresses, which costs little, replaces all peers
that a node verified over weeks by its own, and then waits for the restart of the node (the eclipse
attacks of 2015 on Bitcoin). Defence: an owner that answers stays. The model is Bitcoin's
test-before-evict, except that an owner that was not tested in time stays as well: an attacker could
see to it that there is no time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ...config import BookConfig
from ...endpoints import Endpoint
from ..contract.times import FOREVER, NEVER
from .entry import BookEntry


class CollisionRule(Protocol):
    def __len__(self) -> int: ...

    def claim(self, owner: BookEntry, newcomer: BookEntry, now: float) -> bool: ...

    def due(self, now: float) -> list[Endpoint]: ...

    def answered(self, owner: BookEntry) -> None: ...

    def failed(self, owner: BookEntry) -> BookEntry | None: ...

    def drop(self, is_unwanted: Callable[[Endpoint], bool]) -> None: ...

    def next_deadline(self) -> float: ...


@dataclass(slots=True)
class Collision:
    """``newcomer``: the peer that waits for the place; ``failures``: tests that the owner
    failed.
    """

    newcomer: BookEntry
    over_at: float
    test_at: float
    failures: int = 0


class Collisions:
    """At most ``tests`` collisions at a time, and one for each place: the first new peer waits."""

    def __init__(self, config: BookConfig) -> None:
        self._config = config
        self._collisions: dict[BookEntry, Collision] = {}
        self._next_test_at = NEVER

    def __len__(self) -> int:
        return len(self._collisions)

    def claim(self, owner: BookEntry, newcomer: BookEntry, now: float) -> bool:
        """Whether the new peer may have the place of the owner at once, which is never so. It may
        be reason to test the owner, which is then ``due``.
        """
        self._expire(now)
        config = self._config
        verified_lately = (
            owner.verified_in_run
            and now - owner.verified_at < config.recently_verified_s
            and not owner.failures
        )
        if (
            not verified_lately
            and owner not in self._collisions
            and len(self._collisions) < config.tests
        ):
            self._collisions[owner] = Collision(newcomer, now + config.test_lifetime_s, now)
        return False

    def due(self, now: float) -> list[Endpoint]:
        """The owner to be tested now, if there is one; it counts as asked. One at a time: a flood
        of new peers must not cause a flood of tests.
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

    def answered(self, owner: BookEntry) -> None:
        """The owner stays. Also called when it leaves the book for another reason."""
        self._collisions.pop(owner, None)

    def failed(self, owner: BookEntry) -> BookEntry | None:
        """The new peer that gets the place, if the owner has failed often enough."""
        collision = self._collisions.get(owner)
        if collision is None:
            return None
        collision.failures += 1
        if collision.failures < self._config.test_failures:
            return None
        del self._collisions[owner]
        return collision.newcomer

    def drop(self, is_unwanted: Callable[[Endpoint], bool]) -> None:
        """New peers at such endpoints wait no longer."""
        for owner, collision in [*self._collisions.items()]:
            if is_unwanted(collision.newcomer.endpoint):
                del self._collisions[owner]

    def next_deadline(self) -> float:
        return min(
            (
                min(max(each.test_at, self._next_test_at), each.over_at)
                for each in self._collisions.values()
            ),
            default=FOREVER,
        )

    def _expire(self, now: float) -> None:
        over = [owner for owner, each in self._collisions.items() if now >= each.over_at]
        for owner in over:
            del self._collisions[owner]
