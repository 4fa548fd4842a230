"""The network of a running node: its own record, the peers known there, the address book, and the
feedback of the application.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple, Protocol

import trio

from ...config import Config
from ...core.book.entry import Provenance
from ...core.contract.events import OperationId, PeerChecked, PeerLost, PeerVerified
from ...core.contract.saved_state import SavedBook, Verdict
from ...core.contract.service_filter import ServiceFilter
from ...core.contract.verified_peer import VerifiedPeer
from ...core.peers.finder import PeerFinder
from ...core.peers.listing import ListedPeer
from ...core.peers.network import PeerNetwork
from ...core.peers.network_keys import NetworkKeys
from ...core.peers.peer_matching import PeerMatch
from ...endpoints import Endpoint, Family
from ...errors import UsageError
from ..transport.pump import Pump
from .arguments import EndpointLike, peer_from


class PeerFollower(Protocol):
    """What an application that follows the peers is told beside `current`."""

    def lost(self, peer: VerifiedPeer, reason: str) -> None:
        """The peer no longer counts as verified."""
        ...

    def judged(self, peers: Sequence[VerifiedPeer]) -> None:
        """Feedback on these peers was given."""
        ...


_LEAST_WAIT_S = 0.01
"""A stream asks for the next peer at most so often where there is no news."""
VERDICTS: tuple[Verdict, ...] = ("good", "bad", "busy", "wrong-network")


class BookImport(NamedTuple):
    """What became of the peers of an imported address book. ``own``: this node itself, by its key
    or an endpoint; ``known``: their address is in the book; ``no_place``: their place is occupied;
    ``refused``: their address may not be used, or the entry is not sound.
    """

    added: int
    own: int
    known: int
    no_place: int
    refused: int


class OwnNetwork:
    """The network of ``config.network``. Every method raises UsageError for a node that was made
    without ``join_network``.
    """

    def __init__(self, pump: Pump, config: Config) -> None:
        self._pump = pump
        self._news = trio.Event()
        self._changes = trio.Event()
        self._followers: list[PeerFollower] = []
        self.keys = NetworkKeys(config.network)
        """The tag of the network, its info-hashes and the targets of its records."""
        pump.dispatch.tap(self._note)

    @property
    def name(self) -> str:
        """The name that the operator gave."""
        return self.keys.name

    @property
    def is_joined(self) -> bool:
        """Whether the node takes part in the network."""
        return self._pump.core.peer_network is not None

    @property
    def closed(self) -> bool:
        """Whether the node is closed."""
        return self._pump.closed

    @property
    def knows_peers(self) -> bool:
        """Whether any peer was verified in this run, as on a link of this machine."""
        network = self._pump.core.peer_network
        return network is not None and len(network.verifier.known) > 0

    def now(self) -> float:
        """The present moment on the core's clock, in seconds."""
        return self._pump.now()

    # --- records and peers ------------------------------------------------------------------------

    @property
    def record(self) -> bytes:
        """The node's own record as others get it: canonical bencode, signed."""
        return self._core.own_record

    @property
    def sequence(self) -> int:
        """The sequence of that record."""
        return self._core.sequence

    def peers(
        self,
        count: int,
        *,
        offering: ServiceFilter,
        verified_within_s: float | None,
        but_not: Container[bytes],
    ) -> list[VerifiedPeer]:
        """At most ``count`` peers, each in a /24 (IPv6 /48) of its own; see the core's
        `PeerNetwork.peers`.
        """
        return self._core.peers(
            count,
            self.now(),
            offering=offering,
            verified_within_s=verified_within_s,
            but_not=but_not,
        )

    def age_s(self, peer: VerifiedPeer) -> float:
        """Seconds since the peer last answered; inf where that is not known."""
        return self._core.age_s(peer, self.now())

    def prefixes(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        """The /24 and the /16 (IPv6: the share of the /32, and the /32) of an endpoint; with a map
        of autonomous systems, the system in place of the /16.
        """
        return self._core.prefixes(endpoint)

    def asn(self, endpoint: Endpoint) -> int | None:
        """The number of the autonomous system of an endpoint; None where no map has it."""
        return self._core.asn(endpoint) or None

    def match(self, who: EndpointLike) -> PeerMatch:
        """The peers that are meant by a public key (32 bytes or 64 hex digits), by the UDP endpoint
        of a peer, or by the endpoint of a service of its record. Raises UsageError for a text that
        is none of these.
        """
        return self._core.match(peer_from(who))

    def why(self, who: EndpointLike) -> Provenance | None:
        """Where a peer came from, as `match` finds it; of the first where several are meant, None
        where none is known. Raises UsageError.
        """
        return self._core.why(peer_from(who), self.now())

    def listed(self, limit: int) -> list[ListedPeer]:
        """At most ``limit`` peers for operators: those that answered in this run, proven ones
        first, then those that the address book remembers.
        """
        return self._core.listed(self.now(), limit)

    def feedback(
        self, peer: VerifiedPeer | EndpointLike, verdict: Verdict
    ) -> tuple[VerifiedPeer, ...]:
        """Takes the application's verdict on a peer, given as returned or as `match` finds it.
        Returns the peers that it was noted for; none where no such peer is known. The verdict
        holds wherever the key is proven; that on a peer that did not prove its key holds for its
        endpoint alone. Raises UsageError.
        """
        if verdict not in VERDICTS:
            raise UsageError(
                f"a verdict is {', '.join(VERDICTS[:-1])} or {VERDICTS[-1]}, not {verdict!r}"
            )
        who = peer if isinstance(peer, VerifiedPeer) else peer_from(peer)
        judged = self._core.feedback(who, verdict, self.now())
        for follower in self._followers:
            follower.judged(judged)
        self._changed()
        return judged

    # --- finding more -----------------------------------------------------------------------------

    async def check(self, endpoint: Endpoint) -> VerifiedPeer | None:
        """Exchanges records with the node at an endpoint; None if it does not prove that it is of
        this network. Raises Busy and Closed.
        """
        finished = await self._pump.finish(lambda now: self._pump.core.check_peer(endpoint, now))
        assert isinstance(finished, PeerChecked)
        return finished.peer

    def add_candidates(self, endpoints: list[Endpoint], source: str) -> None:
        """Endpoints that the core verifies later, at its own rate. ``source``: a word for their
        origin, as `why` tells it.
        """
        if not self._pump.closed:
            self._core.report(endpoints, source, self.now())
            self._pump.flush()

    def finder(
        self, *, offering: ServiceFilter, verified_within_s: float, again_after_s: float
    ) -> PeerFinder:
        """What `next_peer` asks; its arguments are those of `Node.peers`."""
        return self._pump.core.finder(
            offering=offering, verified_within_s=verified_within_s, again_after_s=again_after_s
        )

    def next_peer(self, finder: PeerFinder) -> VerifiedPeer | None:
        """A peer that has answered lately; None where there is none now, and the node looks for
        some: see `wait_for_news`.
        """
        if self._pump.closed:
            return None
        peer = self._pump.core.next_peer(finder, self.now())
        self._pump.flush()
        return peer

    async def wait_for_news(self, finder: PeerFinder) -> None:
        """Returns when a peer was verified or has answered, when it is time to ask for the next
        peer again, or when the node is closed.
        """
        with trio.move_on_after(max(_LEAST_WAIT_S, finder.look_again_s(self.now()))):
            await self._news.wait()

    def next_fresh(self, finder: PeerFinder) -> VerifiedPeer | None:
        """A peer that has answered lately; where there is none, nothing is done about it."""
        return None if self._pump.closed else finder.next_fresh(self.now())

    def current(self, peer: VerifiedPeer) -> VerifiedPeer | None:
        """The same peer as it is known now; None if it is not known any more, or not wanted."""
        return self._core.current(peer, self.now())

    def is_held_back(self, peer: VerifiedPeer) -> bool:
        """Whether the application is not given the peer now because of feedback."""
        return self._core.is_held_back(peer, self.now())

    def begin_following(self, follower: PeerFollower) -> None:
        """It is told of lost peers and of feedback."""
        self._followers.append(follower)

    def end_following(self, follower: PeerFollower) -> None:
        """It is told no more."""
        self._followers.remove(follower)

    async def wait_for_change(self, timeout_s: float) -> None:
        """Returns when a peer was verified, has answered or is lost, when feedback was given, after
        ``timeout_s``, or when the node is closed.
        """
        with trio.move_on_after(timeout_s):
            await self._changes.wait()

    @property
    def families(self) -> Sequence[Family]:
        """Those of the sockets of the node."""
        return [port.family for port in self._pump.ports]

    async def wait_verified(self, timeout_s: float) -> bool:
        """Returns True when the next peer is verified or has answered, False after ``timeout_s`` or
        when the node is closed.
        """
        with trio.move_on_after(timeout_s):
            await self._news.wait()
            return not self.closed
        return False

    def search_from(self, endpoints: Sequence[Endpoint], family: Family) -> None:
        """Lookups of the network's info-hashes for a stream that waits begin at these endpoints
        too, while no node has answered. Raises Closed.
        """
        self._pump.core.search_from(endpoints, self.now(), family=family)
        self._pump.flush()

    def is_searching(self, family: Family) -> bool:
        """Whether a stream may soon have more peers: lookups for it are running in this family, or
        the peers that they found are being checked.
        """
        return not self.closed and self._core.search.is_running(family, self.now())

    @property
    def search_operations(self) -> Sequence[OperationId]:
        """The last lookups that began for streams, running or ended."""
        return self._core.search.operations

    @property
    def search_queries(self) -> int:
        """Datagrams of such lookups that have ended, and of all checks for callers, since the node
        started.
        """
        return self._core.search.queries

    def wake(self) -> None:
        """Ends every wait: the callers find that the node is closed."""
        self._news.set()
        self._changes.set()

    # --- the address book -------------------------------------------------------------------------

    def export_book(self) -> SavedBook:
        """The address book, with ages relative to this moment."""
        return self._core.export(self.now()).book

    async def copy_book(self) -> SavedBook:
        """As `export_book`, in slices: datagrams are read between two of them. What leaves its
        place in the book meanwhile is left out.
        """
        export = self._core.begin_book_export()
        while not export.step(self.now()):
            await trio.lowlevel.checkpoint()
        return export.book()

    def import_book(self, book: SavedBook) -> BookImport:
        """Adds the peers that are not in the address book yet; they are verified later."""
        own = [port.local_endpoint for port in self._pump.ports]
        refused = self._core.import_book(book, self.now(), own)
        self._pump.flush()
        skipped = sum(refused.values())
        own_ones, known = refused.get("book-own", 0), refused.get("book-known", 0)
        no_place = refused.get("book-place", 0)
        return BookImport(
            len(book.peers) - skipped,
            own_ones,
            known,
            no_place,
            skipped - own_ones - known - no_place,
        )

    @property
    def _core(self) -> PeerNetwork:
        if self._pump.core.peer_network is None:
            raise UsageError("this node takes part in no network")
        return self._pump.core.peer_network

    def _note(self, event: object) -> None:
        if isinstance(event, (PeerVerified, PeerChecked)):
            self._news.set()
            self._news = trio.Event()
            self._changed()
        elif isinstance(event, PeerLost):
            for follower in self._followers:
                follower.lost(event.peer, event.reason)
            self._changed()

    def _changed(self) -> None:
        if not self._pump.closed:
            self._changes.set()
            self._changes = trio.Event()
