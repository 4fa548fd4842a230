"""One gossip exchange with one endpoint, from the first query to its end. The exchange is the owner
of its queries.

Stages: a ping where nothing shows that the endpoint speaks gossip; a query for its record and a
token, padded to the length of the answer, so that the answer is no amplification; with the token,
a query that pushes the own record, asks for peers, or both. Where the key of the peer was not
proven lately, a query asks for a proof (`proof.py`); if the first answer has none, the second query
asks again, because the peer may have signed enough for nodes without a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Final

from ...config import CLIENT_VERSION, CoreConfig
from ...endpoints import IPV4, Endpoint, Family, family_of
from ...errors import DecodeError
from ...wire import krpc
from ...wire.envelope import TID_BYTES
from ...wire.gossip import PEER_BYTES, peers_from
from ...wire.messages import Error, Gossip, News, Ping, Reply
from ..contract import purposes
from ..contract.events import OperationId, Outcome, PeerChecked
from ..contract.queries import (
    MAINTENANCE,
    NO_COMMANDS,
    Command,
    Commands,
    PendingQuery,
    QueryFailure,
    SendQuery,
)
from ..contract.query_group import QueryGroup
from ..contract.verified_peer import VerifiedPeer
from ..dht import Dht
from .candidates import Candidate
from .components import PeerComponents
from .partners import BLOCKED_S
from .proof import Proof
from .record_policy import Refused
from .reports import PeerReports
from .verification import PeerVerifier

RECORD_REFUSED_S: Final = 600.0
"""An endpoint whose record is refused is blocked for this long: it may have had an old address, or
the address of a peer that moved.
"""
BLOCKED_FOR_LONG: Final = (
    "peer-foreign",
    "peer-error",
    "peer-without-record",
    "record-network",
    "record-own",
)
"""Reasons for which an endpoint is blocked for `BLOCKED_S` instead."""
NO_PEER: Final = ("peer-foreign", "peer-error", "peer-without-record")
"""Reasons that show that no peer answers there, whatever the address book remembers."""


class Stage(Enum):
    PING = "ping"  # does a node answer there, and does it speak gossip?
    FIRST_QUERY = "first query"  # its record and a token, for a query as long as the answer
    WITH_TOKEN = "with token"  # the own record, and a request for peers


PING: Final = Stage.PING
FIRST_QUERY: Final = Stage.FIRST_QUERY
WITH_TOKEN: Final = Stage.WITH_TOKEN
"""Read several times in each exchange: see `endpoints.IPV4`."""


class ExchangeReason(Enum):
    CANDIDATE = "candidate"  # a candidate is checked
    PULL = "pull"
    PUSH = "push"
    RECHECK = "recheck"  # is the peer still there?
    CALLER = "caller"  # a caller asks for it, and waits for the end


PURPOSES: Final = {
    ExchangeReason.CANDIDATE: purposes.GOSSIP_CANDIDATE,
    ExchangeReason.PULL: purposes.GOSSIP_PULL,
    ExchangeReason.PUSH: purposes.GOSSIP_PUSH,
    ExchangeReason.RECHECK: purposes.GOSSIP_RECHECK,
    ExchangeReason.CALLER: purposes.CALLER,
}


class ExchangeContext:
    """What all exchanges of a node share. ``tag``: the network's. ``in_progress``: endpoints with
    an exchange that waits for an answer.
    """

    def __init__(
        self,
        config: CoreConfig,
        tag: bytes,
        components: PeerComponents,
        verifier: PeerVerifier,
        reports: PeerReports,
        dhts: Mapping[Family, Dht],
    ) -> None:
        self.config = config.gossip
        self.pushes_at_all = not config.read_only
        self.tag = tag
        self.records = components.records
        self.partners = components.partners
        self.backoff = components.backoff
        self.counters = components.counters
        self.burst = components.burst
        self.own_record = components.own_record
        self.verifier = verifier
        self.proofs = verifier.proofs
        self.reports = reports
        self.dhts = dhts
        self.in_progress: set[Endpoint] = set()

    def is_free(self, endpoint: Endpoint) -> bool:
        return endpoint not in self.in_progress

    def first_stage(self, endpoint: Endpoint) -> Stage:
        """A ping, unless the endpoint is known to speak gossip."""
        return FIRST_QUERY if self.partners.is_speaker(endpoint) else PING

    def query_stage(self, endpoint: Endpoint, now: float) -> Stage:
        """How to ask an endpoint that speaks gossip: with the token that it gave, if that is still
        valid, because such a query needs no padding.
        """
        has_token = self.partners.token_of(endpoint, now) is not None
        return WITH_TOKEN if has_token else FIRST_QUERY


class GossipExchange:
    """``want``: how many peers to ask for once there is a token. ``pushes``: whether the own record
    goes with that query. ``candidate``: what is checked, if the exchange was begun for a candidate.
    ``is_scheduled``: the peer's turn to be rechecked had come; nothing that it did caused this.
    ``is_urgent``: an application waits, so that other queries to the endpoint do not delay it.
    ``group``: where its datagrams are counted.
    """

    __slots__ = (
        "_begun",
        "_context",
        "_group",
        "_lost_token",
        "_must_prove",
        "_operation",
        "candidate",
        "endpoint",
        "is_scheduled",
        "pushes",
        "reason",
        "stage",
        "want",
    )

    def __init__(
        self,
        context: ExchangeContext,
        endpoint: Endpoint,
        reason: ExchangeReason,
        stage: Stage,
        *,
        want: int = 0,
        pushes: bool = False,
        candidate: Candidate | None = None,
        operation: OperationId | None = None,
        is_scheduled: bool = False,
        is_urgent: bool = False,
        group: QueryGroup | None = None,
    ) -> None:
        self._context = context
        self._group = group
        self._operation = operation
        self._must_prove = False
        self.endpoint = endpoint
        self.reason = reason
        self.stage = stage
        self.want = want
        self.pushes = pushes
        self.candidate = candidate
        self.is_scheduled = is_scheduled
        self._begun = is_urgent or reason is ExchangeReason.CALLER
        self._lost_token = False

    @property
    def owners(self) -> tuple[object, ...]:
        return (self,)

    # --- queries ----------------------------------------------------------------------------------

    def send(self, now: float) -> Commands:
        """The query of the present stage."""
        context, endpoint = self._context, self.endpoint
        dht = context.dhts.get(family_of(endpoint))
        if dht is None:
            return self._finished(Outcome.NO_CONTACTS, None)
        context.in_progress.add(endpoint)
        query: Ping | Gossip
        retransmit = True
        if self.stage is PING:
            query = Ping(b"", dht.own_id)
            retransmit = not self._is_suspect()
        else:
            query = self._gossip_query(dht, now)
        begins, self._begun = not self._begun, True
        return [
            SendQuery(
                endpoint,
                None,
                query,
                self,
                learn_contact=False,
                retransmit=retransmit,
                priority=MAINTENANCE,
                group=self._group,
                spaced=begins,
                purpose=self._purpose,
            )
        ]

    @property
    def _purpose(self) -> str:
        return PURPOSES[self.reason] if self._operation is None else purposes.CALLER

    def _gossip_query(self, dht: Dht, now: float) -> Gossip:
        context = self._context
        query = Gossip(b"", dht.own_id, context.tag, 0)
        if self._must_prove or context.verifier.must_prove(self.endpoint, now):
            context.proofs.ask(query, self.endpoint)
        if self.stage is FIRST_QUERY:
            pad(query, context.config.first_query_bytes)
        else:
            query.token = context.partners.token_of(self.endpoint, now)
            query.want = self.want
            query.record = context.own_record.fields if self.pushes else None
        return query

    def _is_suspect(self) -> bool:
        """Whether this is the recheck of a peer whose last query timed out."""
        if not self.is_scheduled:
            return False
        known = self._context.verifier.known.at(self.endpoint)
        return known is not None and known.failures > 0

    # --- what becomes of them ---------------------------------------------------------------------

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        context = self._context
        context.in_progress.discard(self.endpoint)
        if self.is_scheduled:
            context.verifier.recheck_answered(now)
        if self.stage is PING:
            if self.reason is ExchangeReason.RECHECK:
                return self._finished(Outcome.DONE, context.verifier.presentable(self.endpoint))
            if not context.partners.is_gossip_version(reply.version):
                return self._refused("peer-foreign", now)
            self.stage = self._after_ping(now)
            return self.send(now)
        if reply.news is None or reply.news.record is None or reply.token is None:
            if self.stage is WITH_TOKEN and not self._lost_token:
                return self._ask_without_token(now)
            return self._refused("peer-without-record", now)
        context.partners.token_received(self.endpoint, reply.token, now)
        return self._read(pending, reply, reply.news, now)

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        verifier = self._context.verifier
        self._context.in_progress.discard(self.endpoint)
        if isinstance(reason, Error):
            return self._refused("peer-error", now)
        if reason is QueryFailure.TIMED_OUT:
            if self.candidate is not None and verifier.at(self.endpoint) is None:
                verifier.candidate_failed(self.candidate, now)
            if self.is_scheduled:
                verifier.recheck_failed(self.endpoint, now)
        return self._finished(Outcome.NO_ANSWER, None)

    def end(self, outcome: Outcome, now: float) -> Commands:
        """The caller that asked for the exchange does not want it any more."""
        self._context.in_progress.discard(self.endpoint)
        return self._finished(outcome, None)

    def _read(self, pending: PendingQuery, reply: Reply, news: News, now: float) -> Commands:
        """An answer with a record and a token."""
        context, endpoint, query = self._context, self.endpoint, pending.command.query
        assert news.record is not None
        assert isinstance(query, Gossip)
        verifier = context.verifier
        try:
            record = context.records.read(news.record)
            context.records.check(record, endpoint)
            proof = context.proofs.read(
                query, reply, record, endpoint, verifier.known.key_at(endpoint)
            )
            if proof is Proof.NONE and self.stage is FIRST_QUERY:
                return self._ask_with_token(now)
            commands: list[Command] = [
                *verifier.verify(self.candidate, pending, reply.sender, record, proof, now)
            ]
        except Refused as refusal:
            commands = [*self._refused(refusal.reason, now)]
            if refusal.other_port is not None:
                context.reports.at_other_port(refusal.other_port, reply.sender, endpoint, now)
            return commands
        context.partners.speaks_gossip(endpoint)
        # The first answer offers help where it has room for that: it says nothing by its silence.
        if news.can or self.stage is WITH_TOKEN:
            verifier.known.offers_help(endpoint, news.can)
        if self.stage is WITH_TOKEN:
            if self.pushes:
                context.partners.record_sent(endpoint, context.own_record.sequence)
            if self.want:
                self._read_peers(news, now)
        elif self.reason is ExchangeReason.CANDIDATE:
            self._extend(now)
        if self.stage is FIRST_QUERY and (self.want > 0 or self.pushes):
            self.stage = WITH_TOKEN
            commands += self.send(now)
        else:
            peer = verifier.presentable(endpoint)
            if peer is not None:
                commands += self._finished(Outcome.DONE, peer)
            else:
                commands += self._finished(Outcome.ERROR_ANSWER, None, "peer-unproven")
        return commands

    def _ask_with_token(self, now: float) -> Commands:
        """The first answer had no proof: the query is repeated once, with the token."""
        self._context.partners.speaks_gossip(self.endpoint)
        if self.reason is ExchangeReason.CANDIDATE:
            self._extend(now)
        self._must_prove = True
        self.stage = WITH_TOKEN
        return self.send(now)

    def _after_ping(self, now: float) -> Stage:
        # The first answer of a candidate decides how its exchange goes on (`_extend`).
        if self.reason is ExchangeReason.CANDIDATE:
            return FIRST_QUERY
        return self._context.query_stage(self.endpoint, now)

    def _ask_without_token(self, now: float) -> Commands:
        """The token is not valid any more, as after a restart of the peer, and the answer to a
        short query holds no record.
        """
        self._lost_token = True
        self._context.partners.forget_token(self.endpoint)
        self.stage = FIRST_QUERY
        return self.send(now)

    def _extend(self, now: float) -> None:
        """A candidate was just verified. While there are too few peers, this node pushes its record
        to it at once and asks it for peers. A peer that others named is asked as long as answers
        name some new peers. One that pushed itself is not: the peers that push most do not know
        most.
        """
        context, endpoint = self._context, self.endpoint
        too_few = context.verifier.too_few
        if too_few:
            self.pushes = context.pushes_at_all and context.partners.lacks_record(
                endpoint, context.own_record.sequence
            )
        was_named = self.candidate is not None and not self.candidate.from_push
        if (too_few or (was_named and context.reports.has_some_news)) and context.backoff.may_ask(
            endpoint, now
        ):
            self.want = context.config.pull_entries
            context.backoff.asked(endpoint, now)

    def _read_peers(self, news: News, now: float) -> None:
        family = family_of(self.endpoint)
        raw = news.peers if family is IPV4 else news.peers6
        try:
            named = peers_from(raw[: self.want * PEER_BYTES[family]], family)
        except DecodeError as refusal:
            self._context.counters.refuse(refusal.reason)
            return
        self._context.reports.received(named, self.endpoint, now)

    def _refused(self, reason: str, now: float) -> Commands:
        """An error of any code, no record or token, or a record that is refused: the exchange ends,
        and the endpoint is blocked for a while.
        """
        context = self._context
        context.counters.refuse(reason)
        commands: list[Command] = []
        if reason in NO_PEER:
            commands += context.verifier.refused(self.endpoint, now)
        elif (known := context.verifier.at(self.endpoint)) is not None:
            commands += context.verifier.lose(known, "refused")
        blocked_s = BLOCKED_S if reason in BLOCKED_FOR_LONG else RECORD_REFUSED_S
        context.partners.block(self.endpoint, now, blocked_s)
        return [*commands, *self._finished(Outcome.ERROR_ANSWER, None, reason)]

    def _finished(
        self, outcome: Outcome, peer: VerifiedPeer | None, reason: str | None = None
    ) -> Commands:
        """The terminal event, once, where a caller waits for it."""
        self._context.burst.ended(self.endpoint)
        operation, self._operation = self._operation, None
        if operation is None:
            return NO_COMMANDS
        return [PeerChecked(operation, outcome, self.endpoint, peer, reason)]


def pad(query: Gossip, size: int) -> None:
    """Pads the query to a datagram of ``size`` bytes, so that the answer may have as many."""
    query.pad = 100
    query.pad += size - len(
        krpc.encode(replace(query, tid=bytes(TID_BYTES), version=CLIENT_VERSION))
    )
