"""Gossip: when to exchange what with whom (design, section 3; the parameters are BASALT's, on top of Kademlia).

Every round, 20 s apart while much changes and up to 120 s when little does: PULL a few peers from the least used one in a slot, PUSH our own
record to another; half of the partners come from slots, a quarter from whoever was met in lookups, a quarter from those that came to us, so that no
single captured source decides whom we meet. Between rounds: one check of a candidate a second at most, and a look now and then at those that are in
use."""

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
from ...wire.gossip import PEER_BYTES, peers_from
from ...wire.messages import Error, Gossip, News, Ping, Reply
from ...wire.records import PeerRecord
from ..addressing.netgroup_sampling import NetworkOf
from ..book.scan import Recollection
from ..contract.events import OperationId, Outcome
from ..contract.queries import NO_STEPS, Ask, Exchange, Step, Steps
from ..dht import Overlay
from ..limits.prefix_limiter import PrefixBudget
from ..rpc.transactions import TID_BYTES
from .exchange import Errand, Stage, Why
from .partner_selection import PartnerChoice
from .partners import OVER_S
from .push_reservoir import Push, PushRule
from .record_policy import Refused
from .verification import BOOK, Proving

SLOWER: Final = 1.25
"""Each round with little change makes the next one so much longer: after nine of them the pace is that of a settled network."""
RECHECK_S: Final = 20.0
"""Of 100 peers nearly all answer within half an hour, to this or something else, before news of them are too old to be passed on."""
MOURNING_RECHECK_S: Final = 1.0
"""Each of the last that was silent, beyond what is usual, doubles the pace, up to this."""
SETTLED_S: Final = 60.0
"""Who answered so lately need not be looked at."""
TELL_S: Final = 0.5
"""Between two of those who are told at once that our record has changed: 100 hear of it within a minute."""
LOOK_S: Final = 15.0
"""Whether there are too few peers is looked at so often."""
WALK: Final = b"walk"
MEMORY: Final = b"memory"
FROM_WALK: Final = 16
FROM_BOOK: Final = 32


REFUSED_S: Final = 600.0
"""Whose record may not be believed now is met again after so long: it may have had an old address, or the place of somebody who moved."""
FOR_LONG: Final = ("peer-foreign", "peer-error", "peer-without-record", "record-network", "record-own")


