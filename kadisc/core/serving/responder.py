"""Answers queries (BEP 5; BEP 32 for both families; BEP 42 for the ``ip`` field; `item_service` has
BEP 44, `info_hash_samples` BEP 51).

Attack: KRPC over UDP amplifies: a node that answers with its whole table sends 2,009 bytes for 99.
Defence: an answer has at most k contacts for each family and at most 1,024 bytes; an answer with an
item has at most 1,232 bytes, and as many contacts as fit beside the item.
"""

from __future__ import annotations

from typing import Final

from ...config import CLIENT_VERSION, CoreConfig
from ...endpoints import IPV4, Endpoint, Family, Scope, family_of, ip_of, scope_of
from ...ids import NodeId
from ...wire import error_codes, krpc
from ...wire.compact import CONTACT_BYTES
from ...wire.envelope import MAX_TID_BYTES
from ...wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    Ping,
    Put,
    Query,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)
from ..addressing.policy import AddressPolicy
from ..limits.costs import CostRule
from ..table.routing_table import RoutingTable
from .answer_cache import AnswerCache
from .info_hash_samples import InfoHashSampleRule
from .item_service import ItemService
from .peer_store import PeerStore
from .tokens import TokenIssuer

ENVELOPE_BYTES: Final = 160
"""More than the size of a get_peers reply without its transaction ID, contacts and peers."""
CONTACT_FIELDS_BYTES: Final = len(b"5:nodes999:6:nodes6999:")
"""Size of the fields of contacts without the contacts."""
SAMPLE_FIELDS_BYTES: Final = len(b"8:intervali21600e3:numi999999e7:samples999:")
"""Size of the fields of BEP 51 without the info-hashes."""

ANNOUNCE: Final = b"announce"
"""The purpose of tokens for announce_peer."""
UNBOUNDED: Final = 1 << 30
"""Number of contacts and of bytes in an answer without the defence `bounded_answers`."""
_WANTED: Final = {Family.IPV4: b"n4", Family.IPV6: b"n6"}


