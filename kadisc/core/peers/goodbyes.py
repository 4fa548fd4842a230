"""Goodbyes: a node that stops tells the peers that know it, so that none of them gives it to an
application any more.

A goodbye is a gossip query with a valid token and ``bye`` 1. It gets no answer.

Attack: a forged goodbye makes a node forget its honest peers. Defence: it counts only for the
endpoint that it comes from, only with the token that was sent there, and only if a peer has proven
its key at that endpoint. Such a peer is no longer verified until it answers again; its entry in the
address book stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...endpoints import Endpoint, Family, family_of
from ...wire.messages import Error, Gossip, Reply
from ..contract import purposes
from ..contract.counters import Counters
from ..contract.queries import (
    NO_COMMANDS,
    Commands,
    PendingQuery,
    Priority,
    QueryFailure,
    SendQuery,
)
from ..dht import Dht
from .exchange import pad
from .known_peers import KnownPeer
from .partners import Partners
from .verification import PeerVerifier

MAX_DATAGRAMS: Final = 32
"""Datagrams that a node sends at most to say goodbye: one to a peer that gave a token lately, two
to another peer.
"""


class Goodbyes:
    """Those of this node, and those of its peers."""

    def __init__(
        self,
        tag: bytes,
        first_query_bytes: int,
        counters: Counters,
        partners: Partners,
        verifier: PeerVerifier,
        dhts: Mapping[Family, Dht],
    ) -> None:
        self._tag = tag
        self._first_query_bytes = first_query_bytes
        self._counters = counters
        self._partners = partners
        self._verifier = verifier
        self._dhts = dhts
        self._waiting: set[Endpoint] = set()
        self.has_begun = False
        """Whether this node leaves the network: it takes no more part in gossip."""

    # --- of others --------------------------------------------------------------------------------

    def received(self, source: Endpoint, now: float, *, has_token: bool) -> Commands:
        """A query with ``bye`` came from ``source``. ``has_token``: with the token sent there."""
        if not has_token:
            self._counters.refuse("bye-without-token")
            return NO_COMMANDS
        known = self._verifier.known.at(source)
        if known is None:
            is_unproven = self._verifier.unproven.at(source) is not None
            self._counters.refuse("bye-unproven" if is_unproven else "bye-unknown")
            return NO_COMMANDS
        self._counters.goodbye("heeded")
        self._partners.left(source)
        return self._verifier.left(known, now)

    # --- of this node -----------------------------------------------------------------------------

    @property
    def awaits_tokens(self) -> bool:
        """Whether a peer was asked for the token that the goodbye to it needs."""
        return bool(self._waiting)

    def begin(self, now: float) -> list[SendQuery]:
        """This node stops. The queries to send now: goodbyes to peers that gave a token lately,
        then requests for tokens to the peers that answered last.
        """
        self.has_begun = True
        alive = [each for each in self._verifier.known if not each.failures]
        alive.sort(key=_verified_at, reverse=True)
        queries: list[SendQuery] = []
        left = MAX_DATAGRAMS
        for known in alive:
            token = self._partners.token_of(known.endpoint, now)
            if token is not None and left > 0:
                left -= 1
                queries.append(self._goodbye(known.endpoint, token))
        for known in alive:
            if self._partners.token_of(known.endpoint, now) is None and left > 1:
                left -= 2
                self._waiting.add(known.endpoint)
                queries.append(self._request(known.endpoint))
        return queries

    def _goodbye(self, endpoint: Endpoint, token: bytes) -> SendQuery:
        self._counters.goodbye("sent")
        query = self._query(endpoint)
        query.token = token
        query.bye = True
        return self._to_send(endpoint, query)

    def _request(self, endpoint: Endpoint) -> SendQuery:
        query = self._query(endpoint)
        pad(query, self._first_query_bytes)
        return self._to_send(endpoint, query)

    def _query(self, endpoint: Endpoint) -> Gossip:
        return Gossip(b"", self._dhts[family_of(endpoint)].own_id, self._tag, 0)

    def _to_send(self, endpoint: Endpoint, query: Gossip) -> SendQuery:
        return SendQuery(
            endpoint,
            None,
            query,
            self,
            learn_contact=False,
            retransmit=False,
            priority=Priority.MAINTENANCE,
            purpose=purposes.GOODBYE,
        )

    # --- as the owner of those queries ------------------------------------------------------------

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        if pending.endpoint not in self._waiting:
            return NO_COMMANDS
        self._waiting.discard(pending.endpoint)
        if reply.token is None:
            return NO_COMMANDS
        return [self._goodbye(pending.endpoint, reply.token)]

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        self._waiting.discard(command.endpoint)
        return NO_COMMANDS


def _verified_at(known: KnownPeer) -> float:
    return known.verified_at
