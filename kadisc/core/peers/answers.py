"""Answers to gossip queries: the own record, a token, and to a node that has shown a token, peers
that were verified lately.

Attack: a query with a forged source address is shorter than its answer, so answers flood a victim.
Defence: without a valid token no answer is longer than its query. Attack: a node asks again and
again, or from many networks, to learn all peers that this node knows, or all news at once. Defence:
each subnet is given a choice of its own, which stays the same for an hour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from random import Random
from typing import Final, Protocol, TypeAlias

from ...config import CLIENT_VERSION, CoreConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family, Scope, family_of
from ...ids import NodeId
from ...wire import error_codes, krpc
from ...wire.gossip import PEER_BYTES, PROOF_BYTES, NamedPeer, pack_peers
from ...wire.messages import Error, Gossip, News, Reply
from ..addressing.grouped_ring import GroupedRing
from ..addressing.netgroup_sampling import PrefixOf
from ..addressing.policy import AddressPolicy
from ..book.verdicts import Verdicts
from ..contract.conduct import Conduct
from ..contract.times import NEVER
from ..serving.fitting import fitting
from ..serving.tokens import TokenIssuer
from .known_peers import KnownPeer
from .own_record import OwnRecord
from .proof import ProofSignerRule

OTHER_NETWORK: Final = 201
"""The KRPC error code for a query with the tag of another network."""
GOSSIP: Final = b"gossip"
"""The purpose that a gossip token is bound to."""
ENVELOPE_BYTES: Final = 160
"""More than all fields of an answer but the record and the peers."""
SECRET_BYTES: Final = 32
RANKED_FOR_S: Final = 1.0
"""The peers that may be named are ranked at most once in so many seconds."""

Tiers: TypeAlias = Callable[[], Iterable[Iterable[KnownPeer]]]
"""Finds the peers that may be named, those of the first list before any of the next."""


class PeerSampleRule(Protocol):
    def choose(
        self,
        tiers: Tiers,
        asker: Endpoint,
        count: int,
        now: float,
        may_name: Callable[[KnownPeer], bool],
    ) -> list[KnownPeer]:
        """At most ``count`` of the peers that ``may_name`` allows, those of the first tier before
        any of the next.
        """
        ...


class TierRings:
    """The rings of one tier, by the size of the endpoints and their scope."""

    def __init__(self, secret: bytes, scopes: AddressPolicy, network_of: PrefixOf) -> None:
        self.rings: dict[tuple[int, Scope], GroupedRing] = {}
        self._secret = secret
        self._scopes = scopes
        self._network_of = network_of
        self._held: dict[Endpoint, GroupedRing] = {}

    def hold(self, endpoints: Collection[Endpoint]) -> None:
        """These are on the rings from now on, and no others."""
        held = self._held
        for endpoint in [each for each in held if each not in endpoints]:
            held.pop(endpoint).remove(endpoint, self._network_of(endpoint))
        for endpoint in endpoints:
            if endpoint not in held:
                place = len(endpoint), self._scopes.of(endpoint)
                ring = self.rings.get(place)
                if ring is None:
                    ring = self.rings[place] = GroupedRing(self._secret)
                ring.add(endpoint, self._network_of(endpoint))
                held[endpoint] = ring


class FixedPeerSamples:
    """Each subnet that asks has its own choice for an hour (`GroupedRing`, grouped by network).

    The rings are brought up to date when they are asked for and a second old: at most 512 peers
    come and go, fail, and win and lose slots, and a second of that is less than what gossip takes
    to tell of it. So no number of queries costs more than one ranking a second.
    """

    def __init__(
        self, fixed_s: float, rng: Random, scopes: AddressPolicy, network_of: PrefixOf
    ) -> None:
        self._fixed_s = fixed_s
        self._secret = rng.randbytes(SECRET_BYTES)
        self._scopes = scopes
        self._network_of = network_of
        self._ranked_at = NEVER
        self._hour: int | None = None
        self._peers: dict[Endpoint, KnownPeer] = {}
        self._tiers: list[TierRings] = []

    def choose(
        self,
        tiers: Tiers,
        asker: Endpoint,
        count: int,
        now: float,
        may_name: Callable[[KnownPeer], bool],
    ) -> list[KnownPeer]:
        if not self._ranked_at <= now < self._ranked_at + RANKED_FOR_S:
            self._rank(tiers(), now)
        peers = self._peers

        def accepts(endpoint: Endpoint) -> bool:
            return may_name(peers[endpoint])

        size, share, scope = len(asker), self._scopes.share(asker), self._scopes.of(asker)
        chosen: list[Endpoint] = []
        for tier in self._tiers:
            for each in (scope, Scope.PUBLIC) if scope is not Scope.PUBLIC else (scope,):
                ring = tier.rings.get((size, each))
                if ring is not None and len(chosen) < count:
                    chosen += ring.choose(share, count - len(chosen), accepts)
        return [peers[endpoint] for endpoint in chosen]

    def _rank(self, tiers: Iterable[Iterable[KnownPeer]], now: float) -> None:
        hour = int(now // self._fixed_s)
        if hour != self._hour:  # another order
            self._hour, self._tiers = hour, []
        self._ranked_at = now
        self._peers = {}
        found = [{each.endpoint: each for each in tier} for tier in tiers]
        if len(found) != len(self._tiers):
            hour_bytes = hour.to_bytes(8, "big", signed=True)
            secret = hashlib.blake2b(hour_bytes, key=self._secret).digest()
            self._tiers = [TierRings(secret, self._scopes, self._network_of) for _ in found]
        for rings, known in zip(self._tiers, found, strict=True):
            rings.hold(known)
            self._peers |= known


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
        signer: ProofSignerRule,
        scopes: AddressPolicy,
        verdicts: Verdicts,
        conducts: Mapping[Family, Conduct],
    ) -> None:
        """``conducts``: of a node that helps with tests of reachability; otherwise empty."""
        self.tokens = tokens
        self._signer = signer
        self._config = config.gossip
        self._max_bytes = config.serving.max_answer_bytes
        self._tag = tag
        self._record = record
        self._samples = samples
        self._scopes = scopes
        self._verdicts = verdicts
        self._conducts = conducts

    def answer(
        self,
        query: Gossip,
        source: Endpoint,
        own_id: NodeId,
        tiers: Tiers,
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
        proof = self._signer.proof(query, source, now, has_token=proven)
        reply = Reply(
            query.tid,
            own_id,
            token=self.tokens.make(source, now),
            seen_as=source,
            version=CLIENT_VERSION,
            news=News(self._record.fields, proof=proof, can=self._can_help(source)),
        )
        if not proven:
            payload = krpc.encode(reply)
            if len(payload) <= query_bytes:
                return payload
            reply.news = News(self._record.fields, proof=proof)  # the record is worth more
            return fitting(reply, query_bytes)
        chosen = pack_peers(self._chosen(query.want, source, tiers, now)) if query.want else b""
        family = family_of(source)
        reply.news = News(
            self._record.fields,
            chosen if family is Family.IPV4 else b"",
            chosen if family is Family.IPV6 else b"",
            proof,
            self._can_help(source),
        )
        return krpc.encode(reply)

    def _can_help(self, asker: Endpoint) -> bool:
        family = family_of(asker)
        return family in self._conducts and self._conducts[family].can_help

    def _chosen(self, want: int, asker: Endpoint, tiers: Tiers, now: float) -> list[NamedPeer]:
        config = self._config
        room_bytes = self._max_bytes - ENVELOPE_BYTES - PROOF_BYTES - len(self._record.raw)
        count = min(want, config.pull_entries, room_bytes // PEER_BYTES[family_of(asker)])
        if count < 1:
            return []

        def may_name(known: KnownPeer) -> bool:
            return (
                known.ttl > 0
                and not known.failures
                and known.endpoint != asker
                and now - known.verified_at <= config.max_entry_age_s
                and self._verdicts.may_name(known.peer, now)
            )

        return [
            NamedPeer(
                Contact(each.peer.node_id, each.endpoint),
                each.ttl,
                int((now - each.verified_at) // config.entry_age_unit_s),
            )
            for each in self._samples.choose(tiers, asker, count, now, may_name)
        ]
