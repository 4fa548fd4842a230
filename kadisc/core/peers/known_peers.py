"""The peers that were verified in this run, with or without a slot: when each answered last, how
this node learned of it, how far reports of it may be relayed.

The view (`view.py`) decides which peers hold slots, the address book which are remembered for long.
View, book and the answers to other nodes rest on this table: one entry an endpoint, one endpoint a
key and family, bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ...endpoints import Endpoint, family_of
from ...ids import NodeId
from ...wire.compact import ENDPOINT_SIZES
from ...wire.records import PeerRecord
from ..addressing.netgroup_sampling import PrefixOf
from ..book.entry import Source
from ..contract.peer_status import PeerStatus
from ..contract.queries import PendingQuery
from ..contract.times import NEVER
from ..contract.verified_peer import VerifiedPeer
from .candidates import Candidate
from .record_policy import RecordRule

MAX_KNOWN: Final = 512
"""Peers that are kept at most."""
OWN_LOOKUP: Final = b"search"
"""The source, in place of a netgroup, of a peer that this node found itself."""


@dataclass(slots=True, eq=False)
class KnownPeer:
    """A verified peer, with what matters as long as it is known in this run. Only `PeerVerifier`
    changes the fields, some of them through `KnownPeers`.
    """

    status: PeerStatus
    """Shared with the view and the address book."""
    source: bytes
    """The netgroup of the node that named it first, or a word for another source."""
    book_source: Source
    """The same as the address book notes it."""
    ttl: int
    """How many relays a report of it may take from here."""
    from_push: bool
    """Whether it pushed its own record to this node."""
    inbound: bool
    """Whether it answered, but perhaps only through the NAT mapping that its own query opened; a
    closed peer stays so.
    """
    traffic_at: float
    """When a datagram last passed between the two nodes, in either direction."""
    since: float = NEVER
    """When it was verified first, while it has been known without a break."""
    missed_at: float = NEVER
    """When it last left a query unanswered, by its own fault or not."""
    silence_counted: bool = False
    """Whether its silence is already counted as evidence of a mass failure."""
    booked_at: float = NEVER
    """When an answer was last noted in the book."""
    renewal_at: float = NEVER
    """When a push last said, with a record, that the peer has a newer record."""
    is_named: bool = False
    """Of an unproven peer: whether its record names the endpoint where it answers."""
    needs_record: bool = False
    """Whether its record must be asked for again: it has a newer record, or it answered with
    another node ID than before, so that another peer may be there now.
    """
    is_closed: bool = False
    """Whether its record says that nodes that it did not contact first do not reach it."""
    can_help: bool = False
    """Whether its last reply to gossip offered help with tests of reachability."""
    shares_address: bool = False
    """Whether another proven peer is the first at its address (`shared_addresses.py`)."""
    on_lan: bool = False
    """Whether it is on a link of this machine: the application alone is told of it."""
    endpoint: Endpoint = field(init=False)
    """Where it is; it stays the same as long as this object lives."""

    def __post_init__(self) -> None:
        self.endpoint = self.status.known_peer.endpoint

    def is_reached_by(self, pending: PendingQuery, quarantine_s: float) -> bool:
        """Whether its answer shows that it needs no NAT mapping that its own query opened."""
        return not self.is_closed and (
            pending.proves_reachability or pending.sent_at >= self.traffic_at + quarantine_s
        )

    @property
    def peer(self) -> VerifiedPeer:
        peer = self.status.peer
        assert peer is not None
        return peer

    @property
    def is_for_application_alone(self) -> bool:
        """Whether neither other nodes nor slots, book and table are told of it."""
        return self.shares_address or self.on_lan

    @property
    def verified_at(self) -> float:
        return self.status.verified_at

    @property
    def failures(self) -> int:
        return self.status.failures


class KnownPeers:
    """Iterates in the order of the last answer or unanswered query, the longest ago first."""

    def __init__(self, host_of: PrefixOf, network_of: PrefixOf, max_size: int = MAX_KNOWN) -> None:
        """``host_of``: the prefix that one host can be assumed to hold. ``network_of``: the prefix
        by which a full table finds its most crowded network.
        """
        self._max_size = max_size
        self.has_new_helpers = False
        """Whether a peer offered help; set back by who asks for it."""
        self._known: dict[Endpoint, KnownPeer] = {}
        self._by_host = _PrefixIndex(host_of)
        self._by_network = _PrefixIndex(network_of)
        self._by_key: dict[tuple[bytes, int], Endpoint] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[KnownPeer]:
        return iter(self._known.values())

    def at(self, endpoint: Endpoint) -> KnownPeer | None:
        return self._known.get(endpoint)

    def of_key(self, key: bytes, like: Endpoint) -> KnownPeer | None:
        """The peer with this key in the address family of ``like``."""
        endpoint = self._by_key.get((key, len(like)))
        return self._known.get(endpoint) if endpoint is not None else None

    def key_at(self, endpoint: Endpoint) -> bytes | None:
        known = self._known.get(endpoint)
        return known.peer.key if known is not None else None

    def has_reachable(self, count: int) -> bool:
        """Whether so many peers answered, and not only through a NAT mapping that they opened; of
        one address only the first counts.
        """
        for each in self._known.values():
            if not count:
                break
            count -= not (each.inbound or each.is_for_application_alone)
        return count <= 0

    def endpoints_of(self, key: bytes) -> list[Endpoint]:
        """Where the peer with this key is and answered last time, in every family."""
        found = [self._by_key.get((key, size)) for size in ENDPOINT_SIZES]
        return [each for each in found if each is not None and not self._known[each].failures]

    def presented(self, peer: VerifiedPeer) -> VerifiedPeer:
        """The peer as the application is given it: with its other endpoints, where it has some. A
        peer in quarantine is withheld from other nodes and from the table, and only marked here.
        """
        if not peer.is_proven:
            return peer
        others = tuple(each for each in self.endpoints_of(peer.key) if each != peer.endpoint)
        known = self._known.get(peer.endpoint)
        is_reachable = known is None or not known.inbound
        is_on_lan = known is not None and known.on_lan
        if not others and is_reachable and not is_on_lan:
            return peer
        return replace(peer, other_endpoints=others, is_reachable=is_reachable, is_on_lan=is_on_lan)

    def count_online(self, counts: Callable[[VerifiedPeer], bool] | None = None) -> int:
        """How many peers answered last time, and ``counts`` allows; one of both families counts
        once.
        """
        online = [known.peer for known in self if not known.failures]
        return len({peer.key for peer in online if counts is None or counts(peer)})

    def has_key(self, key: bytes) -> bool:
        """Whether a peer of either family has this key."""
        return any((key, size) in self._by_key for size in ENDPOINT_SIZES)

    def beside(self, endpoint: Endpoint) -> KnownPeer | None:
        """The first peer at this address, if that is another one, on another port. Addresses that
        are not public are shared for good reasons: there each endpoint counts by itself.
        """
        for other in self._by_host.like(endpoint):
            if other != endpoint and not self._known[other].shares_address:
                return self._known[other]
        return None

    def is_at_host(self, endpoint: Endpoint) -> bool:
        """Whether a peer is at this address, on any port."""
        return bool(self._by_host.like(endpoint))

    def count_sharing(self, endpoint: Endpoint) -> int:
        """How many peers at this address are not the first there."""
        return sum(self._known[other].shares_address for other in self._by_host.like(endpoint))

    def put(self, known: KnownPeer) -> None:
        """Replaces the entry at this endpoint, if there is one."""
        peer = known.peer
        self.remove(peer.endpoint)
        self._known[peer.endpoint] = known
        self._by_key[peer.key, len(peer.endpoint)] = peer.endpoint
        self._by_host.add(peer.endpoint)
        self._by_network.add(peer.endpoint)

    def answered(self, known: KnownPeer, now: float) -> None:
        known.status.answered(now)
        known.traffic_at = now
        known.silence_counted = False
        self._move_to_end(known)

    def moved_to_lan(self, known: KnownPeer) -> None:
        """Its beacon came after it was verified."""
        known.on_lan = True

    def missed(self, known: KnownPeer, now: float) -> None:
        known.missed_at = now
        self._move_to_end(known)

    def offers_help(self, endpoint: Endpoint, can_help: bool) -> None:
        """A reply to gossip says whether the peer helps with tests of reachability."""
        known = self._known.get(endpoint)
        if known is not None:
            self.has_new_helpers = self.has_new_helpers or (can_help and not known.can_help)
            known.can_help = can_help

    def _move_to_end(self, known: KnownPeer) -> None:
        self._known.pop(known.endpoint, None)
        self._known[known.endpoint] = known

    def remove(self, endpoint: Endpoint) -> KnownPeer | None:
        known = self._known.pop(endpoint, None)
        if known is None:
            return None
        if self._by_key.get((known.peer.key, len(endpoint))) == endpoint:
            del self._by_key[known.peer.key, len(endpoint)]
        self._by_host.remove(endpoint)
        self._by_network.remove(endpoint)
        return known

    def surplus(self, is_kept: Callable[[KnownPeer], bool]) -> KnownPeer | None:
        """The peer to forget when there are too many, else None: of those that are not kept, the
        one that answered longest ago, of the most crowded network first.
        """
        if len(self._known) <= self._max_size:
            return None
        crowd = [self._known[endpoint] for endpoint in self._by_network.largest()]
        if len(crowd) > 1:
            unneeded = [known for known in crowd if not is_kept(known)]
            if unneeded:
                return min(unneeded, key=_verified_at)
        for known in self:
            if not is_kept(known):
                return known
        return next(iter(self))

    def inconsistencies(self) -> Iterator[str]:
        """What contradicts itself, as `core/self_check.py` reports it."""
        if len(self._known) > self._max_size:
            yield f"too many peers are known: {len(self._known)}"
        for endpoint, known in self._known.items():
            if known.endpoint != endpoint or known.peer.endpoint != endpoint:
                yield f"a known peer is under another endpoint than its own: {endpoint.hex()}"
            if endpoint not in self._by_host.like(endpoint):
                yield f"a known peer is not found by its host: {endpoint.hex()}"
            if endpoint not in self._by_network.like(endpoint):
                yield f"a known peer is not found by its network: {endpoint.hex()}"
        for (key, size), endpoint in self._by_key.items():
            here = self._known.get(endpoint)
            if here is None or here.peer.key != key or len(endpoint) != size:
                yield f"a key stands for a peer that does not have it: {endpoint.hex()}"
        if not len(self._by_host) == len(self._by_network) == len(self._known):
            yield f"an index of known peers has another size: {len(self._known)}"


class _PrefixIndex:
    """Endpoints by the prefix that they share."""

    def __init__(self, prefix_of: PrefixOf) -> None:
        self._prefix_of = prefix_of
        self._endpoints: dict[bytes, list[Endpoint]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._endpoints.values()))

    def like(self, endpoint: Endpoint) -> list[Endpoint]:
        return self._endpoints.get(self._prefix_of(endpoint), [])

    def largest(self) -> list[Endpoint]:
        """The endpoints of the prefix that has the most; the index must not be empty."""
        return max(self._endpoints.values(), key=len)

    def add(self, endpoint: Endpoint) -> None:
        self._endpoints.setdefault(self._prefix_of(endpoint), []).append(endpoint)

    def remove(self, endpoint: Endpoint) -> None:
        prefix = self._prefix_of(endpoint)
        here = self._endpoints[prefix]
        here.remove(endpoint)
        if not here:
            del self._endpoints[prefix]


def _verified_at(known: KnownPeer) -> float:
    return known.verified_at


def known_peer(
    status: PeerStatus,
    candidate: Candidate | None,
    before: KnownPeer | None,
    pending: PendingQuery,
    record: PeerRecord,
    max_ttl: int,
    now: float,
) -> KnownPeer:
    """The entry of a peer that just answered ``pending`` with ``record``. ``candidate``: what was
    checked by that query, if anything was. ``before``: the entry that it had so far.
    """
    peer = status.known_peer
    origin = (
        before
        or candidate
        or Candidate(peer.endpoint, peer.node_id, OWN_LOOKUP, None, max_ttl - 1, now)
    )
    from_push = origin.from_push or (candidate is not None and candidate.from_push)
    ttl = max_ttl if from_push else origin.ttl
    is_closed = family_of(peer.endpoint) in record.closed
    inbound = not pending.proves_reachability and (before is None or before.inbound)
    return KnownPeer(
        status,
        origin.source,
        origin.book_source,
        ttl,
        from_push,
        inbound or is_closed,
        traffic_at=now,
        since=before.since if before is not None else now,
        is_closed=is_closed,
        can_help=before is not None and before.can_help,
    )


def verified_peer(
    record: PeerRecord, endpoint: Endpoint, sender: NodeId, records: RecordRule, *, is_proven: bool
) -> VerifiedPeer:
    """The peer that answered at ``endpoint`` with this record, with what counts there."""
    return VerifiedPeer(
        record.key,
        endpoint,
        sender,
        record.raw,
        record.sequence,
        records.services(record, endpoint),
        is_proven=is_proven,
    )
