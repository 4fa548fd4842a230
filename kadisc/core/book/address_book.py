"""The address book: the peers of the own network that were reported or verified, what reported
them, and what became of them. It is kept over restarts.

There are two tables (`tables.py`): *new* for peers that were only reported, *tried* for peers that
proved themselves by an exchange of records. One identity per address. No report of other nodes
changes or removes a verified peer; it is removed only when it does not answer, by a new peer that
has a claim to its place (`collisions.py`) or after a week. The model is Bitcoin's addrman; its
lessons are named where they are applied.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from random import Random
from typing import Final

from ...config import BookConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..contract.peer_status import PeerStatus
from ..contract.saved_state import SavedBook, Verdict
from ..contract.service_filter import EVERY_PEER, ServiceFilter
from ..contract.times import FOREVER, NEVER
from ..contract.verified_peer import VerifiedPeer
from .collisions import CollisionRule
from .entry import (
    BookEntry,
    BookSnapshot,
    Provenance,
    SelectedPeer,
    Source,
    provenance_of,
)
from .index import BookIndex
from .persistence import BookExport, entry_of
from .promotion import Promotion
from .tables import PlacementRule
from .verdicts import Verdicts

ANCHOR_WINDOW_S: Final = 3600.0
"""Anchors were verified within this time before the latest verification of any peer, that is,
shortly before the end of the run.
"""
KEY_BYTES: Final = 32
"""Bytes of the key that `AddressBook.why` tells from an endpoint."""


class AddressBook:
    """``len()`` is the number of peers in both tables. No call costs more than a pass through the
    tables; most cost one look-up.
    """

    def __init__(
        self,
        config: BookConfig,
        rng: Random,
        policy: AddressPolicy,
        placement: PlacementRule,
        collisions: CollisionRule,
        verdicts: Verdicts,
    ) -> None:
        self._config = config
        self._rng = rng
        self._policy = policy
        self._collisions = collisions
        self._verdicts = verdicts
        self._index = BookIndex(policy, placement)
        self._promotion = Promotion(config, self._index, collisions)
        self._next_feeler_at = NEVER
        self._last_feeler_was_tried = False

    def __len__(self) -> int:
        return len(self._index)

    @property
    def unverified_count(self) -> int:
        """The number of peers in the new table."""
        return len(self._index.new)

    @property
    def verified_count(self) -> int:
        """The number of peers in the tried table."""
        return len(self._index.tried)

    # --- What is learned --------------------------------------------------------------------------

    def reported(self, endpoint: Endpoint, source: Source, now: float) -> str | None:
        """``source`` says that a peer is at ``endpoint``. Returns why the report was refused, or
        None.
        """
        if not self._may_take(endpoint, source):
            return "book-scope"
        host = self._policy.host(endpoint)
        known = self._index.of_host(host)
        if known is not None and known.endpoint == endpoint:
            known.reported_at = now
            known.times_reported += 1
            return "book-known"
        if known is not None and (known.tried or not known.failures):
            return "book-identity"
        entry = BookEntry(endpoint, host, source, now, now)
        if not self._promotion.has_room_in_new(entry, now, known):
            return "book-place"
        if known is not None:
            self._promotion.forget(known)
        self._promotion.put_new(entry)
        return None

    def verified(self, status: PeerStatus, now: float, *, source: Source) -> None:
        """The peer exchanged records with this node at its endpoint. It goes to the tried table, or
        waits until the owner of its place there was tested.
        """
        peer = status.known_peer
        host = self._policy.host(peer.endpoint)
        here = self._index.of_host(host)
        elsewhere = self._index.of_key(peer.key, peer.endpoint)
        newest = elsewhere.peer if elsewhere is not None else None
        if newest is not None and peer.sequence < newest.sequence:
            return
        if here is None or here.endpoint != peer.endpoint:
            here = self._arrival(peer, host, here, elsewhere, source, now)
        elif elsewhere is not None and elsewhere is not here:
            self._promotion.forget(elsewhere)  # the peer moved here, where another peer was
        self._note_verified(here, status, now)
        if not here.tried:
            self._promotion.promote(here, now)

    def status_of(self, endpoint: Endpoint) -> PeerStatus | None:
        """The status of the peer at that endpoint, None if the book has no entry there."""
        entry = self._index.at(endpoint)
        if entry is None:
            return None
        if entry.status is None:
            entry.status = PeerStatus()
        return entry.status

    def is_tried(self, endpoint: Endpoint) -> bool:
        """Whether the peer at that endpoint has a place in the tried table."""
        entry = self._index.at(endpoint)
        return entry is not None and entry.tried

    def failed(self, endpoint: Endpoint, now: float) -> None:
        """The peer left a query unanswered while this node was online, and its status has counted
        that.
        """
        entry = self._index.at(endpoint)
        config = self._config
        if entry is None:
            return
        if not entry.tried:
            if entry.failures >= config.new_failures:
                self._promotion.forget(entry)
            return
        newcomer = self._collisions.failed(entry)
        if newcomer is not None:
            self._promotion.succeed(entry, newcomer, now)
        elif (
            entry.failures >= config.tried_failures
            and now - entry.verified_at >= config.tried_lifetime_s
        ):
            self._promotion.forget(entry)

    def mark_held_slot(self, endpoints: Iterable[Endpoint]) -> None:
        """These peers hold slots of the view that are old enough: ranks have chosen them, which is
        remembered as long as they stay at these endpoints.
        """
        for endpoint in endpoints:
            entry = self._index.at(endpoint)
            if entry is not None:
                entry.held_slot = True

    def drop(self, endpoint: Endpoint) -> None:
        """The endpoint turned out to be that of this node."""
        entry = self._index.at(endpoint)
        if entry is not None:
            self._promotion.forget(entry)

    def drop_all(self, is_unwanted: Callable[[Endpoint], bool]) -> int:
        """Forgets the peers at such endpoints; returns how many."""
        gone = [entry for entry in self._index if is_unwanted(entry.endpoint)]
        for entry in gone:
            self._promotion.forget(entry)
        self._collisions.drop(is_unwanted)
        return len(gone)

    def judge(
        self, mark: bytes, verdict: Verdict, now: float, others: AbstractSet[bytes] = frozenset()
    ) -> None:
        """What the application says of a peer, known to the book or not. ``others``: keys of peers
        that are proven, beside those of the tried table.
        """
        tried = {entry.peer.key for entry in self._index.tried if entry.peer is not None}
        self._verdicts.judge(mark, verdict, now, tried | others)

    # --- What is to be done -----------------------------------------------------------------------

    def tests_due(self, now: float) -> list[Endpoint]:
        """Owners of contested places, to be asked now. The caller then calls ``verified`` or
        ``failed``.
        """
        return self._collisions.due(now)

    def feeler(self, now: float) -> Endpoint | None:
        """One address to be tested, every ``feeler_interval_s``: in turn a random one of the new
        table and the one of the tried table that was not verified for longest.
        """
        if now < self._next_feeler_at:
            return None
        self._next_feeler_at = now + self._config.feeler_interval_s
        self._last_feeler_was_tried = not self._last_feeler_was_tried
        new = self._index.new.draw(self._rng)
        tried = min(
            self._index.tried,
            key=lambda entry: max(entry.verified_at, entry.failed_at),
            default=None,
        )
        entry = (tried or new) if self._last_feeler_was_tried else (new or tried)
        return entry.endpoint if entry is not None else None

    def next_deadline(self) -> float:
        if not self._index:
            return FOREVER
        return min(self._next_feeler_at, self._collisions.next_deadline())

    # --- What the book answers --------------------------------------------------------------------

    def select(
        self,
        count: int,
        now: float,
        *,
        offering: ServiceFilter = EVERY_PEER,
        verified_within_s: float | None = None,
        but_not: Container[bytes] = (),
        only_held_slot: bool = False,
    ) -> list[SelectedPeer]:
        """At most ``count`` random peers for the application, which were verified in this run
        within ``verified_within_s`` (None: ``given_within_s``), and whose last query was answered.
        Never two of one /24 (IPv6 /48); two of one /16 (/32) only when there are no others. Good
        verdicts make a peer likelier, bad ones hold it back. ``but_not``: keys of peers that are
        left out; ``only_held_slot``: only peers that held a slot of the view.
        """
        within_s = self._config.returnable_for_s if verified_within_s is None else verified_within_s
        weighted = []
        for entry in self._index.tried:
            is_eligible = entry.verified_in_run and not entry.failures
            if only_held_slot and not entry.held_slot:
                is_eligible = False
            peer = entry.peer
            weight = self._verdicts.weight(peer, now) if is_eligible and peer else 0.0
            if (
                weight
                and peer
                and now - entry.verified_at <= within_s
                and _is_wanted(peer, offering, but_not)
            ):
                # Efraimidis and Spirakis 2006: sorted by these, the first n are a weighted sample
                # without replacement.
                weighted.append((self._rng.random() ** (1.0 / weight), entry))
        weighted.sort(key=lambda pair: pair[0], reverse=True)
        chosen = self._index.diverse([entry for _, entry in weighted], count)
        return [
            SelectedPeer(entry.peer, now - entry.verified_at, entry.rtt_s)
            for entry in chosen
            if entry.peer
        ]

    def peers(self) -> list[VerifiedPeer]:
        """All peers that were verified in this run and whose last query was answered."""
        return [
            entry.peer
            for entry in self._index.tried
            if entry.verified_in_run and entry.peer and not entry.failures
        ]

    def anchors(self) -> list[Endpoint]:
        """The peers to ask first after a restart: those known for longest, in different netgroups,
        that still answered at the end of the run.
        """
        tried = self._index.tried
        last = max((entry.verified_at for entry in tried), default=NEVER)
        since = last - ANCHOR_WINDOW_S
        alive = [entry for entry in tried if not entry.failures and entry.verified_at >= since]
        alive.sort(key=lambda entry: entry.first_verified_at)
        return [entry.endpoint for entry in self._index.diverse(alive, self._config.anchors)]

    def why(self, who: bytes | Endpoint, now: float) -> Provenance | None:
        """What is known of a peer, by its key (32 bytes) or its endpoint."""
        if len(who) == KEY_BYTES:
            entry = next(iter(self._index.all_of_key(who)), None)
        else:
            entry = self._index.at(Endpoint(who))
        if entry is None:
            return None
        judgement = self._verdicts.of(entry.peer) if entry.peer is not None else None
        return provenance_of(entry, judgement, now)

    def snapshot(self) -> BookSnapshot:
        return BookSnapshot(
            new=len(self._index.new),
            tried=len(self._index.tried),
            verified_in_run=sum(entry.verified_in_run for entry in self._index.tried),
            in_collision=len(self._collisions),
            anchors=tuple(self.anchors()),
        )

    def shuffled(self, failed_before: float) -> list[Endpoint]:
        """The endpoints of the tried table in random order, then those of the new one; without
        peers that failed since ``failed_before``.
        """
        chosen: list[Endpoint] = []
        for table in (self._index.tried, self._index.new):
            endpoints = [entry.endpoint for entry in table if entry.failed_at < failed_before]
            self._rng.shuffle(endpoints)
            chosen += endpoints
        return chosen

    def entry_at(self, endpoint: Endpoint) -> BookEntry | None:
        """The entry at that endpoint, to be read only."""
        return self._index.at(endpoint)

    def entries(self) -> Iterator[BookEntry]:
        """All entries, those of the tried table first; the caller must not change them."""
        return iter(self._index)

    def inconsistencies(self) -> Iterator[str]:
        """What contradicts itself, as `core/self_check.py` reports it."""
        return self._index.inconsistencies()

    # --- From run to run --------------------------------------------------------------------------

    def export(self, now: float) -> SavedBook:
        export = self.begin_export()
        while not export.step(now):
            pass
        return export.book()

    def begin_export(self) -> BookExport:
        return BookExport(self.entries())

    def restore(
        self,
        saved: SavedBook,
        now: float,
        own_key: bytes = b"",
        own_endpoints: Container[Endpoint] = (),
    ) -> dict[str, int]:
        """Takes up saved entries one by one, independently of bad ones among them. Returns how many
        were refused, by reason; nothing is raised. No entry is selected before it was verified in
        this run: a file may be old, or belong to another node, which knows this one: entries with
        the own key or at an own endpoint are refused.
        """
        refused: dict[str, int] = {}
        for each in saved.peers:
            found = entry_of(each, now)
            if isinstance(found, str):
                reason: str | None = found
            elif found.endpoint in own_endpoints or (found.peer and found.peer.key == own_key):
                reason = "book-own"
            else:
                reason = self._recall(found)
            if reason is not None:
                refused[reason] = refused.get(reason, 0) + 1
        return refused

    def _recall(self, entry: BookEntry) -> str | None:
        """Puts an entry of the last run into its place, if that is free. Returns why not, or
        None.
        """
        if not self._may_take(entry.endpoint, entry.source):
            return "book-scope"
        index = self._index
        entry.host = self._policy.host(entry.endpoint)
        if index.of_host(entry.host) is not None:
            return "book-known"
        if entry.peer is not None and index.of_key(entry.peer.key, entry.endpoint) is not None:
            return "book-known"
        place = index.place_of(entry)
        if (index.tried if entry.tried else index.new).at(place) is not None:
            return "book-place"
        index.put(place, entry)
        return None

    # --- Helpers of the above ---------------------------------------------------------------------

    def _may_take(self, endpoint: Endpoint, source: Source) -> bool:
        """A node may report only addresses of its scope; a word stands for a source that the
        operator chose.
        """
        if isinstance(source, str):
            return not (self._policy.is_invalid(endpoint) or self._policy.is_barred(endpoint))
        return self._policy.may_take(endpoint, source)

    def _arrival(
        self,
        peer: VerifiedPeer,
        host: bytes,
        here: BookEntry | None,
        elsewhere: BookEntry | None,
        source: Source,
        now: float,
    ) -> BookEntry:
        """The entry of a peer at an endpoint that the book does not know. A peer that moved keeps
        its history. ``here``: the entry of that host; ``elsewhere``: the entry of that key.
        """
        entry = BookEntry(peer.endpoint, host, source, now, now)
        if elsewhere is not None:
            entry = replace(
                elsewhere,
                endpoint=peer.endpoint,
                host=host,
                tried=False,
                place=None,
                held_slot=False,
            )
            self._promotion.forget(elsewhere)
        if not self._may_take(entry.endpoint, entry.source):
            entry.source = entry.endpoint  # a node of another scope cannot have reported it
        if here is not None and here is not elsewhere and not here.tried:
            # Another port of this host was only reported, and this one has proved itself.
            self._promotion.forget(here)
        return entry

    def _note_verified(self, entry: BookEntry, status: PeerStatus, now: float) -> None:
        peer = status.known_peer
        if entry.peer is not None and entry.peer.key != peer.key:
            self._index.drop_key(entry, entry.peer.key)
            # Another peer is at this endpoint now. That it held a slot stays: ranks are of
            # addresses.
            entry.first_verified_at = NEVER
        entry.status = status
        entry.verified_in_run = True
        if entry.first_verified_at == NEVER:
            entry.first_verified_at = now
        if entry.place is not None:
            self._index.add_key(entry, peer.key)
        self._collisions.answered(entry)


def _is_wanted(peer: VerifiedPeer, offering: ServiceFilter, but_not: Container[bytes]) -> bool:
    return peer.key not in but_not and offering.fits(peer.services)
