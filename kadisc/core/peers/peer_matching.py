"""Which peers a text of the operator means: a key, the endpoint where a peer answers, or the
endpoint of a service of its record, which is all that a program of that service knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ...endpoints import Endpoint
from ...service_values import address_of
from ...wire.items import KEY_BYTES
from ..book.address_book import AddressBook
from ..book.entry import Provenance
from ..book.verdicts import Judgement, Verdicts
from ..contract.verified_peer import VerifiedPeer
from .known_peers import KnownPeer
from .verification import PeerVerifier

MatchedBy: TypeAlias = Literal["key", "endpoint", "service"]
"""What of a peer was given: its public key, its UDP endpoint, or the endpoint of a service."""
NO_PEERS: Final[tuple[VerifiedPeer, ...]] = ()


@dataclass(frozen=True, slots=True)
class PeerMatch:
    """``peers``: those that were meant, one entry an endpoint; several where a key is proven in
    both address families, or where several peers have a service at one endpoint. Empty where none
    is known.
    """

    by: MatchedBy
    peers: tuple[VerifiedPeer, ...]


class PeerMatching:
    """Finds peers among those that answered in this run, proven or not, and those that the address
    book remembers. Of several groups that match, the first counts alone: peers that proved their
    keys in this run, peers that did not prove them, peers of earlier runs.
    """

    __slots__ = ("_book", "_verifier")

    def __init__(self, verifier: PeerVerifier, book: AddressBook) -> None:
        self._verifier = verifier
        self._book = book

    def match(self, who: bytes | Endpoint) -> PeerMatch:
        """``who``: a public key (32 bytes), or an endpoint (6 or 18 bytes). An endpoint is first
        taken for the UDP endpoint of a peer, then for that of a service.
        """
        if len(who) == KEY_BYTES:
            return PeerMatch("key", self._of_key(who))
        endpoint = Endpoint(who)
        peers = self._at(endpoint)
        if peers:
            return PeerMatch("endpoint", peers)
        return PeerMatch("service", self._with_service_at(endpoint))

    def why(self, who: bytes | Endpoint, verdicts: Verdicts, now: float) -> Provenance | None:
        """Where a peer came from; of several that match, the first that is known."""
        found = self._book.why(who, now)
        if found is not None:
            return found
        for peer in self.match(who).peers:
            found = self._book.why(peer.endpoint, now)
            known = self._verifier.at(peer.endpoint)
            if found is None and known is not None:
                found = provenance_of_known(known, verdicts.of(peer), now)
            if found is not None:
                return found
        return None

    def _of_key(self, key: bytes) -> tuple[VerifiedPeer, ...]:
        found: dict[Endpoint, VerifiedPeer] = {}
        for peer in [*self._proven(), *self._remembered()]:
            if peer.key == key:
                found.setdefault(peer.endpoint, peer)
        return tuple(found.values()) or tuple(peer for peer in self._unproven() if peer.key == key)

    def _at(self, endpoint: Endpoint) -> tuple[VerifiedPeer, ...]:
        known = self._verifier.at(endpoint)
        if known is not None:
            return (known.peer,)
        status = self._book.status_of(endpoint)
        return (status.peer,) if status is not None and status.peer is not None else NO_PEERS

    def _with_service_at(self, endpoint: Endpoint) -> tuple[VerifiedPeer, ...]:
        for group in (self._proven(), self._unproven(), self._remembered()):
            peers = tuple(peer for peer in group if has_service_at(peer, endpoint))
            if peers:
                return peers
        return NO_PEERS

    def _proven(self) -> Iterator[VerifiedPeer]:
        return (known.peer for known in self._verifier.known)

    def _unproven(self) -> Iterator[VerifiedPeer]:
        """Those whose record names the endpoint where they answer: no copy of a record does."""
        return (known.peer for known in self._verifier.unproven if known.is_named)

    def _remembered(self) -> Iterator[VerifiedPeer]:
        return (entry.peer for entry in self._book.entries() if entry.peer is not None)


def provenance_of_known(known: KnownPeer, judgement: Judgement | None, now: float) -> Provenance:
    """That of a peer that has no place in the address book."""
    return Provenance(
        endpoint=known.endpoint,
        key=known.peer.key,
        tried=False,
        verified_in_run=True,
        source=known.book_source,
        first_seen_s_ago=now - known.since,
        reported_s_ago=now - known.since,
        times_reported=1,
        first_verified_s_ago=now - known.since,
        verified_s_ago=now - known.verified_at,
        failures=known.failures,
        rtt_s=known.status.rtt_s,
        sequence=known.peer.sequence,
        verdict=judgement.verdict if judgement is not None else None,
        held_back_s=max(0.0, judgement.held_back_until - now) if judgement is not None else 0.0,
        in_book=False,
    )


def has_service_at(peer: VerifiedPeer, endpoint: Endpoint) -> bool:
    """Whether the record of the peer has a service at that address and port."""
    return any(address_of(value, peer.endpoint) == endpoint for value in peer.services.values())
