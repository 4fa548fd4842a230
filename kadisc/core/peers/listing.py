"""A list of peers for operators: those of this run, and those that the address book remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..book.address_book import AddressBook
from ..book.entry import Provenance, provenance_of
from ..book.verdicts import Verdicts
from .known_peers import KnownPeer
from .peer_matching import provenance_of_known
from .verification import PeerVerifier
from .view import ViewRule

NO_SERVICES: Final[Mapping[str, int | bytes]] = {}


@dataclass(frozen=True, slots=True)
class ListedPeer:
    """One endpoint of a peer.

    ``why``: where it came from and how it answers; ``services``: those of its record; ``slots``:
    how many slots of the view it holds; ``is_known``: it answered in this run; ``is_proven``: it
    proved that it has its key; ``is_inbound``: perhaps it answered only through a NAT mapping of
    its own making; ``is_on_lan``: it is on a link of this machine.
    """

    why: Provenance
    services: Mapping[str, int | bytes]
    slots: int
    is_known: bool
    is_proven: bool
    is_inbound: bool
    is_on_lan: bool


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
            found.append(_known(known, book, view, verdicts, now))
    for entry in book.entries():
        if len(found) == limit:
            return found
        if verifier.at(entry.endpoint) is not None:
            continue
        peer = entry.peer
        judgement = verdicts.of(peer) if peer is not None else None
        why = provenance_of(entry, judgement, now)
        services = peer.services if peer is not None else NO_SERVICES
        found.append(ListedPeer(why, services, 0, False, False, False, False))
    return found


def _known(
    known: KnownPeer, book: AddressBook, view: ViewRule, verdicts: Verdicts, now: float
) -> ListedPeer:
    peer = known.peer
    why = book.why(known.endpoint, now)
    if why is None or why.key != peer.key:
        why = provenance_of_known(known, verdicts.of(peer), now)
    return ListedPeer(
        why,
        peer.services,
        view.slots_of(known.endpoint),
        True,
        peer.is_proven,
        known.inbound,
        known.on_lan,
    )
