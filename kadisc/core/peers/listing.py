"""A list of peers for operators: those of this run, and those that the address book remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ...endpoints import Endpoint
from ...service_values import ServiceValue
from ..book.address_book import AddressBook
from ..book.entry import BookEntry, Source
from ..book.verdicts import Judgement, Verdicts
from ..contract.saved_state import Verdict
from ..contract.times import NEVER
from .known_peers import KnownPeer
from .verification import PeerVerifier
from .view import ViewRule

NO_SERVICES: Final[Mapping[str, ServiceValue]] = {}


@dataclass(slots=True, eq=False)
class ListedPeer:
    """One endpoint of a peer. Ages, ``source``, ``verdict`` and ``held_back_s`` are those of
    `Provenance`; ``is_tried`` is None for a peer without a place in the address book.

    ``services``: those of its record; ``slots``: how many slots of the view it holds; ``is_known``:
    it answered in this run; ``is_proven``: it proved that it has its key; ``is_inbound``: perhaps
    it answered only through a NAT mapping of its own making; ``is_on_lan``: it is on a link of this
    machine. Not frozen, because that triples the cost of making it.
    """

    endpoint: Endpoint
    key: bytes | None
    services: Mapping[str, ServiceValue]
    source: Source
    is_tried: bool | None
    first_seen_s_ago: float
    verified_s_ago: float | None
    rtt_s: float | None
    failures: int
    verdict: Verdict | None
    held_back_s: float
    slots: int = 0
    is_known: bool = False
    is_proven: bool = False
    is_inbound: bool = False
    is_on_lan: bool = False


def listed_peers(
    verifier: PeerVerifier,
    book: AddressBook,
    view: ViewRule,
    verdicts: Verdicts,
    now: float,
    limit: int,
) -> list[ListedPeer]:
    """At most ``limit`` peers: first those that proved their keys in this run, then those that did
    not, then those of the tried table of the address book, then those of the new one.
    """
    found: list[ListedPeer] = []
    for table in (verifier.known, verifier.unproven):
        for known in table:
            if len(found) == limit:
                return found
            judgement = verdicts.of(known.peer)
            slots = view.slots_of(known.endpoint)
            found.append(_known(known, book.entry_at(known.endpoint), judgement, slots, now))
    listed = {each.endpoint for each in found}
    for entry in book.entries():
        if len(found) == limit:
            return found
        if entry.endpoint not in listed:
            peer = entry.peer
            judgement = verdicts.of(peer) if peer is not None else None
            found.append(_remembered(entry, judgement, now))
    return found


def _known(
    known: KnownPeer, entry: BookEntry | None, judgement: Judgement | None, slots: int, now: float
) -> ListedPeer:
    peer = known.peer
    if entry is not None and (entry.peer is None or entry.peer.key != peer.key):
        entry = None  # another peer was there
    return ListedPeer(
        known.endpoint,
        peer.key,
        peer.services,
        known.book_source if entry is None else entry.source,
        None if entry is None else entry.tried,
        now - (known.since if entry is None else entry.first_seen_at),
        now - known.verified_at,
        known.status.rtt_s,
        known.failures,
        None if judgement is None else judgement.verdict,
        0.0 if judgement is None else max(0.0, judgement.held_back_until - now),
        slots,
        True,
        peer.is_proven,
        known.inbound,
        known.on_lan,
    )


def _remembered(entry: BookEntry, judgement: Judgement | None, now: float) -> ListedPeer:
    status = entry.status
    peer = status.peer if status is not None else None
    return ListedPeer(
        entry.endpoint,
        None if peer is None else peer.key,
        NO_SERVICES if peer is None else peer.services,
        entry.source,
        entry.tried,
        now - entry.first_seen_at,
        None if status is None or status.verified_at <= NEVER else now - status.verified_at,
        None if status is None else status.rtt_s,
        0 if status is None else status.failures,
        None if judgement is None else judgement.verdict,
        0.0 if judgement is None else max(0.0, judgement.held_back_until - now),
    )
