"""Proof of key: a peer signs a challenge of this node, and so shows that it has the key of its
record.

Attack: a peer record is a text that anybody can copy. A node that sends the copy from an address
that the record does not contradict (it names none, or only one of the other family) is taken for
the owner of the key; or it passes the challenge on to the owner and returns what that signs.
Defence: the signature is over a fresh challenge, the endpoint that was asked, and the endpoint of
the querier as the replier sees it. A replier that knows its own endpoint signs for no other one. A
signature counts if the record names the endpoint that was asked, or if the querier knows its own
endpoint and it is the one that the replier saw; so a relay, which the owner sees in place of the
querier, gains nothing. Signed challenges bind an exchange to its two ends as in the handshake of
discv5.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from random import Random
from typing import Final, Protocol

from ...config import LimitsConfig
from ...endpoints import Endpoint, Family, Scope, family_of, ip_of
from ...wire.gossip import CHALLENGE_BYTES
from ...wire.messages import Gossip, Reply
from ...wire.records import PeerRecord
from ..addressing.external_address import Confidence
from ..contract.counters import Counters
from ..contract.identity import Identity, is_signed_by
from ..dht import Dht
from ..limits.budget import Budget, CellHash, Rate
from .own_record import OwnRecord
from .record_policy import Refused

DOMAIN: Final = b"kadisc proof 1"
"""What the signed text begins with, so that no other signature of the key can be a proof."""
PROOF_LASTS_S: Final = 3600.0
"""A key that was proven at an endpoint is asked for no new proof there for this long."""


class Proof(Enum):
    """Whether the peer that answered has the key of its record."""

    FRESH = "fresh"  # it signed the challenge of this exchange
    EARLIER = "earlier"  # it proved the key at this endpoint less than `PROOF_LASTS_S` ago
    NONE = "none"
    NOT_ASKED = "not asked"  # without this defence: every record stands for its sender

    __hash__ = object.__hash__


class KeyProofRule(Protocol):
    """What the asking node does."""

    def is_due(self, proven_at: float, now: float) -> bool:
        """Whether a peer whose key was proven last at ``proven_at`` is asked for a proof."""
        ...

    def ask(self, query: Gossip, endpoint: Endpoint) -> None:
        """Adds a challenge to a query to ``endpoint``."""
        ...

    def read(
        self, query: Gossip, reply: Reply, record: PeerRecord, endpoint: Endpoint, key: bytes | None
    ) -> Proof:
        """The proof in a reply to ``query`` from ``endpoint``. ``key``: the one that was proven
        there lately. Raises Refused for a wrong signature.
        """
        ...


class ProofSignerRule(Protocol):
    """What the asked node does."""

    def proof(
        self, query: Gossip, source: Endpoint, now: float, *, has_token: bool
    ) -> bytes | None:
        """The signature that a query asks for; None if it asks for none, or gets none.
        ``has_token``: whether the query has a valid token.
        """
        ...


class SigningRule(Protocol):
    def may_sign(self, source: Endpoint, now: float) -> bool: ...


class OwnEndpoints:
    """The endpoints of this node, as far as it knows them."""

    def __init__(self, dhts: Mapping[Family, Dht], own_record: OwnRecord) -> None:
        self._dhts = dhts
        self._own_record = own_record

    def matches(self, endpoint: Endpoint) -> bool | None:
        """Whether ``endpoint`` is that of this node, or one that it has on a link; its port counts
        only if that of this node is decided. None if this node does not know its address in that
        family.
        """
        dht = self._dhts.get(family_of(endpoint))
        if dht is None:
            return None
        if endpoint in dht.parts.scopes.lan.own:
            return True
        own = dht.parts.address
        if own.ip is None or own.confidence is Confidence.UNKNOWN:
            return None
        if ip_of(endpoint) != own.ip:
            return False
        # Beside the port that others see, that of a port mapping, which the record names.
        return own.port in (None, endpoint[-2:]) or endpoint in self._own_record.own_endpoints()

    def may_sign_for(self, asked: Endpoint, source: Endpoint) -> bool:
        """Whether to sign that this node is at ``asked`` for a querier at ``source``: for an
        endpoint on a link only to hosts that are not public, since other links have the same
        addresses.
        """
        dht = self._dhts.get(family_of(asked))
        if dht is not None and asked in dht.parts.scopes.lan.own:
            return dht.parts.scopes.of(source) is not Scope.PUBLIC
        return self.matches(asked) is not False


class KeyProofs:
    def __init__(self, tag: bytes, rng: Random, own: OwnEndpoints) -> None:
        self._tag = tag
        self._rng = rng
        self._own = own

    def is_due(self, proven_at: float, now: float) -> bool:
        return now >= proven_at + PROOF_LASTS_S

    def ask(self, query: Gossip, endpoint: Endpoint) -> None:
        query.challenge = self._rng.randbytes(CHALLENGE_BYTES)
        query.asked = endpoint

    def read(
        self, query: Gossip, reply: Reply, record: PeerRecord, endpoint: Endpoint, key: bytes | None
    ) -> Proof:
        challenge, seen_as = query.challenge, reply.seen_as
        if challenge is None:
            return Proof.EARLIER if key == record.key else Proof.NONE
        if reply.news is None or reply.news.proof is None:
            return Proof.NONE
        if seen_as is None or not is_signed_by(
            record.key, signed_text(self._tag, challenge, endpoint, seen_as), reply.news.proof
        ):
            raise Refused("proof-invalid")
        is_named = record.endpoints.get(family_of(endpoint)) == endpoint
        return Proof.FRESH if is_named or self._own.matches(seen_as) else Proof.NONE


class ProofSigner:
    def __init__(
        self,
        identity: Identity,
        tag: bytes,
        own: OwnEndpoints,
        budget: SigningRule,
        counters: Counters,
    ) -> None:
        self._identity = identity
        self._tag = tag
        self._own = own
        self._budget = budget
        self._counters = counters

    def proof(
        self, query: Gossip, source: Endpoint, now: float, *, has_token: bool
    ) -> bytes | None:
        challenge, asked = query.challenge, query.asked
        if challenge is None or asked is None:
            return None
        if len(asked) != len(source) or not self._own.may_sign_for(asked, source):
            self._counters.refuse("proof-elsewhere")
            return None
        if not has_token and not self._budget.may_sign(source, now):
            self._counters.refuse("proof-budget")
            return None
        return self._identity.sign(signed_text(self._tag, challenge, asked, source))


class SigningBudget:
    """Signatures for sources without a token: each takes 20 us, and the source may be forged."""

    def __init__(self, limits: LimitsConfig, cell_hash: CellHash) -> None:
        self._cell_hash = cell_hash
        self._budget = Budget(
            host=Rate(limits.host_queries_per_s, limits.host_query_burst),
            subnet=Rate(limits.subnet_queries_per_s, limits.subnet_query_burst),
            total=Rate(limits.total_proofs_per_s, limits.total_proof_burst),
        )

    def may_sign(self, source: Endpoint, now: float) -> bool:
        return not self._budget.lacking(self._cell_hash.cells(source), 1.0, now)


def signed_text(tag: bytes, challenge: bytes, asked: Endpoint, seen_as: Endpoint) -> bytes:
    """What the replier signs. ``tag``: that of the network, 20 bytes; ``challenge``: 16 bytes of
    the querier; ``asked``: the endpoint of the replier as the querier knows it; ``seen_as``: the
    endpoint of the querier as the replier sees it.
    """
    return DOMAIN + tag + challenge + asked + seen_as
