"""Verified peers for tests of view and book: one for each number, with its own key and address; and
what `PeerVerifier` does to view and book when a peer answers or fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kadisc.config import BookConfig, GossipConfig
from kadisc.core.book.address_book import AddressBook
from kadisc.core.book.entry import Source
from kadisc.core.contract.peer_status import PeerStatus
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.view import GossipView, ViewRule
from kadisc.endpoints import Endpoint, make_endpoint

from .world import address


def peer(
    number: int,
    endpoint: Endpoint | None = None,
    *,
    key: int | None = None,
    sequence: int = 1,
    services: Mapping[str, int | bytes] | None = None,
) -> VerifiedPeer:
    """In a /16 of its own, unless ``endpoint`` is given."""
    who = number if key is None else key
    return VerifiedPeer(
        who.to_bytes(32, "big"),
        endpoint or address(number),
        who + 1,
        b"record %d" % who,
        sequence,
        services or {},
    )


def in_small_networks(number: int, networks: int = 20) -> Endpoint:
    """An attacker's endpoint in one of so many /24s, each in a /8 that ``address`` does not use."""
    host, network = divmod(number, networks)
    first_byte = 200 + network if network < 3 else 205 + network
    return make_endpoint(f"{first_byte}.9.9.{1 + host % 250}", 1 + host)


def answering(peer: VerifiedPeer, now: float = 0.0, rtt_s: float | None = None) -> PeerStatus:
    """The status of a peer that answers now."""
    return PeerStatus(peer, now, rtt_s=rtt_s)


def book_verified(
    book: AddressBook,
    peer: VerifiedPeer,
    now: float,
    *,
    source: Source,
    rtt_s: float | None = None,
) -> None:
    book.verified(answering(peer, now, rtt_s), now, source=source)


def book_failed(book: AddressBook, endpoint: Endpoint, now: float) -> None:
    status = book.status_of(endpoint)
    if status is not None and status.failed(now, BookConfig().failure_spacing_s):
        book.failed(endpoint, now)


def view_status(view: GossipView, endpoint: Endpoint) -> PeerStatus | None:
    return next(
        (
            slot.holder.status
            for slot in view.slots
            if slot.holder is not None and slot.holder.peer.endpoint == endpoint
        ),
        None,
    )


def view_failed(view: GossipView, endpoint: Endpoint, now: float) -> None:
    status = view_status(view, endpoint)
    if status is not None and status.failed(now, 0.0):
        lost = status.failures >= GossipConfig().slot_failures
        if lost:
            view.remove(endpoint)


def view_answered(view: GossipView, endpoint: Endpoint, now: float) -> None:
    status = view_status(view, endpoint)
    if status is not None:
        status.answered(now)


def challengers(view: ViewRule, known: Iterable[Endpoint]) -> list[Endpoint]:
    """Those of ``known`` that would win a slot reseeded lately."""
    challenge = view.challenge()
    challenge.offer(known)
    return challenge.winners()
