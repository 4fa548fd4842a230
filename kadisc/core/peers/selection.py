"""Which peers the application is given, and in which order other nodes are told of peers.

Attack: an attacker pushes itself ten times as often as others, so every node verifies and rechecks
it, while each node has verified only a part of the honest peers. Of the peers that a node *has
verified*, which is what its address book remembers, three flooders in ten are nearly half. If slots
and book took turns, half of what the application gets would still come from the book. Defence: no
peer can push itself into a slot, as secret ranks decide there. So peers chosen by a rank come
first: those that hold a mature slot, then those that held one. The rest of the book, and the peers
found by rendezvous, are for a node that has no mature slots yet, or for an application that wants
more peers than ranks have chosen.

What a node tells others is the same matter. If it named every peer that it has verified, flooders
would be most of that, and no node would ever learn of all honest peers; so it names those first
that hold slots.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from ...config import CoreConfig
from ...endpoints import Endpoint
from ..contract.service_filter import ServiceFilter
from ..contract.times import FOREVER
from ..contract.verified_peer import VerifiedPeer
from .candidates import FROM_RENDEZVOUS
from .components import PeerComponents
from .known_peers import KnownPeer
from .other_peers import OtherPeers
from .verification import PeerVerifier


class SelectionRule(Protocol):
    def application_order(
        self,
        slots: Sequence[VerifiedPeer],
        seated: Sequence[VerifiedPeer],
        book: Sequence[VerifiedPeer],
        by_rendezvous: Sequence[VerifiedPeer],
    ) -> Iterable[VerifiedPeer]:
        """``slots``: holders of mature slots. ``seated``: peers of the book that ever held one.
        ``book``: all peers of the book. ``by_rendezvous``: those of them that the network's
        info-hashes led to. A peer may be in several lists, and may be returned more than once.
        """
        ...

    def answer_tiers(
        self, known: Iterable[KnownPeer], slots_of: Callable[[Endpoint], int]
    ) -> list[list[KnownPeer]]:
        """Peers that other nodes may be told of: all of the first list before any of the next."""
        ...


class RanksFirst:
    __slots__ = ()

    def application_order(
        self,
        slots: Sequence[VerifiedPeer],
        seated: Sequence[VerifiedPeer],
        book: Sequence[VerifiedPeer],
        by_rendezvous: Sequence[VerifiedPeer],
    ) -> Iterable[VerifiedPeer]:
        yield from slots
        yield from seated
        yield from in_turn(book, by_rendezvous)

    def answer_tiers(
        self, known: Iterable[KnownPeer], slots_of: Callable[[Endpoint], int]
    ) -> list[list[KnownPeer]]:
        with_slots: list[KnownPeer] = []
        others: list[KnownPeer] = []
        for each in known:
            (with_slots if slots_of(each.endpoint) else others).append(each)
        return [with_slots, others]


def in_turn(*sources: Sequence[VerifiedPeer]) -> Iterable[VerifiedPeer]:
    """The first of each source, then the second of each, and so on."""
    for index in range(max(map(len, sources))):
        for source in sources:
            yield from source[index : index + 1]


class PeerSelection:
    """Chooses the peers that the application is given."""

    def __init__(
        self,
        config: CoreConfig,
        components: PeerComponents,
        verifier: PeerVerifier,
        rule: SelectionRule,
        others: OtherPeers,
    ) -> None:
        self._config = config
        self._view = components.view
        self._book = components.book
        self._verdicts = components.verdicts
        self._scopes = components.scopes
        self._verifier = verifier
        self._rule = rule
        self._others = others

    def answer_tiers(self) -> list[list[KnownPeer]]:
        """Peers that other nodes may be told of: all of the first list before any of the next."""
        return self._rule.answer_tiers(self._verifier.returnable(), self._view.slots_of)

    def peers(
        self,
        count: int,
        now: float,
        *,
        offering: ServiceFilter,
        verified_within_s: float | None,
        but_not: Container[bytes],
    ) -> list[VerifiedPeer]:
        """As `PeerNetwork.peers` says."""
        if verified_within_s is None:
            verified_within_s = self._config.book.returnable_for_s
        if verified_within_s != FOREVER:
            verified_within_s = min(verified_within_s, now - self._verifier.stale_before)
        sample = self._view.sample(
            self._config.gossip.flat_slots + count, now, verified_within_s=verified_within_s
        )
        slots = [
            peer for peer in sample if peer.key not in but_not and offering.fits(peer.services)
        ]
        book = self._from_book(
            count, now, offering, verified_within_s, but_not, only_held_slot=False
        )
        seated = self._from_book(
            count, now, offering, verified_within_s, but_not, only_held_slot=True
        )
        by_rendezvous = self._found_by_rendezvous(book)
        chosen: dict[bytes, VerifiedPeer] = {}
        for peer in self._rule.application_order(slots, seated, book, by_rendezvous):
            if (
                len(chosen) < count
                and not self._verdicts.holds_back(peer, now)
                and all(peer.key != other.key for other in chosen.values())
            ):
                chosen.setdefault(self._scopes.subnet(peer.endpoint), peer)
        given = list(chosen.values())
        if len(given) < count:
            given = self._others.added_to(
                given,
                count,
                lambda known: self._is_wanted(known, now, offering, verified_within_s, but_not),
            )
            self._add_unproven(given, count, now, offering, verified_within_s, but_not)
        return [self._verifier.known.presented(peer) for peer in given]

    def current(self, peer: VerifiedPeer, now: float) -> VerifiedPeer | None:
        """As `PeerNetwork.current` says."""
        known = self._verifier.at(peer.endpoint)
        if (
            known is None
            or known.peer.key != peer.key
            or self._verdicts.holds_back(known.peer, now)
        ):
            return None
        present = replace(known.peer, is_beyond_caps=peer.is_beyond_caps)
        return self._verifier.known.presented(present)

    def _is_wanted(
        self,
        known: KnownPeer,
        now: float,
        offering: ServiceFilter,
        verified_within_s: float,
        but_not: Container[bytes],
    ) -> bool:
        peer = known.peer
        return (
            now - known.verified_at <= verified_within_s
            and peer.mark not in but_not
            and offering.fits(peer.services)
            and not self._verdicts.holds_back(peer, now)
        )

    def _add_unproven(
        self,
        given: list[VerifiedPeer],
        count: int,
        now: float,
        offering: ServiceFilter,
        verified_within_s: float,
        but_not: Container[bytes],
    ) -> None:
        """Peers that did not prove their keys, after all others, for a node that hardly knows a
        proven one; of each subnet one.
        """
        keys = {peer.key for peer in given}
        subnets = {self._scopes.subnet(peer.endpoint) for peer in given}
        for each in self._verifier.presentable_unproven():
            peer, subnet = each.peer, self._scopes.subnet(each.endpoint)
            if (
                len(given) < count
                and self._is_wanted(each, now, offering, verified_within_s, but_not)
                and peer.key not in keys
                and subnet not in subnets
            ):
                given.append(peer)
                keys.add(peer.key)
                subnets.add(subnet)

    def _from_book(
        self,
        count: int,
        now: float,
        offering: ServiceFilter,
        verified_within_s: float,
        but_not: Container[bytes],
        *,
        only_held_slot: bool,
    ) -> list[VerifiedPeer]:
        entries = self._book.select(
            count,
            now,
            offering=offering,
            verified_within_s=verified_within_s,
            but_not=but_not,
            only_held_slot=only_held_slot,
        )
        return [entry.peer for entry in entries]

    def _found_by_rendezvous(self, book: Sequence[VerifiedPeer]) -> list[VerifiedPeer]:
        """Peers found by rendezvous are in the book as well, unless their place there is contested;
        here they get a turn of their own.
        """
        keys = {
            known.peer.key
            for known in self._verifier.known
            if known.source.startswith(FROM_RENDEZVOUS)
        }
        return [peer for peer in book if peer.key in keys]
