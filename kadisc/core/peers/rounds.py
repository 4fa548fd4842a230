"""Gossip: when to exchange what with whom (design, section 3; the parameters are BASALT's, on top
of Kademlia).

Every round, 20 s apart while much changes and up to 120 s when little does: PULL a few peers from
the least used one in a slot, PUSH our own record to another; half of the partners come from slots,
a quarter from whoever was met in lookups, a quarter from those that came to us, so that no single
captured source decides whom we meet. Between rounds: one check of a candidate a second at most, and
a look now and then at those that are in use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Final

from ...config import CLIENT_VERSION, CoreConfig
from ...endpoints import Endpoint, Family, family_of
from ...errors import DecodeError
from ...wire import krpc
from ...wire.envelope import TID_BYTES
from ...wire.gossip import PEER_BYTES, peers_from
from ...wire.messages import Error, Gossip, News, Ping, Reply
from ...wire.records import PeerRecord
from ..addressing.netgroup_sampling import PrefixOf
from ..book.scan import BookScan
from ..contract.events import OperationId, Outcome
from ..contract.queries import (
    NO_COMMANDS,
    Command,
    Commands,
    PendingQuery,
    Priority,
    QueryFailure,
    SendQuery,
)
from ..dht import Dht
from ..limits.prefix_limiter import PrefixLimiter
from .exchange import GossipExchange, Stage, Why
from .partner_selection import PartnerChoice
from .partners import OVER_S
from .push_reservoir import Push, PushRule
from .record_policy import Refused
from .verification import BOOK, PeerVerifier

SLOWER: Final = 1.25
"""Each round with little change makes the next one so much longer: after nine of them the pace is
that of a settled network.
"""
RECHECK_S: Final = 20.0
"""Of 100 peers nearly all answer within half an hour, to this or something else, before news of
them are too old to be passed on.
"""
MASS_FAILURE_RECHECK_S: Final = 1.0
"""Each of the last that was silent, beyond what is usual, doubles the pace, up to this."""
SETTLED_S: Final = 60.0
"""Who answered so lately need not be looked at."""
TELL_S: Final = 0.5
"""Between two of those who are told at once that our record has changed: 100 hear of it within a
minute.
"""
LOOK_S: Final = 15.0
"""Whether there are too few peers is looked at so often."""
WALK: Final = b"walk"
MEMORY: Final = b"memory"
FROM_WALK: Final = 16
FROM_BOOK: Final = 32


REFUSED_S: Final = 600.0
"""Whose record may not be believed now is met again after so long: it may have had an old address,
or the place of somebody who moved.
"""
FOR_LONG: Final = (
    "peer-foreign",
    "peer-error",
    "peer-without-record",
    "record-network",
    "record-own",
)


class GossipRounds:
    """Decides on exchanges and is the owner of each (through its `GossipExchange`). ``tag``: the
    network's.
    """

    def __init__(
        self,
        config: CoreConfig,
        rng: Random,
        tag: bytes,
        verifier: PeerVerifier,
        reservoir: PushRule,
        network_of: PrefixOf,
        dhts: Mapping[Family, Dht],
        now: float,
    ) -> None:
        self._config = config.gossip
        self._pushes_at_all = not config.read_only
        self._rng = rng
        self._tag = tag
        self._verifier = verifier
        self._parts = verifier.parts
        self._reservoir = reservoir
        self._dhts = dhts
        self._to_note = PrefixLimiter(
            1.0 / self._config.round_s, 1.0, self._config.max_check_counts
        )
        self._choice = PartnerChoice(self._config, rng, verifier, network_of)
        self._under_way: set[Endpoint] = set()
        self._to_tell: deque[Endpoint] = deque()
        self.round_s = self._config.round_s
        self._rounds = 0
        self._round_at = now + rng.uniform(0.0, self._config.round_s)
        self._check_at = float("-inf")
        self._recheck_at = now
        self._scan = BookScan(self._parts.book)
        self._recall_at = now
        self._tell_at = float("-inf")

    # --- what others send -------------------------------------------------------------------------

    def pushed(self, query: Gossip, source: Endpoint, now: float) -> str | None:
        """A query with a record and a good token. Returns why the push does not count, or None."""
        parts = self._parts
        assert query.record is not None
        parts.partners.begins_anew(source)
        parts.partners.heard_speaking(source)
        known = self._verifier.known.at(source)
        if known is not None:
            known.traffic_at, known.came_to_us, known.ttl = now, True, self._config.max_ttl
        try:
            record = parts.rules.read(query.record)
        except Refused as refusal:
            return refusal.reason
        if known is not None and known.peer.record == record.raw:
            parts.view.named_again(known.peer, now)
            return None
        if record.endpoints.get(family_of(source), source) != source:
            return self._note_elsewhere(record, source, now)
        push = Push(source, query.sender, record)
        if self._verifier.is_renewal(record, source, now):
            return self._drawn(push, now)
        refused = self._reservoir.offer(push)
        if (
            refused is None
            and self._verifier.are_few
            and (early := self._reservoir.take_early()) is not None
        ):
            return self._drawn(early, now)
        return refused

    def _note_elsewhere(self, record: PeerRecord, source: Endpoint, now: float) -> str:
        """It names another address than it came from: a NAT, or a thief. Kept for whoever asks, if
        it is sound; its sender is not visited.
        """
        if self._to_note.take(self._parts.scopes.host(source), now):
            try:
                self._parts.rules.check(record, source)
            except Refused as refusal:
                return refusal.reason
        return "record-elsewhere"

    def _drawn(self, push: Push, now: float) -> str | None:
        """It is worth a signature's check, and then a visit. Returns why not, or None."""
        try:
            self._parts.rules.check(push.record, push.endpoint)
        except Refused as refusal:
            return refusal.reason
        known = self._verifier.known.at(push.endpoint)
        if known is not None:
            known.renamed = (
                True  # it has a new record, that we get from itself when we look after it next
            )
            self._recheck_at = min(self._recheck_at, now)
        else:
            self._verifier.came(push.endpoint, push.node_id, now)
        return None

    def met(self, endpoint: Endpoint, reply: Reply, now: float) -> None:
        """Somebody answered a query that was not for gossip's sake: does it speak gossip?"""
        partners = self._parts.partners
        is_news = (
            partners.speaks(reply.version)
            and not partners.is_blocked(endpoint, now)
            and partners.met(endpoint)
        )
        if is_news and self._verifier.known.at(endpoint) is None:
            self._verifier.found([endpoint], WALK, now, per_source=FROM_WALK, node_id=reply.sender)

    # --- time -------------------------------------------------------------------------------------

    def tick(self, now: float) -> Commands:
        commands: list[Command] = []
        if self._verifier.changed:
            self._hurry(now)
        if now >= self._round_at:
            commands += self._round(now)
        if now >= self._recall_at:
            self._recall(now)
        if now >= self._check_at and len(self._parts.candidates):
            self._check_at = now + 1.0 / self._config.checks_per_s
            commands += self._check(now)
        if now >= self._recheck_at and len(self._verifier.known):
            commands += self._recheck(now)
        if now >= self._tell_at and self._to_tell:
            self._tell_at = now + TELL_S
            commands += self._visit(self._to_tell.popleft(), Why.PUSH, now, pushes=True)
        return commands

    def next_deadline(self) -> float:
        deadline = min(self._round_at, self._recall_at)
        if len(self._verifier.known):
            deadline = min(deadline, self._recheck_at)
        if len(self._parts.candidates):
            deadline = min(deadline, self._check_at)
        return min(deadline, self._tell_at) if self._to_tell else deadline

    @property
    def pushes(self) -> int:
        """Kept of this round so far."""
        return len(self._reservoir)

    def record_changed(self, now: float) -> None:
        """All that are in use are told at once, the others as rounds go. If we have moved, nobody
        knows us by the old tokens.
        """
        self._parts.partners.forget_tokens()
        if self._pushes_at_all:
            self._to_tell = deque(known.peer.endpoint for known in self._verifier.known)
        self._hurry(now)

    def check(
        self, endpoint: Endpoint, now: float, operation: OperationId
    ) -> tuple[GossipExchange, Commands]:
        """A caller wants to know whether a peer of our network is there."""
        exchange = GossipExchange(
            self, endpoint, Why.ASKED, self._first_stage(endpoint), operation=operation
        )
        return exchange, self._ask(exchange, now)

    def _hurry(self, now: float) -> None:
        if self.round_s > self._config.round_s:
            self.round_s = self._config.round_s
            self._round_at = min(self._round_at, now + self._jittered(self.round_s))

    def _round(self, now: float) -> Commands:
        verifier, parts, config = self._verifier, self._parts, self._config
        for push in self._reservoir.drain():
            refused = self._drawn(push, now)
            if refused is not None:
                parts.counters.refuse(refused)
        parts.view.round(now)
        parts.book.mark_held_slot(parts.view.aged())
        verifier.forget_stale(now)
        # Not before the first slots are old enough to be given away: until then the application has
        # nothing but the book.
        hurries = (
            verifier.changed
            or verifier.has_news
            or verifier.are_few
            or self._rounds < config.sample_age_rounds
        )
        self.round_s = config.round_s if hurries else min(SLOWER * self.round_s, config.max_round_s)
        verifier.changes = 0
        self._round_at = now + self._jittered(self.round_s)
        partner = self._choice.partner(now, self._may_pull)
        commands: list[Command] = [*self._test_book(now)]
        if partner is not None:
            parts.backoff.asked(partner, now)  # until it turns out that we learned something
            commands += self._visit(partner, Why.PULL, now, want=config.pull_entries)
        listener = self._choice.partner(now, self._is_free)
        if listener is not None and self._pushes_at_all:
            commands += self._visit(listener, Why.PUSH, now, pushes=True)
        return commands

    def _test_book(self, now: float) -> Commands:
        """Addresses of the book that it wants to be tested, a feeler and owners of contested
        places; and those that would win a reseeded slot.
        """
        commands: list[Command] = []
        view, book = self._parts.view, self._parts.book
        self._rounds += 1
        if self._rounds % self._config.reseed_every_rounds == 0:
            self._verifier.found(
                view.challengers([entry.endpoint for entry in book.entries()]),
                MEMORY,
                now,
                per_source=FROM_BOOK,
            )
        for endpoint in (*filter(None, [book.feeler(now)]), *book.tests_due(now)):
            if self._verifier.known.at(endpoint) is None:
                self._verifier.found([endpoint], BOOK, now, per_source=FROM_BOOK)
            else:
                commands += self._ask(GossipExchange(self, endpoint, Why.RECHECK, Stage.MEET), now)
        return commands

    def _recall(self, now: float) -> None:
        """While few are known and nobody waits to be checked, the next of the book."""
        endpoint = None
        if not len(self._parts.candidates) and self._verifier.are_few:
            endpoint = self._scan.next(now)
        if endpoint is not None:
            self._verifier.found([endpoint], BOOK, now, per_source=FROM_BOOK)
        self._recall_at = now + (
            1.0 / self._config.checks_per_s if endpoint is not None else LOOK_S
        )

    def look_soon(self, now: float) -> None:
        """One that we know did not answer: perhaps it is not the only one."""
        if self._parts.mass_failure.any_is_unusual:
            self._recheck_at = min(self._recheck_at, now + MASS_FAILURE_RECHECK_S)

    def remember(self, now: float) -> None:
        """The book is another one."""
        self._recall_at = now

    def _is_free(self, endpoint: Endpoint, now: float) -> bool:
        return endpoint not in self._under_way

    def _may_pull(self, endpoint: Endpoint, now: float) -> bool:
        return self._is_free(endpoint, now) and self._parts.backoff.may_ask(endpoint, now)

    def _check(self, now: float) -> Commands:
        candidate = self._parts.candidates.draw(
            now, lambda candidate: self._verifier.is_wanted(candidate, now)
        )
        if candidate is None or candidate.endpoint in self._under_way:
            return NO_COMMANDS
        return self._ask(
            GossipExchange(
                self,
                candidate.endpoint,
                Why.CHECK,
                self._first_stage(candidate.endpoint),
                candidate=candidate,
            ),
            now,
        )

    def _recheck(self, now: float) -> Commands:
        mass_failure = self._verifier.in_mass_failure
        self._recheck_at = now + (
            MASS_FAILURE_RECHECK_S
            if mass_failure
            else RECHECK_S / 2**self._parts.mass_failure.unusual
        )
        known = self._verifier.to_recheck(
            now,
            SETTLED_S,
            lambda endpoint: endpoint not in self._under_way,
            all_of_them=mass_failure,
        )
        if known is None:
            return NO_COMMANDS
        return self._ask(
            GossipExchange(
                self,
                known.peer.endpoint,
                Why.RECHECK,
                Stage.MEET if known.renamed else Stage.PING,
                is_its_turn=True,
            ),
            now,
        )

    def _jittered(self, seconds: float) -> float:
        return seconds * self._rng.uniform(
            1.0 - self._config.round_jitter, 1.0 + self._config.round_jitter
        )

    # --- exchanges --------------------------------------------------------------------------------

    def _visit(
        self, endpoint: Endpoint, why: Why, now: float, *, want: int = 0, pushes: bool = False
    ) -> Commands:
        has_token = self._parts.partners.token_of(endpoint, now) is not None
        return self._ask(
            GossipExchange(
                self,
                endpoint,
                why,
                Stage.TALK if has_token else Stage.MEET,
                want=want,
                pushes=pushes,
            ),
            now,
        )

    def _first_stage(self, endpoint: Endpoint) -> Stage:
        """Gossip is for those that speak it: of whom nobody knows that, a ping finds it out."""
        return Stage.MEET if self._parts.partners.is_speaker(endpoint) else Stage.PING

    def _ask(self, exchange: GossipExchange, now: float) -> Commands:
        endpoint = exchange.endpoint
        dht = self._dhts.get(family_of(endpoint))
        if dht is None:
            return exchange.finished(Outcome.NO_CONTACTS, None)
        self._under_way.add(endpoint)
        if exchange.stage is Stage.PING:
            is_suspect = (
                exchange.is_its_turn
                and (known := self._verifier.known.at(endpoint)) is not None
                and known.failures > 0
            )
            return [
                SendQuery(
                    endpoint,
                    None,
                    Ping(b"", dht.own_id),
                    exchange,
                    learn_contact=False,
                    retransmit=not is_suspect,
                    priority=Priority.MAINTENANCE,
                )
            ]
        query = Gossip(b"", dht.own_id, self._tag, 0)
        if exchange.stage is Stage.MEET:
            pad(query, self._config.first_query_bytes)
        else:
            query.token, query.want = self._parts.partners.token_of(endpoint, now), exchange.want
            query.record = self._parts.own_record.fields if exchange.pushes else None
        return [
            SendQuery(
                endpoint,
                None,
                query,
                exchange,
                learn_contact=False,
                priority=Priority.MAINTENANCE,
            )
        ]

    def answered(
        self, exchange: GossipExchange, pending: PendingQuery, reply: Reply, now: float
    ) -> Commands:
        self._under_way.discard(exchange.endpoint)
        if exchange.is_its_turn:
            self._parts.mass_failure.asked(now, answered=True)
        if exchange.stage is Stage.PING:
            if exchange.why is Why.RECHECK:
                return NO_COMMANDS
            if not self._parts.partners.speaks(reply.version):
                return self._over(exchange, "peer-foreign", now)
            exchange.stage = Stage.MEET
            return self._ask(exchange, now)
        if reply.news is None or reply.news.record is None or reply.token is None:
            return self._over(exchange, "peer-without-record", now)
        self._parts.partners.gave_token(exchange.endpoint, reply.token, now)
        return self._read(exchange, pending, reply, reply.news, now)

    def _read(
        self, exchange: GossipExchange, pending: PendingQuery, reply: Reply, news: News, now: float
    ) -> Commands:
        verifier, parts = self._verifier, self._parts
        assert news.record is not None
        try:
            record = parts.rules.read(news.record)
            commands: list[Command] = [
                *verifier.proved(exchange, pending, reply.sender, record, now)
            ]
        except Refused as refusal:
            return self._over(exchange, refusal.reason, now)
        known = verifier.known.at(exchange.endpoint)
        parts.partners.heard_speaking(exchange.endpoint)
        if exchange.stage is Stage.TALK:
            if exchange.pushes:
                parts.partners.told(exchange.endpoint, parts.own_record.sequence)
            if exchange.want:
                self._hear(news, exchange, now)
        elif exchange.why is Why.CHECK:
            self._get_acquainted(exchange, now)
        if exchange.stage is Stage.MEET and exchange.has_more_to_say:
            exchange.stage = Stage.TALK
            return [*commands, *self._ask(exchange, now)]
        return [
            *commands,
            *exchange.finished(Outcome.DONE, known.peer if known is not None else None),
        ]

    def _get_acquainted(self, exchange: GossipExchange, now: float) -> None:
        """A new face: while there are few, it hears of us at once, and is asked whom it knows. One
        that others named is asked as long as answers name some that are new: of those that come by
        themselves, who come most are not those who know most.
        """
        parts, verifier = self._parts, self._verifier
        if verifier.are_few:
            exchange.pushes = self._pushes_at_all and parts.partners.lacks(
                exchange.endpoint, parts.own_record.sequence
            )
        was_named = exchange.candidate is not None and not exchange.candidate.came_to_us
        if (verifier.are_few or (was_named and verifier.has_some_news)) and parts.backoff.may_ask(
            exchange.endpoint, now
        ):
            exchange.want = self._config.pull_entries
            parts.backoff.asked(exchange.endpoint, now)

    def _hear(self, news: News, exchange: GossipExchange, now: float) -> None:
        raw = news.peers if family_of(exchange.endpoint) is Family.IPV4 else news.peers6
        size = PEER_BYTES[family_of(exchange.endpoint)]
        try:
            named = peers_from(raw[: exchange.want * size], family_of(exchange.endpoint))
        except DecodeError as refusal:
            self._parts.counters.refuse(refusal.reason)
            return
        self._verifier.hear(named, exchange.endpoint, now)

    def abandoned(self, exchange: GossipExchange) -> None:
        self._under_way.discard(exchange.endpoint)

    def failed(
        self, exchange: GossipExchange, reason: Error | QueryFailure, now: float
    ) -> Commands:
        self._under_way.discard(exchange.endpoint)
        if isinstance(reason, Error):
            return self._over(exchange, "peer-error", now)
        timed_out = reason is QueryFailure.TIMED_OUT
        if (
            timed_out
            and exchange.candidate is not None
            and self._verifier.known.at(exchange.endpoint) is None
        ):
            self._verifier.check_failed(exchange.candidate, now)
        if timed_out and exchange.is_its_turn:
            self._verifier.was_silent(exchange.endpoint, now)
        return exchange.finished(Outcome.NO_ANSWER, None)

    def _over(self, exchange: GossipExchange, reason: str, now: float) -> Commands:
        """An error of any code, no record or token, or a record that may not be believed: it ends
        here.
        """
        self._parts.counters.refuse(reason)
        known = self._verifier.known.at(exchange.endpoint)
        lost = self._verifier.lose(known, "refused", now) if known is not None else ()
        self._parts.partners.end(
            exchange.endpoint, now, OVER_S if reason in FOR_LONG else REFUSED_S
        )
        return [*lost, *exchange.finished(Outcome.ERROR_ANSWER, None, reason)]


def pad(query: Gossip, size: int) -> None:
    """Fills it up, so that its datagram has ``size`` bytes and the answer may have as many."""
    query.pad = 100
    query.pad += size - len(
        krpc.encode(replace(query, tid=bytes(TID_BYTES), version=CLIENT_VERSION))
    )