class GossipRounds:
    """Decides on exchanges and is the owner of each (through its `Errand`). ``tag``: the network's."""

    def __init__(
        self,
        config: CoreConfig,
        rng: Random,
        tag: bytes,
        proving: Proving,
        reservoir: PushRule,
        network_of: NetworkOf,
        overlays: Mapping[Family, Overlay],
        now: float,
    ) -> None:
        self._config = config.gossip
        self._pushes_at_all = not config.read_only
        self._rng = rng
        self._tag = tag
        self._proving = proving
        self._parts = proving.parts
        self._reservoir = reservoir
        self._overlays = overlays
        self._to_note = PrefixBudget(1.0 / self._config.round_s, 1.0, self._config.max_check_counts)
        self._choice = PartnerChoice(self._config, rng, proving, network_of)
        self._under_way: set[Endpoint] = set()
        self._to_tell: deque[Endpoint] = deque()
        self.round_s = self._config.round_s
        self._rounds = 0
        self._round_at = now + rng.uniform(0.0, self._config.round_s)
        self._check_at = float("-inf")
        self._recheck_at = now
        self._recollection = Recollection(self._parts.book)
        self._recall_at = now
        self._tell_at = float("-inf")

    # --- what others send ---------------------------------------------------------------------------------------------------------------------

    def pushed(self, query: Gossip, source: Endpoint, now: float) -> str | None:
        """A query with a record and a good token. Returns why the push does not count, or None."""
        parts = self._parts
        assert query.record is not None
        parts.partners.begins_anew(source)
        parts.partners.heard_speaking(source)
        known = self._proving.known.at(source)
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
        if self._proving.is_renewal(record, source, now):
            return self._drawn(push, now)
        refused = self._reservoir.offer(push)
        if refused is None and self._proving.are_few and (early := self._reservoir.take_early()) is not None:
            return self._drawn(early, now)
        return refused

    def _note_elsewhere(self, record: PeerRecord, source: Endpoint, now: float) -> str:
        """It names another address than it came from: a NAT, or a thief. Kept for whoever asks, if it is sound; its sender is not visited."""
        if self._to_note.take(self._parts.scopes.unit(source), now):
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
        known = self._proving.known.at(push.endpoint)
        if known is not None:
            known.renamed = True  # it has a new record, that we get from itself when we look after it next
            self._recheck_at = min(self._recheck_at, now)
        else:
            self._proving.came(push.endpoint, push.node_id, now)
        return None

    def met(self, endpoint: Endpoint, reply: Reply, now: float) -> None:
        """Somebody answered a query that was not for gossip's sake: does it speak gossip?"""
        partners = self._parts.partners
        is_news = partners.speaks(reply.version) and not partners.is_over(endpoint, now) and partners.met(endpoint)
        if is_news and self._proving.known.at(endpoint) is None:
            self._proving.found([endpoint], WALK, now, per_source=FROM_WALK, node_id=reply.sender)

    # --- time ---------------------------------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> Steps:
        steps: list[Step] = []
        if self._proving.changed:
            self._hurry(now)
        if now >= self._round_at:
            steps += self._round(now)
        if now >= self._recall_at:
            self._recall(now)
        if now >= self._check_at and len(self._parts.candidates):
            self._check_at = now + 1.0 / self._config.checks_per_s
            steps += self._check(now)
        if now >= self._recheck_at and len(self._proving.known):
            steps += self._recheck(now)
        if now >= self._tell_at and self._to_tell:
            self._tell_at = now + TELL_S
            steps += self._visit(self._to_tell.popleft(), Why.PUSH, now, pushes=True)
        return steps

    def next_deadline(self) -> float:
        deadline = min(self._round_at, self._recall_at)
        if len(self._proving.known):
            deadline = min(deadline, self._recheck_at)
        if len(self._parts.candidates):
            deadline = min(deadline, self._check_at)
        return min(deadline, self._tell_at) if self._to_tell else deadline

    @property
    def pushes(self) -> int:
        """Kept of this round so far."""
        return len(self._reservoir)

    def record_changed(self, now: float) -> None:
        """All that are in use are told at once, the others as rounds go. If we have moved, nobody knows us by the old tokens."""
        self._parts.partners.forget_tokens()
        if self._pushes_at_all:
            self._to_tell = deque(known.peer.endpoint for known in self._proving.known)
        self._hurry(now)

    def check(self, endpoint: Endpoint, now: float, operation: OperationId) -> tuple[Errand, Steps]:
        """A caller wants to know whether a peer of our network is there."""
        errand = Errand(self, endpoint, Why.ASKED, self._first_stage(endpoint), operation=operation)
        return errand, self._ask(errand, now)

    def _hurry(self, now: float) -> None:
        if self.round_s > self._config.round_s:
            self.round_s = self._config.round_s
            self._round_at = min(self._round_at, now + self._jittered(self.round_s))

    def _round(self, now: float) -> Steps:
        proving, parts, config = self._proving, self._parts, self._config
        for push in self._reservoir.drain():
            refused = self._drawn(push, now)
            if refused is not None:
                parts.counters.refuse(refused)
        parts.view.round(now)
        parts.book.seated(parts.view.aged())
        proving.forget_stale(now)
        # Not before the first slots are old enough to be given away: until then the application has nothing but the book.
        hurries = proving.changed or proving.has_news or proving.are_few or self._rounds < config.sample_age_rounds
        self.round_s = config.round_s if hurries else min(SLOWER * self.round_s, config.max_round_s)
        proving.changes = 0
        self._round_at = now + self._jittered(self.round_s)
        partner = self._choice.partner(now, self._may_pull)
        steps: list[Step] = [*self._test_book(now)]
        if partner is not None:
            parts.backoff.asked(partner, now)  # until it turns out that we learned something
            steps += self._visit(partner, Why.PULL, now, want=config.pull_entries)
        listener = self._choice.partner(now, self._is_free)
        if listener is not None and self._pushes_at_all:
            steps += self._visit(listener, Why.PUSH, now, pushes=True)
        return steps

    def _test_book(self, now: float) -> Steps:
        """Addresses of the book that it wants to be tested, a feeler and owners of contested places; and those that would win a reseeded slot."""
        steps: list[Step] = []
        view, book = self._parts.view, self._parts.book
        self._rounds += 1
        if self._rounds % self._config.reseed_every_rounds == 0:
            self._proving.found(view.challengers([entry.endpoint for entry in book.entries()]), MEMORY, now, per_source=FROM_BOOK)
        for endpoint in (*filter(None, [book.feeler(now)]), *book.tests_due(now)):
            if self._proving.known.at(endpoint) is None:
                self._proving.found([endpoint], BOOK, now, per_source=FROM_BOOK)
            else:
                steps += self._ask(Errand(self, endpoint, Why.RECHECK, Stage.MEET), now)
        return steps

    def _recall(self, now: float) -> None:
        """While few are known and nobody waits to be checked, the next of the book."""
        endpoint = None
        if not len(self._parts.candidates) and self._proving.are_few:
            endpoint = self._recollection.next(now)
        if endpoint is not None:
            self._proving.found([endpoint], BOOK, now, per_source=FROM_BOOK)
        self._recall_at = now + (1.0 / self._config.checks_per_s if endpoint is not None else LOOK_S)

    def look_soon(self, now: float) -> None:
        """One that we know did not answer: perhaps it is not the only one."""
        if self._parts.mourning.any_is_unusual:
            self._recheck_at = min(self._recheck_at, now + MOURNING_RECHECK_S)

    def remember(self, now: float) -> None:
        """The book is another one."""
        self._recall_at = now

    def _is_free(self, endpoint: Endpoint, now: float) -> bool:
        return endpoint not in self._under_way

    def _may_pull(self, endpoint: Endpoint, now: float) -> bool:
        return self._is_free(endpoint, now) and self._parts.backoff.may_ask(endpoint, now)

    def _check(self, now: float) -> Steps:
        candidate = self._parts.candidates.draw(now, lambda candidate: self._proving.is_wanted(candidate, now))
        if candidate is None or candidate.endpoint in self._under_way:
            return NO_STEPS
        return self._ask(Errand(self, candidate.endpoint, Why.CHECK, self._first_stage(candidate.endpoint), candidate=candidate), now)

    def _recheck(self, now: float) -> Steps:
        mourning = self._proving.mourns
        self._recheck_at = now + (MOURNING_RECHECK_S if mourning else RECHECK_S / 2**self._parts.mourning.unusual)
        known = self._proving.to_recheck(now, SETTLED_S, lambda endpoint: endpoint not in self._under_way, all_of_them=mourning)
        if known is None:
            return NO_STEPS
        return self._ask(Errand(self, known.peer.endpoint, Why.RECHECK, Stage.MEET if known.renamed else Stage.PING, is_its_turn=True), now)

    def _jittered(self, seconds: float) -> float:
        return seconds * self._rng.uniform(1.0 - self._config.round_jitter, 1.0 + self._config.round_jitter)

    # --- exchanges ----------------------------------------------------------------------------------------------------------------------------

    def _visit(self, endpoint: Endpoint, why: Why, now: float, *, want: int = 0, pushes: bool = False) -> Steps:
        has_token = self._parts.partners.token_of(endpoint, now) is not None
        return self._ask(Errand(self, endpoint, why, Stage.TALK if has_token else Stage.MEET, want=want, pushes=pushes), now)

    def _first_stage(self, endpoint: Endpoint) -> Stage:
        """Gossip is for those that speak it: of whom nobody knows that, a ping finds it out."""
        return Stage.MEET if self._parts.partners.is_speaker(endpoint) else Stage.PING

    def _ask(self, errand: Errand, now: float) -> Steps:
        endpoint = errand.endpoint
        overlay = self._overlays.get(family_of(endpoint))
        if overlay is None:
            return errand.finished(Outcome.NO_CONTACTS, None)
        self._under_way.add(endpoint)
        if errand.stage is Stage.PING:
            is_suspect = errand.is_its_turn and (known := self._proving.known.at(endpoint)) is not None and known.failures > 0
            return [Ask(endpoint, None, Ping(b"", overlay.own_id), errand, discreet=True, once=is_suspect)]
        query = Gossip(b"", overlay.own_id, self._tag, 0)
        if errand.stage is Stage.MEET:
            pad(query, self._config.first_query_bytes)
        else:
            query.token, query.want = self._parts.partners.token_of(endpoint, now), errand.want
            query.record = self._parts.own_record.fields if errand.pushes else None
        return [Ask(endpoint, None, query, errand, discreet=True)]

    def answered(self, errand: Errand, exchange: Exchange, reply: Reply, now: float) -> Steps:
        self._under_way.discard(errand.endpoint)
        if errand.is_its_turn:
            self._parts.mourning.asked(now, answered=True)
        if errand.stage is Stage.PING:
            if errand.why is Why.RECHECK:
                return NO_STEPS
            if not self._parts.partners.speaks(reply.version):
                return self._over(errand, "peer-foreign", now)
            errand.stage = Stage.MEET
            return self._ask(errand, now)
        if reply.news is None or reply.news.record is None or reply.token is None:
            return self._over(errand, "peer-without-record", now)
        self._parts.partners.gave_token(errand.endpoint, reply.token, now)
        return self._read(errand, exchange, reply, reply.news, now)

    def _read(self, errand: Errand, exchange: Exchange, reply: Reply, news: News, now: float) -> Steps:
        proving, parts = self._proving, self._parts
        assert news.record is not None
        try:
            record = parts.rules.read(news.record)
            steps: list[Step] = [*proving.proved(errand, exchange, reply.sender, record, now)]
        except Refused as refusal:
            return self._over(errand, refusal.reason, now)
        known = proving.known.at(errand.endpoint)
        parts.partners.heard_speaking(errand.endpoint)
        if errand.stage is Stage.TALK:
            if errand.pushes:
                parts.partners.told(errand.endpoint, parts.own_record.sequence)
            if errand.want:
                self._hear(news, errand, now)
        elif errand.why is Why.CHECK:
            self._get_acquainted(errand, now)
        if errand.stage is Stage.MEET and errand.has_more_to_say:
            errand.stage = Stage.TALK
            return [*steps, *self._ask(errand, now)]
        return [*steps, *errand.finished(Outcome.DONE, known.peer if known is not None else None)]

    def _get_acquainted(self, errand: Errand, now: float) -> None:
        """A new face: while there are few, it hears of us at once, and is asked whom it knows. One that others named is asked as long as answers name
        some that are new: of those that come by themselves, who come most are not those who know most."""
        parts, proving = self._parts, self._proving
        if proving.are_few:
            errand.pushes = self._pushes_at_all and parts.partners.lacks(errand.endpoint, parts.own_record.sequence)
        was_named = errand.candidate is not None and not errand.candidate.came_to_us
        if (proving.are_few or (was_named and proving.has_some_news)) and parts.backoff.may_ask(errand.endpoint, now):
            errand.want = self._config.pull_entries
            parts.backoff.asked(errand.endpoint, now)

    def _hear(self, news: News, errand: Errand, now: float) -> None:
        raw = news.peers if family_of(errand.endpoint) is Family.IPV4 else news.peers6
        size = PEER_BYTES[family_of(errand.endpoint)]
        try:
            named = peers_from(raw[: errand.want * size], family_of(errand.endpoint))
        except DecodeError as refusal:
            self._parts.counters.refuse(refusal.reason)
            return
        self._proving.hear(named, errand.endpoint, now)

    def abandoned(self, errand: Errand) -> None:
        self._under_way.discard(errand.endpoint)

    def failed(self, errand: Errand, exchange: Exchange, error: Error | None, now: float) -> Steps:
        self._under_way.discard(errand.endpoint)
        if error is not None:
            return self._over(errand, "peer-error", now)
        timed_out = bool(exchange.payload) and now >= exchange.expires_at
        if timed_out and errand.candidate is not None and self._proving.known.at(errand.endpoint) is None:
            self._proving.check_failed(errand.candidate, now)
        if timed_out and errand.is_its_turn:
            self._proving.was_silent(errand.endpoint, now)
        return errand.finished(Outcome.NO_ANSWER, None)

    def _over(self, errand: Errand, reason: str, now: float) -> Steps:
        """An error of any code, no record or token, or a record that may not be believed: it ends here."""
        self._parts.counters.refuse(reason)
        known = self._proving.known.at(errand.endpoint)
        lost = self._proving.lose(known, "refused", now) if known is not None else ()
        self._parts.partners.end(errand.endpoint, now, OVER_S if reason in FOR_LONG else REFUSED_S)
        return [*lost, *errand.finished(Outcome.ERROR_ANSWER, None, reason)]


def pad(query: Gossip, size: int) -> None:
    """Fills it up, so that its datagram has ``size`` bytes and the answer may have as many."""
    query.pad = 100
    query.pad += size - len(krpc.encode(replace(query, tid=bytes(TID_BYTES), version=CLIENT_VERSION)))
