"""The address book: who was heard of, who was met, where from, and what became of them. It outlives
the run.

Two tables (`book_tables.py`): *new* for hearsay, *tried* for peers that proved themselves by an
exchange of records. One identity per address. Nothing that others say changes or removes a peer
that was met; only its own silence does, when a newcomer has a claim to its place (`contests.py`) or
after a week. The model is Bitcoin's addrman; its lessons stand where they are applied.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Final

from ...config import BookConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..contract.saved_state import SavedBook
from ..contract.verified_peer import VerifiedPeer
from .collisions import CollisionRule
from .entry import (
    NEVER,
    BookEntry,
    BookPeer,
    BookSnapshot,
    Provenance,
    Source,
    Verdict,
    provenance_of,
)
from .feedback import FeedbackRule
from .persistence import book_peer_of, saved_book
from .tables import BookTable, Place, PlacementRule

FOREVER: Final = float("inf")
ANCHOR_NEWS_S: Final = 3600.0
"""Anchors were verified within this time before whoever was verified last: not long ago, as seen
from the end of the run.
"""


class AddressBook:
    """``len()`` is the number of peers in both tables. No call costs more than a pass through the
    tables, most of them one look.
    """

    def __init__(
        self,
        config: BookConfig,
        rng: Random,
        scopes: AddressPolicy,
        placement: PlacementRule,
        collisions: CollisionRule,
        verdicts: FeedbackRule,
    ) -> None:
        self._config = config
        self._rng = rng
        self._scopes = scopes
        self._placement = placement
        self._collisions = collisions
        self._verdicts = verdicts
        self._new = BookTable()
        self._tried = BookTable()
        self._by_host: dict[bytes, BookPeer] = {}
        self._by_key: dict[tuple[bytes, int], BookPeer] = {}  # by key and family
        self._next_feeler_at = NEVER
        self._feels_tried = False

    def __len__(self) -> int:
        return len(self._by_host)

    @property
    def heard_of(self) -> int:
        """Peers in the new table..."""
        return len(self._new)

    @property
    def met(self) -> int:
        """...and in the tried one."""
        return len(self._tried)

    # --- what is learned --------------------------------------------------------------------------

    def heard(self, endpoint: Endpoint, source: Source, now: float) -> str | None:
        """Somebody says that a peer is there. Returns why that was not taken, or None."""
        if not self._may_hear(endpoint, source):
            return "book-scope"
        host = self._scopes.host(endpoint)
        known = self._by_host.get(host)
        if known is not None and known.endpoint == endpoint:
            known.heard_at = now
            known.heard_times += 1
            return "book-known"
        if known is not None and (known.tried or not known.failures):
            return "book-identity"
        entry = BookPeer(endpoint, host, source, now, now)
        if not self._room_in_new(entry, now, known):
            return "book-place"
        if known is not None:
            self._forget(known)
        self._put_new(entry, now)
        return None

    def verified(
        self, peer: VerifiedPeer, now: float, *, source: Source, rtt_s: float | None = None
    ) -> None:
        """It exchanged records with us at its endpoint. It goes to the tried table, or waits until
        the owner of its place there was tested.
        """
        host = self._scopes.host(peer.endpoint)
        here, elsewhere = self._by_host.get(host), self._by_key.get((peer.key, len(peer.endpoint)))
        if (
            elsewhere is not None
            and elsewhere.peer is not None
            and peer.sequence < elsewhere.peer.sequence
        ):
            return
        if here is None or here.endpoint != peer.endpoint:
            here = self._arrival(peer, host, here, elsewhere, source, now)
        elif elsewhere is not None and elsewhere is not here:
            self._forget(elsewhere)  # it has moved here, where somebody else was
        self._prove(here, peer, rtt_s, now)
        if not here.tried:
            self._promote(here, now)

    def failed(self, endpoint: Endpoint, now: float) -> None:
        """It left a query unanswered while we were online. Failures close together count as one."""
        entry = self._at(endpoint)
        if entry is None or now - entry.failed_at < self._config.failure_spacing_s:
            return
        entry.failures += 1
        entry.failed_at = now
        config = self._config
        if not entry.tried:
            if entry.failures >= config.new_failures:
                self._forget(entry)
            return
        newcomer = self._collisions.failed(entry)
        if newcomer is not None:
            self._succeed(entry, newcomer, now)
        elif (
            entry.failures >= config.tried_failures
            and now - entry.verified_at >= config.tried_lifetime_s
        ):
            self._forget(entry)

    def seated(self, endpoints: Iterable[Endpoint]) -> None:
        """They hold slots that are old enough: ranks have chosen them, and that is remembered of
        them while they live there.
        """
        for endpoint in endpoints:
            entry = self._at(endpoint)
            if entry is not None:
                entry.seated = True

    def drop(self, endpoint: Endpoint) -> None:
        """It turned out to be our own."""
        entry = self._at(endpoint)
        if entry is not None:
            self._forget(entry)

    def feedback(self, key: bytes, verdict: Verdict, now: float) -> bool:
        """What the application says of a peer; False if the book does not know it (any more)."""
        entries = self._with_key(key)
        for entry in entries:
            self._verdicts.judge(entry, verdict, now, len(self._tried))
        return bool(entries)

    # --- what is to be done -----------------------------------------------------------------------

    def tests_due(self, now: float) -> list[Endpoint]:
        """Owners of contested places, to be asked now; ``verified`` or ``failed`` is then to be
        called.
        """
        return self._collisions.due(now)

    def feeler(self, now: float) -> Endpoint | None:
        """One address to be tested, every two minutes: of those heard of, by lot, and of those met,
        the one not verified for longest, in turn.
        """
        if now < self._next_feeler_at:
            return None
        self._next_feeler_at = now + self._config.feeler_interval_s
        self._feels_tried = not self._feels_tried
        heard, met = (
            self._new.draw(self._rng),
            min(
                self._tried, key=lambda entry: max(entry.verified_at, entry.failed_at), default=None
            ),
        )
        entry = (met or heard) if self._feels_tried else (heard or met)
        return entry.endpoint if entry is not None else None

    def next_deadline(self) -> float:
        return (
            min(self._next_feeler_at, self._collisions.next_deadline())
            if self._by_host
            else FOREVER
        )

    # --- what it tells ----------------------------------------------------------------------------

    def select(
        self,
        count: int,
        now: float,
        *,
        service: str | None = None,
        verified_within_s: float | None = None,
        but_not: Container[bytes] = (),
        only_seated: bool = False,
    ) -> list[BookEntry]:
        """At most ``count`` peers for the application: verified in this run, and so lately (None:
        as the config says), whose last query was answered; never two of one /24 (IPv6 /48), and of
        one /16 (/32) only when there are no others. By lot; a good word makes one likelier, a bad
        one keeps it back. ``but_not``: keys of those that are not wanted; ``only_seated``: of those
        alone that held a slot.
        """
        within_s = self._config.returnable_for_s if verified_within_s is None else verified_within_s
        weighted = []
        for entry in self._tried:
            is_eligible = entry.met and not entry.failures and (entry.seated or not only_seated)
            weight = self._verdicts.weight(entry, now) if is_eligible else 0.0
            if (
                weight
                and entry.peer
                and now - entry.verified_at <= within_s
                and _is_wanted(entry.peer, service, but_not)
            ):
                # Efraimidis and Spirakis 2006: sorted by these, the first n are a weighted sample
                # without replacement.
                weighted.append((self._rng.random() ** (1.0 / weight), entry))
        weighted.sort(key=lambda pair: pair[0], reverse=True)
        chosen = self._diverse([entry for _, entry in weighted], count)
        return [
            BookEntry(entry.peer, now - entry.verified_at, entry.rtt_s)
            for entry in chosen
            if entry.peer
        ]

    def peers(self) -> list[VerifiedPeer]:
        """All that were verified in this run and answered last."""
        return [
            entry.peer for entry in self._tried if entry.met and entry.peer and not entry.failures
        ]

    def anchors(self) -> list[Endpoint]:
        """Whom to ask first after a restart: those known for longest, in different networks, that
        were there at the end of the run.
        """
        last = max((entry.verified_at for entry in self._tried), default=NEVER)
        there = [
            entry
            for entry in self._tried
            if not entry.failures and entry.verified_at >= last - ANCHOR_NEWS_S
        ]
        there.sort(key=lambda entry: entry.first_verified_at)
        return [entry.endpoint for entry in self._diverse(there, self._config.anchors)]

    def why(self, who: bytes | Endpoint, now: float) -> Provenance | None:
        """What is known of a peer, by its key (32 bytes) or its endpoint."""
        entry = next(iter(self._with_key(who)), None) if len(who) == 32 else self._at(Endpoint(who))
        return provenance_of(entry, now) if entry is not None else None

    def snapshot(self) -> BookSnapshot:
        met = sum(entry.met for entry in self._tried)
        return BookSnapshot(
            len(self._new), len(self._tried), met, len(self._collisions), tuple(self.anchors())
        )

    def by_lot(self, failed_before: float) -> list[Endpoint]:
        """Where those are that were met, and then those heard of, by lot; without those that failed
        since.
        """
        chosen: list[Endpoint] = []
        for table in (self._tried, self._new):
            there = [entry.endpoint for entry in table if entry.failed_at < failed_before]
            self._rng.shuffle(there)
            chosen += there
        return chosen

    def entries(self) -> Iterator[BookPeer]:
        """All of both tables, those met first; to be read only."""
        yield from self._tried
        yield from self._new

    # --- from run to run --------------------------------------------------------------------------

    def export(self, now: float) -> SavedBook:
        return saved_book(self.entries(), now)

    def restore(self, saved: SavedBook, now: float) -> dict[str, int]:
        """Takes up what a file says, entry by entry, whatever is wrong with others: they are
        counted by reason, and nothing is raised. None is given to the application before it was
        verified in this run: a file may be old, or somebody else's.
        """
        refused: dict[str, int] = {}
        for each in saved.peers:
            found = book_peer_of(each, now)
            reason = found if isinstance(found, str) else self._recall(found)
            if reason is not None:
                refused[reason] = refused.get(reason, 0) + 1
        return refused

    # --- who has which place ----------------------------------------------------------------------

    def _may_hear(self, endpoint: Endpoint, source: Source) -> bool:
        """A node may name only what is of its scope; a word stands for something that the operator
        chose to listen to.
        """
        if isinstance(source, str):
            return not (self._scopes.is_invalid(endpoint) or self._scopes.is_barred(endpoint))
        return self._scopes.may_take(endpoint, source)

    def _recall(self, entry: BookPeer) -> str | None:
        """Puts an entry of the last run where it was, if the place is free. Returns why not, or
        None.
        """
        if not self._may_hear(entry.endpoint, entry.source):
            return "book-scope"
        entry.host = self._scopes.host(entry.endpoint)
        if entry.host in self._by_host or (
            entry.peer is not None and (entry.peer.key, len(entry.endpoint)) in self._by_key
        ):
            return "book-known"
        place = (
            self._placement.tried(entry.endpoint)
            if entry.tried
            else self._placement.new(entry.endpoint, entry.source)
        )
        table = self._tried if entry.tried else self._new
        if table.at(place) is not None:
            return "book-place"
        self._put(table, place, entry)
        return None

    def _arrival(
        self,
        peer: VerifiedPeer,
        host: bytes,
        here: BookPeer | None,
        elsewhere: BookPeer | None,
        source: Source,
        now: float,
    ) -> BookPeer:
        """The entry of a peer at an endpoint where the book knows nobody. If it has moved, its
        history comes along.
        """
        entry = BookPeer(peer.endpoint, host, source, now, now)
        if elsewhere is not None:
            entry = replace(
                elsewhere, endpoint=peer.endpoint, host=host, tried=False, place=None, seated=False
            )
            self._forget(elsewhere)
        if not self._may_hear(entry.endpoint, entry.source):
            entry.source = entry.endpoint  # nobody of another scope can have led us there
        if here is not None and here is not elsewhere and not here.tried:
            self._forget(
                here
            )  # another port of this address was only heard of, and this one has proved itself
        return entry

    def _prove(self, entry: BookPeer, peer: VerifiedPeer, rtt_s: float | None, now: float) -> None:
        if entry.peer is not None and entry.peer.key != peer.key:
            self._by_key.pop((entry.peer.key, len(entry.endpoint)), None)
            self._verdicts.forget(entry)
            # Somebody else lives here now. That it was seated stays: ranks are of addresses.
            entry.first_verified_at, entry.verdict, entry.good, entry.held_back_until = (
                NEVER,
                None,
                0,
                NEVER,
            )
        entry.peer, entry.verified_at, entry.met = peer, now, True
        entry.first_verified_at = (
            now if entry.first_verified_at == NEVER else entry.first_verified_at
        )
        entry.failures, entry.failed_at = 0, NEVER
        entry.rtt_s = entry.rtt_s if rtt_s is None else rtt_s
        if entry.place is not None:
            self._by_key[peer.key, len(peer.endpoint)] = entry
        self._collisions.answered(entry)

    def _promote(self, entry: BookPeer, now: float) -> None:
        place = self._placement.tried(entry.endpoint)
        owner = self._tried.at(place)
        if owner is None or self._collisions.claim(owner, entry, now):
            self._succeed(owner, entry, now)
        elif (
            entry.place is None
            and entry.host not in self._by_host
            and self._room_in_new(entry, now)
        ):
            self._put_new(entry, now)

    def _succeed(self, owner: BookPeer | None, newcomer: BookPeer, now: float) -> None:
        """The newcomer takes its place among those met. Who was there goes back to those heard of,
        if there is room.
        """
        if newcomer.failures or self._by_host.get(newcomer.host) not in (None, owner, newcomer):
            return  # it is gone itself, or the address has another identity by now
        if newcomer.peer is not None and self._by_key.get(
            (newcomer.peer.key, len(newcomer.endpoint))
        ) not in (None, owner, newcomer):
            return  # it has moved since
        place = self._placement.tried(newcomer.endpoint)
        if owner is not None:
            self._forget(owner)
        if self._tried.at(place) is not None:
            return
        if newcomer.place is not None:
            self._forget(newcomer)
        newcomer.tried = True
        self._put(self._tried, place, newcomer)
        if owner is not None and owner.host not in self._by_host:
            owner.tried = False
            if self._room_in_new(owner, now):
                self._put_new(owner, now)

    def _room_in_new(self, entry: BookPeer, now: float, besides: BookPeer | None = None) -> bool:
        """Whether its place is free, or held by somebody who gives way: who failed, or was not
        heard of for long. Hearsay displaces no live hearsay, or a flood from the same source would
        wash out what it said before.
        """
        owner = self._new.at(self._placement.new(entry.endpoint, entry.source))
        return (
            owner is None
            or owner is besides
            or bool(owner.failures)
            or now - owner.known_at >= self._config.new_lifetime_s
        )

    def _put_new(self, entry: BookPeer, now: float) -> None:
        place = self._placement.new(entry.endpoint, entry.source)
        owner = self._new.at(place)
        if owner is not None:
            self._forget(owner)
        self._put(self._new, place, entry)

    def _put(self, table: BookTable, place: Place, entry: BookPeer) -> None:
        table.put(place, entry)
        entry.place = place
        self._by_host[entry.host] = entry
        if entry.peer is not None:
            self._by_key[entry.peer.key, len(entry.endpoint)] = entry

    def _forget(self, entry: BookPeer) -> None:
        self._collisions.answered(entry)
        self._verdicts.forget(entry)
        if entry.place is None:
            return
        (self._tried if entry.tried else self._new).take(entry.place)
        entry.place = None
        del self._by_host[entry.host]
        if entry.peer is not None:
            self._by_key.pop((entry.peer.key, len(entry.endpoint)), None)

    def _at(self, endpoint: Endpoint) -> BookPeer | None:
        entry = self._by_host.get(self._scopes.host(endpoint))
        return entry if entry is not None and entry.endpoint == endpoint else None

    def _with_key(self, key: bytes) -> list[BookPeer]:
        """In both families."""
        return [entry for size in (6, 18) if (entry := self._by_key.get((key, size))) is not None]

    def _diverse(self, entries: list[BookPeer], count: int) -> list[BookPeer]:
        """The first of each /16 (IPv6 /32), then the first of each further /24 (/48)."""
        chosen: list[BookPeer] = []
        subnet, netgroup = set[bytes](), set[bytes]()
        for seldom in (True, False):
            for entry in entries:
                if len(chosen) >= count:
                    return chosen
                small, large = self._placement.networks(entry.endpoint)
                if small not in subnet and not (seldom and large in netgroup):
                    chosen.append(entry)
                    subnet.add(small)
                    netgroup.add(large)
        return chosen


def _is_wanted(peer: VerifiedPeer, service: str | None, but_not: Container[bytes]) -> bool:
    return peer.key not in but_not and (service is None or service in peer.services)
