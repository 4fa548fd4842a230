"""Answers to gossip: our own record, a token, and to whoever has shown a token, peers that proved
themselves to us lately.

The attacks: a forged source address and a small question turn answers into a flood for somebody
else, so without a valid token no answer is longer than its question. And whoever asks again and
again, or from many networks, would learn all peers that we know, or all news at once: so each
network has a choice of its own, that stays the same for an hour.
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
from ...wire import krpc
from ...wire.gossip import PEER_BYTES, NamedPeer, pack_peers
from ...wire.messages import Error, Gossip, News, Reply
from ..addressing.netgroup_sampling import NetworkOf
from ..addressing.policy import AddressPolicy
from ..serving.tokens import TokenIssuer
from .known_peers import Known
from .own_record import OwnRecord

OTHER_NETWORK: Final = 201
GOSSIP: Final = b"gossip"
ENVELOPE_BYTES: Final = 160
"""More than everything in an answer but the record and the peers."""
SECRET_BYTES: Final = 32


class SampleRule(Protocol):
    def choose(
        self, entries: Iterable[Known], asker: Endpoint, count: int, now: float
    ) -> list[Known]: ...


class FixedSamples:
    """Ranks entries by a keyed hash of asker's network, hour and entry: nothing is stored, and who
    comes or goes changes only his own place.

    The first of each network come before the second of any, and the networks rank by hashes of
    their own: of half of all peers in 20 networks an answer names no more than of 20 others.
    """

    def __init__(
        self, fixed_s: float, rng: Random, scopes: AddressPolicy, network_of: NetworkOf
    ) -> None:
        self._fixed_s = fixed_s
        self._secret = rng.randbytes(SECRET_BYTES)
        self._scopes = scopes
        self._network_of = network_of

    def choose(
        self, entries: Iterable[Known], asker: Endpoint, count: int, now: float
    ) -> list[Known]:
        hour = int(now // self._fixed_s).to_bytes(8, "big", signed=True)
        begin = hashlib.blake2b(hour + self._scopes.subnet(asker), key=self._secret, digest_size=8)

        def rank(of: bytes) -> bytes:
            digest = begin.copy()
            digest.update(of)
            return digest.digest()

        networks: dict[bytes, list[tuple[bytes, Known]]] = {}
        for known in entries:
            endpoint = known.peer.endpoint
            networks.setdefault(self._network_of(endpoint), []).append((rank(endpoint), known))
        places: list[tuple[int, bytes, Known]] = []
        for network, inside in networks.items():
            inside.sort(key=itemgetter(0))
            begins = rank(network)
            places += [(place, begins, known) for place, (_, known) in enumerate(inside)]
        places.sort(key=itemgetter(0, 1))
        return [known for _, _, known in places[:count]]


class AnySample:
    """What fixed samples are measured against: another choice each time."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def choose(
        self, entries: Iterable[Known], asker: Endpoint, count: int, now: float
    ) -> list[Known]:
        known = list(entries)
        return self._rng.sample(known, min(count, len(known)))


class TokenRule(Protocol):
    def make(self, asker: Endpoint, now: float) -> bytes: ...

    def accepts(self, token: bytes | None, asker: Endpoint, now: float) -> bool: ...


class GossipTokens:
    """Bound to the purpose, the network and the exact endpoint."""

    def __init__(self, rng: Random, rotation_s: float, tag: bytes, now: float) -> None:
        self._jar = TokenIssuer(rng, rotation_s, now)
        self._key = int.from_bytes(tag, "big")

    def make(self, asker: Endpoint, now: float) -> bytes:
        return self._jar.make(GOSSIP, asker, self._key, now, with_port=True)

    def accepts(self, token: bytes | None, asker: Endpoint, now: float) -> bool:
        return token is not None and self._jar.accepts(
            token, GOSSIP, asker, self._key, now, with_port=True
        )


class NoTokens(GossipTokens):
    """What they are measured against: whoever asks has proved his address."""

    def accepts(self, token: bytes | None, asker: Endpoint, now: float) -> bool:
        return True


class GossipAnswers:
    def __init__(
        self,
        config: CoreConfig,
        tag: bytes,
        record: OwnRecord,
        samples: SampleRule,
        tokens: TokenRule,
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
        tiers: Iterable[Iterable[Known]],
        now: float,
        *,
        query_bytes: int,
        proven: bool,
    ) -> bytes | None:
        """The datagram, or None where even the shortest answer is longer than the query. ``tiers``:
        who may be named, those of the first before any of the next. ``proven``: its token was good.
        """
        if query.network != self._tag:
            return fitting(
                Error(query.tid, OTHER_NETWORK, "another network", CLIENT_VERSION, source),
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
        self, want: int, asker: Endpoint, tiers: Iterable[Iterable[Known]], now: float
    ) -> list[NamedPeer]:
        config = self._config
        room = (self._max_bytes - ENVELOPE_BYTES - len(self._record.raw)) // PEER_BYTES[
            family_of(asker)
        ]
        count, chosen = min(want, config.pull_entries, room), list[Known]()
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

    def _nameable(self, known: Iterable[Known], asker: Endpoint, now: float) -> list[Known]:
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
    """The answer in at most so many bytes: without what is only nice to have, then without what was
    asked for, or not at all.
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
    answer.seen_as = answer.version = None


def _leave_out_text(answer: Reply | Error) -> None:
    if isinstance(answer, Error):
        answer.text = ""