class Responder:
    """Answers from the routing tables, and from ``peers``, ``items`` and ``samples``; ``tokens``
    say which senders may store something here.
    """

    def __init__(
        self,
        config: CoreConfig,
        tables: dict[Family, RoutingTable],
        scopes: AddressPolicy,
        tokens: TokenIssuer,
        peers: PeerStore,
        items: ItemService,
        samples: InfoHashSampleRule,
        costs: CostRule,
    ) -> None:
        self.peers = peers
        self.items = items
        self.stores = peers, items.store
        self._samples = samples
        self._costs = costs
        self._tokens = tokens
        self._tables = tables
        self._scopes = scopes
        self._max_bytes = config.serving.max_answer_bytes
        self._max_item_bytes = config.store.max_answer_bytes
        bounded = config.defences.bounded_answers
        self._k = config.table.k if bounded else UNBOUNDED
        self._max_contact_bytes = (
            max(0, self._max_bytes - ENVELOPE_BYTES - MAX_TID_BYTES) if bounded else UNBOUNDED
        )
        self._caches = {
            family: AnswerCache(
                table, min(self._k, self._max_contact_bytes // CONTACT_BYTES[family]), scopes
            )
            for family, table in tables.items()
        }

    def answer(self, query: Query, source: Endpoint, now: float) -> Reply | Error:
        reply = Reply(
            query.tid,
            self._tables[family_of(source)].own_id,
            seen_as=source,
            version=CLIENT_VERSION,
        )
        match query:
            case Ping():
                pass
            case FindNode():
                self._add_contacts(reply, query.target, query.want, source, self._max_contact_bytes)
            case GetPeers():
                self._add_contacts(
                    reply, query.info_hash, query.want, source, self._max_contact_bytes
                )
                reply.token = self._tokens.make(ANNOUNCE, source, query.info_hash, now)
                reply.values = self._sample(reply, query, source, now)
            case AnnouncePeer():
                return self._store(reply, query, source, now)
            case Get():
                self._add_item(reply, query, source, now)
            case Put():
                return self.items.put(reply, query, source, now)
            case SampleInfohashes():
                reply.samples = self._samples.sample(now)
                self._add_contacts(
                    reply,
                    query.target,
                    query.want,
                    source,
                    self._max_contact_bytes - SAMPLE_FIELDS_BYTES - len(reply.samples.info_hashes),
                )
            case UnknownQuery(target=int(target)):
                self._add_contacts(reply, target, query.want, source, self._max_contact_bytes)
            case _:  # gossip too, in a node that is of no network
                return self._error(query, source, error_codes.METHOD_UNKNOWN, "method unknown")
        return reply

    def answering_s(self, query: Query) -> float:
        """Seconds that the answer takes beyond that to a find_node, by fixed weights."""
        stored = 0
        if isinstance(query, (GetPeers, AnnouncePeer)):
            stored = self.peers.count_of(query.info_hash)
            if not stored and type(query) is GetPeers:  # nearly all of them: as cheap as find_node
                return 0.0
        return self._costs.answering_s(query, stored)

    @property
    def stored(self) -> tuple[int, int]:
        """The number of peers and of items that are stored for other nodes."""
        return len(self.peers), len(self.items.store)

    def expire(self, now: float) -> None:
        for store in self.stores:
            if store.deadline <= now:  # asked at every tick
                store.expire(now)

    def malformed(self, tid: bytes, code: int, text: str, source: Endpoint) -> Error:
        """The error for the sender of a malformed query."""
        return Error(tid, code, text, CLIENT_VERSION, source)

    def _add_contacts(
        self,
        reply: Reply,
        target: NodeId,
        want: frozenset[bytes] | None,
        source: Endpoint,
        max_bytes: int,
    ) -> None:
        transport = family_of(source)
        if not want and max_bytes == self._max_contact_bytes:  # nearly all queries
            packed = self._caches[transport].closest(target, source)
            if transport is IPV4:
                reply.nodes = packed
            else:
                reply.nodes6 = packed
            return
        wanted = [
            family
            for family in self._tables
            if (_WANTED[family] in want if want else family is transport)
        ]
        for family in wanted:
            scope = self._scopes.of(source)
            count = max(0, min(self._k, max_bytes // len(wanted) // CONTACT_BYTES[family]))
            cache = self._caches[family]
            if count == cache.k and (family is transport or scope is Scope.PUBLIC):
                packed = cache.closest(target, source)
            else:
                packed = b"".join(
                    [
                        entry.pooled.packed
                        for entry in self._tables[family].closest(
                            target, count, scope if family is transport else Scope.PUBLIC
                        )
                    ]
                )
            if family is IPV4:
                reply.nodes = packed
            else:
                reply.nodes6 = packed

    def _add_item(self, reply: Reply, query: Get, source: Endpoint, now: float) -> None:
        self.items.add_item(reply, query, source, now)
        if reply.held is None:
            self._add_contacts(reply, query.target, query.want, source, self._max_contact_bytes)
            return
        # Fields that are left out, in this order, until the item fits; only a very long transaction
        # ID leaves no room for the item itself.
        for field in ("seen_as", "version", "held"):
            if self._room(reply) >= 0:
                break
            setattr(reply, field, None)
        self._add_contacts(
            reply, query.target, query.want, source, min(self._room(reply), self._max_contact_bytes)
        )

    def _room(self, reply: Reply) -> int:
        """Bytes that are free for contacts beside an item."""
        return self._max_item_bytes - CONTACT_FIELDS_BYTES - len(krpc.encode(reply))

    def _sample(
        self, reply: Reply, query: GetPeers, source: Endpoint, now: float
    ) -> list[Endpoint] | None:
        if not self.peers.holds(query.info_hash):
            return None
        used = ENVELOPE_BYTES + len(query.tid) + len(reply.nodes or b"") + len(reply.nodes6 or b"")
        # Peers are of the family of the transport (BEP 32), each a string with its length.
        peer_bytes = len(source) + len(str(len(source))) + 1
        fitting = max(0, self._max_bytes - used) // peer_bytes
        return self.peers.sample(query.info_hash, source, fitting, now) or None

    def _store(
        self, reply: Reply, query: AnnouncePeer, source: Endpoint, now: float
    ) -> Reply | Error:
        if not self._tokens.accepts(query.token, ANNOUNCE, source, query.info_hash, now):
            return self._error(query, source, error_codes.PROTOCOL, "token is wrong or too old")
        peer = (
            source
            if query.implied_port
            else Endpoint(ip_of(source) + query.port.to_bytes(2, "big"))
        )
        if scope_of(peer) is Scope.INVALID:
            return self._error(query, source, error_codes.PROTOCOL, "address cannot be contacted")
        refusal = self.peers.add(query.info_hash, peer, now)
        return reply if refusal is None else self._error(query, source, error_codes.SERVER, refusal)

    def _error(self, query: Query, source: Endpoint, code: int, text: str) -> Error:
        return Error(query.tid, code, text, CLIENT_VERSION, source)
