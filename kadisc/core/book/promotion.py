"""Moves entries of the address book into, between and out of its two tables."""

from __future__ import annotations

from ...config import BookConfig
from .collisions import CollisionRule
from .entry import BookEntry
from .index import BookIndex


class Promotion:
    """Decides which entry has a place, and tells collisions of entries that leave."""

    def __init__(
        self,
        config: BookConfig,
        index: BookIndex,
        collisions: CollisionRule,
    ) -> None:
        self._config = config
        self._index = index
        self._collisions = collisions

    def promote(self, entry: BookEntry, now: float) -> None:
        """Moves a verified peer to the tried table, or lets it wait in the new one."""
        owner = self._index.tried.at(self._index.tried_place_of(entry))
        if owner is None or self._collisions.claim(owner, entry, now):
            self.succeed(owner, entry, now)
        elif (
            entry.place is None
            and self._index.of_host(entry.host) is None
            and self.has_room_in_new(entry, now)
        ):
            self.put_new(entry)

    def succeed(self, owner: BookEntry | None, newcomer: BookEntry, now: float) -> None:
        """The new peer takes its place in the tried table. The owner goes back to the new table, if
        there is room.
        """
        index = self._index
        if newcomer.failures or index.of_host(newcomer.host) not in (None, owner, newcomer):
            return  # it does not answer any more, or its host has another entry by now
        if newcomer.peer is not None:
            same_key = index.of_key(newcomer.peer.key, newcomer.endpoint)
            if same_key not in (None, owner, newcomer):
                return  # it has moved since
        place = index.tried_place_of(newcomer)
        if owner is not None:
            self.forget(owner)
        if index.tried.at(place) is not None:
            return
        if newcomer.place is not None:
            self.forget(newcomer)
        newcomer.tried = True
        index.put(place, newcomer)
        if owner is not None and index.of_host(owner.host) is None:
            owner.tried = False
            if self.has_room_in_new(owner, now):
                self.put_new(owner)

    def has_room_in_new(
        self, entry: BookEntry, now: float, besides: BookEntry | None = None
    ) -> bool:
        """Whether the place of an entry is free, or its owner may be replaced, because it failed or
        was not reported for long. A report displaces no live report, or a flood from one source
        would displace what that source reported before. ``besides``: an owner that is removed
        anyway.
        """
        owner = self._index.new.at(self._index.place_of(entry))
        return (
            owner is None
            or owner is besides
            or bool(owner.failures)
            or now - owner.last_news_at >= self._config.new_lifetime_s
        )

    def put_new(self, entry: BookEntry) -> None:
        place = self._index.place_of(entry)
        owner = self._index.new.at(place)
        if owner is not None:
            self.forget(owner)
        self._index.put(place, entry)

    def forget(self, entry: BookEntry) -> None:
        self._collisions.answered(entry)
        self._index.remove(entry)
