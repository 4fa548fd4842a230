"""Answers to gossip queries: the own record, a token, and to a node that has shown a token, peers
that were verified lately.

Attack: a query with a forged source address is shorter than its answer, so answers flood a victim.
Defence: without a valid token no answer is longer than its query. Attack: a node asks again and
again, or from many networks, to learn all peers that this node knows, or all news at once. Defence:
each subnet is given a choice of its own, which stays the same for an hour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from operator import itemgetter
from random import Random
from typing import Final, Protocol

from ...config import CLIENT_VERSION, CoreConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family, Scope, family_of
from ...ids import NodeId
from ...wire import error_codes, krpc
from ...wire.gossip import PEER_BYTES, NamedPeer, pack_peers
from ...wire.messages import Error, Gossip, News, Reply
from ..addressing.netgroup_sampling import PrefixOf
from ..addressing.policy import AddressPolicy
from ..serving.tokens import TokenIssuer
from .known_peers import KnownPeer
from .own_record import OwnRecord

OTHER_NETWORK: Final = 201
"""The KRPC error code for a query with the tag of another network."""
GOSSIP: Final = b"gossip"
"""The purpose that a gossip token is bound to."""
ENVELOPE_BYTES: Final = 160
"""More than all fields of an answer but the record and the peers."""
SECRET_BYTES: Final = 32


class PeerSampleRule(Protocol):
    def choose(
        self, entries: Iterable[KnownPeer], asker: Endpoint, count: int, now: float
    ) -> list[KnownPeer]: ...


class FixedPeerSamples:
    """Ranks entries by a keyed hash of the asker's subnet, the hour and the entry. Nothing is
    stored, and an entry that comes or goes changes only its own place.

    The first entry of each network comes before the second of any, and the networks are ranked by
    hashes of their own: if half of all peers are in 20 networks, an answer names no more of them
    than of 20 others.
    """

    def __init__(
        self, fixed_s: float, rng: Random, scopes: AddressPolicy, network_of: PrefixOf
    ) -> None:
        self._fixed_s = fixed_s
        self._secret = rng.randbytes(SECRET_BYTES)
        self._scopes = scopes
        self._network_of = network_of

    def choose(
        self, entries: Iterable[KnownPeer], asker: Endpoint, count: int, now: float
    ) -> list[KnownPeer]:
        hour = int(now // self._fixed_s).to_bytes(8, "big", signed=True)
        prefix = hashlib.blake2b(hour + self._scopes.share(asker), key=self._secret, digest_size=8)

        def rank(of: bytes) -> bytes:
            digest = prefix.copy()
            digest.update(of)
            return digest.digest()

        networks: dict[bytes, list[tuple[bytes, KnownPeer]]] = {}
        for known in entries:
            endpoint = known.peer.endpoint
            networks.setdefault(self._network_of(endpoint), []).append((rank(endpoint), known))
        ranked: list[tuple[int, bytes, KnownPeer]] = []
        for network, inside in networks.items():
            inside.sort(key=itemgetter(0))
            network_rank = rank(network)
            ranked += [(place, network_rank, known) for place, (_, known) in enumerate(inside)]
        ranked.sort(key=itemgetter(0, 1))
        return [known for _, _, known in ranked[:count]]


class GossipTokenRule(Protocol):
    def make(self, asker: Endpoint, now: float) -> bytes: ...

    def accepts(self, token: bytes | None, asker: Endpoint, now: float) -> bool: ...


class GossipTokens:
    """A token is bound to the purpose, the network and the exact endpoint."""

    def __init__(self, rng: Random, rotation_s: float, tag: bytes, now: float) -> None:
        self._jar = TokenIssuer(rng, rotation_s, now)
        self._key = int.from_bytes(tag, "big")

    def make(self, asker: Endpoint, now: float) -> bytes:
        return self._jar.make(GOSSIP, asker, self._key, now)

    def accepts(self, token: bytes | None, asker: Endpoint, now: float) -> bool:
        return token is not None and self._jar.accepts(token, GOSSIP, asker, self._key, now)


class GossipAnswers:
    def __init__(
        self,
        config: CoreConfig,
        tag: bytes,
        record: OwnRecord,
        samples: PeerSampleRule,
        tokens: GossipTokenRule,
        scopes: AddressPolicy,
    ) -> None:
        self.tokens = tokens
        self._config = config.gossip
        self._max_bytes = config.serving.max_answer_bytes
        self._tag = tag
        self._record = record
        self._samples = samples
        self._scopes = scopes

    def answer(
        self,
        query: Gossip,
        source: Endpoint,
        own_id: NodeId,
        tiers: Iterable[Iterable[KnownPeer]],
        now: float,
        *,
        query_bytes: int,
        proven: bool,
    ) -> bytes | None:
        """The datagram, or None where even the shortest answer is longer than the query. ``tiers``:
        the peers that may be named, those of the first before any of the next. ``proven``: whether
        the query's token was valid.
        """
        if query.network != self._tag:
            return fitting(
                Error(query.tid, error_codes.GENERIC, "another network", CLIENT_VERSION, source),
                query_bytes,
            )
        reply = Reply(
            query.tid,
            own_id,
            token=self.tokens.make(source, now),
            seen_as=source,
            version=CLIENT_VERSION,
            news=News(self._record.fields),
        )
        if not proven:
            return fitting(reply, query_bytes)
        chosen = pack_peers(self._chosen(query.want, source, tiers, now)) if query.want else b""
        family = family_of(source)
        reply.news = News(
            self._record.fields,
            chosen if family is Family.IPV4 else b"",
            chosen if family is Family.IPV6 else b"",
        )
        return krpc.encode(reply)

    def _chosen(
        self, want: int, asker: Endpoint, tiers: Iterable[Iterable[KnownPeer]], now: float
    ) -> list[NamedPeer]:
        config = self._config
        room_bytes = self._max_bytes - ENVELOPE_BYTES - len(self._record.raw)
        count = min(want, config.pull_entries, room_bytes // PEER_BYTES[family_of(asker)])
        chosen: list[KnownPeer] = []
        for tier in tiers:
            if len(chosen) < count:
                chosen += self._samples.choose(
                    self._nameable(tier, asker, now), asker, count - len(chosen), now
                )
        return [
            NamedPeer(
                Contact(each.peer.node_id, each.peer.endpoint),
                each.ttl,
                int((now - each.verified_at) // config.entry_age_unit_s),
            )
            for each in chosen
        ]

    def _nameable(self, known: Iterable[KnownPeer], asker: Endpoint, now: float) -> list[KnownPeer]:
        scopes, size, scope_of_asker = self._scopes, len(asker), self._scopes.of(asker)
        return [
            each
            for each in known
            if each.ttl > 0
            and not each.failures
            and len(each.peer.endpoint) == size
            and each.peer.endpoint != asker
            and now - each.verified_at <= self._config.max_entry_age_s
            and scopes.of(each.peer.endpoint) in (Scope.PUBLIC, scope_of_asker)
        ]


def fitting(answer: Reply | Error, query_bytes: int) -> bytes | None:
    """The answer in at most so many bytes: whole, else without the record, then without the fields
    that only help, then without the text of an error; None where that is still too long.
    """
    for shorten in (_nothing, _leave_out_record, _leave_out_hints, _leave_out_text):
        shorten(answer)
        payload = krpc.encode(answer)
        if len(payload) <= query_bytes:
            return payload
    return None


def _nothing(answer: Reply | Error) -> None:
    pass


def _leave_out_record(answer: Reply | Error) -> None:
    if isinstance(answer, Reply):
        answer.news = None


def _leave_out_hints(answer: Reply | Error) -> None:
    answer.seen_as = None
    answer.version = None


def _leave_out_text(answer: Reply | Error) -> None:
    if isinstance(answer, Error):
        answer.text = ""
