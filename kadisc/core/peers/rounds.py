"""Gossip rounds: when this node exchanges what with which peer. The parameters are BASALT's
(Auvolat, Bromberg, Frey, Taïani 2021), on top of Kademlia.

Each round, 20 s apart while much changes and up to 120 s when little does: PULL a few peers from
the least used holder of a slot, PUSH the own record to another peer. Half of the partners come from
slots, a quarter from peers met in lookups, a quarter from peers that pushed to this node, so that
capturing one of these sources does not decide which peers the node meets. Between rounds: at most
one check of a candidate a second, and a recheck now and then of the peers in use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from random import Random
from typing import Final

from ...config import CoreConfig
from ...endpoints import Endpoint, Family, family_of
from ...wire.messages import Gossip, Reply
from ..book.scan import BookScan
from ..contract.events import OperationId
from ..contract.queries import NO_COMMANDS, Command, Commands, PendingQuery
from ..contract.times import NEVER, jittered
from ..table.check import Check
from .candidates import FROM_LOOKUPS, FROM_RENDEZVOUS, Candidate
from .challenger_scan import ChallengerScan
from .components import PeerComponents
from .crowded_subnets import CrowdedSubnet, CrowdedSubnets
from .exchange import ExchangeContext, ExchangeReason, GossipExchange, Stage
from .known_peers import KnownPeer
from .partner_selection import PartnerSelection
from .pushes import PushReceiver
from .recheck import Rechecks
from .reports import FROM_BOOK, PeerReports
from .verification import PeerVerifier

SLOWDOWN: Final = 1.25
"""Each round with little change makes the next one longer by this factor: after nine of them the
pace is that of a settled network.
"""
SMALL_NETWORK: Final = 64
"""A network of fewer known peers is a small one."""
TELL_INTERVAL_S: Final = 0.5
"""The time between two pushes of a changed record: 100 peers have it within a minute."""
SCAN_PAUSE_S: Final = 15.0
"""Where the scan of the book has nothing to do, it looks again after this time."""
FROM_RESEEDING: Final = b"memory"
"""The source, in place of a netgroup, of a candidate from the book for a reseeded slot."""
LOOKUP_CANDIDATES: Final = 16
"""Candidates with the source `FROM_LOOKUPS` that may wait at most."""
BOOK_CANDIDATES: Final = 32
"""Candidates that may wait at most with each source that stands for the book."""


class GossipRounds:
    """Decides when exchanges begin; `GossipExchange` decides how each goes on."""

    def __init__(
        self,
        config: CoreConfig,
        rng: Random,
        components: PeerComponents,
        verifier: PeerVerifier,
        reports: PeerReports,
        pushes: PushReceiver,
        rechecks: Rechecks,
        partners: PartnerSelection,
        crowded: CrowdedSubnets,
        context: ExchangeContext,
        now: float,
    ) -> None:
        self._config = config.gossip
        self._pushes_at_all = not config.read_only
        self._rng = rng
        self._verifier = verifier
        self._reports = reports
        self._pushes = pushes
        self._rechecks = rechecks
        self._partners = components.partners
        self._candidates = components.candidates
        self._burst = components.burst
        self._backoff = components.backoff
        self._partner_selection = partners
        self._crowded = crowded
        self._context = context
        self._to_tell: deque[Endpoint] = deque()
        self.round_s = self._config.round_s
        self._rounds = 0
        self._round_at = now + rng.uniform(0.0, self._config.round_s)
        self._check_at = NEVER
        self._book = components.book
        self._scan = BookScan(components.book)
        self._scan_at = now
        self._challengers = ChallengerScan(components.view, components.book)
        self._tell_at = NEVER

    # --- what others send -------------------------------------------------------------------------

    def push_received(self, query: Gossip, source: Endpoint, now: float) -> str | None:
        """A query with a record and a valid token. Returns why the push does not count, or None."""
        return self._pushes.received(query, source, now)

    def contact_answered(self, pending: PendingQuery, reply: Reply, now: float) -> None:
        """A node answered a query that was not part of an exchange: it is a candidate if it speaks
        gossip. One that may have answered only through its own NAT mapping, and that was silent
        before when there was none, is so only where peers are few or awaited.
        """
        endpoint, partners = pending.endpoint, self._partners
        if isinstance(pending.owner, Check):
            self._rechecks.checked_by_table(endpoint, now, answered=True)
        quarantine = self._context.dhts[family_of(endpoint)].parts.quarantine
        is_wanted = (
            pending.proves_reachability
            or not quarantine.has_fallen(endpoint)
            or self._verifier.too_few
            or self._burst.is_active(now)
        )
        is_new = (
            is_wanted
            and partners.is_gossip_version(reply.version)
            and not partners.is_blocked(endpoint, now)
            and partners.found_in_lookup(endpoint)
        )
        if is_new and self._verifier.at(endpoint) is None:
            self._reports.found(
                [endpoint], FROM_LOOKUPS, now, per_source=LOOKUP_CANDIDATES, node_id=reply.sender
            )

    def peer_missed(self, pending: PendingQuery, now: float) -> None:
        """A query of any kind timed out."""
        endpoint = pending.endpoint
        if isinstance(pending.owner, Check):
            self._rechecks.checked_by_table(endpoint, now, answered=False)
        if self._verifier.known.at(endpoint) is not None:
            self._rechecks.peer_missed(now)

    # --- time -------------------------------------------------------------------------------------

    def tick(self, now: float) -> Commands:
        commands: list[Command] = []
        if self._verifier.changed:
            self._speed_up(now)
        if now >= self._round_at:
            commands += self._round(now)
        if now >= self._scan_at:
            self._scan_book(now)
        if now >= self._challengers.deadline:
            self._challenge(now)
        if now >= self._burst.deadline and len(self._candidates):
            commands += self._check_at_once(now)
        if now >= self._check_at and len(self._candidates):
            self._check_at = now + 1.0 / self._config.checks_per_s
            commands += self._check(now)
        commands += self._recheck(now)
        if now >= self._tell_at and self._to_tell:
            self._tell_at = now + TELL_INTERVAL_S
            commands += self._visit(self._to_tell.popleft(), ExchangeReason.PUSH, now, pushes=True)
        return commands

    def next_deadline(self) -> float:
        # Without min(), because this is called after every datagram.
        deadline = self._round_at
        if self._scan_at < deadline:
            deadline = self._scan_at
        if (at := self._rechecks.next_deadline()) < deadline:
            deadline = at
        if (at := self._challengers.deadline) < deadline:
            deadline = at
        if len(self._candidates):
            if self._check_at < deadline:
                deadline = self._check_at
            if (at := self._burst.deadline) < deadline:
                deadline = at
        if self._to_tell and self._tell_at < deadline:
            deadline = self._tell_at
        return deadline

    @property
    def crowded(self) -> tuple[CrowdedSubnet, ...]:
        """The subnets with peers beyond the limits, the most crowded first."""
        return tuple(self._crowded.crowded())

    @property
    def pushes(self) -> int:
        """Pushes kept of this round so far."""
        return len(self._pushes)

    def record_changed(
        self, now: float, moved: Collection[Family] = (), *, tells_all: bool = True
    ) -> None:
        """The own record changed. With ``tells_all`` all known peers are told at once, other nodes
        as rounds go.
        ``moved``: the families in which this node has another IP address: the tokens that others
        gave to the former one are not valid any more.
        """
        if moved:
            self._partners.forget_tokens(moved)
        if self._pushes_at_all and tells_all:
            self._to_tell = deque(
                known.endpoint
                for table in (self._verifier.known, self._verifier.unproven)
                for known in table
            )
        if tells_all:
            self._speed_up(now)

    def book_replaced(self, now: float) -> None:
        self._scan_at = now

    def check(
        self, endpoint: Endpoint, now: float, operation: OperationId
    ) -> tuple[GossipExchange, Commands]:
        """A caller wants to know whether a peer of the own network is there."""
        exchange = GossipExchange(
            self._context,
            endpoint,
            ExchangeReason.CALLER,
            self._caller_stage(endpoint, now),
            operation=operation,
            group=self._burst.traffic,
        )
        return exchange, exchange.send(now)

    def recheck(
        self, known: KnownPeer, now: float, operation: OperationId
    ) -> tuple[GossipExchange, Commands]:
        """A caller wants to know whether a known peer is still there."""
        exchange = GossipExchange(
            self._context,
            known.endpoint,
            ExchangeReason.RECHECK,
            self._recheck_stage(known, now),
            operation=operation,
            is_urgent=True,
            group=self._burst.traffic,
        )
        return exchange, exchange.send(now)

    def _caller_stage(self, endpoint: Endpoint, now: float) -> Stage:
        stage = self._context.first_stage(endpoint)
        return stage if stage is Stage.PING else self._context.query_stage(endpoint, now)

    def _recheck_stage(self, known: KnownPeer, now: float) -> Stage:
        if known.peer.is_proven and not known.needs_record:
            return Stage.PING
        return self._context.query_stage(known.endpoint, now)

    def _speed_up(self, now: float) -> None:
        if self.round_s > self._config.round_s:
            self.round_s = self._config.round_s
            self._round_at = min(self._round_at, now + self._jittered_round_s())

    def _jittered_round_s(self) -> float:
        return jittered(self.round_s, self._config.round_jitter, self._rng)

    def _round(self, now: float) -> Commands:
        config = self._config
        self._pushes.end_round(now)
        self._verifier.end_round(now)
        if self._is_fast():
            self.round_s = config.round_s
        else:
            self.round_s = min(SLOWDOWN * self.round_s, config.max_round_s)
        self._verifier.reset_changes()
        self._round_at = now + self._jittered_round_s()
        partner = self._partner_selection.partner(now, self._may_pull)
        commands: list[Command] = [*self._crowded.due(self._verifier.own_endpoints())]
        commands += self._probe_book(now)
        if partner is not None:
            self._backoff.asked(partner, now)  # until the answer turns out to be useful
            commands += self._visit(partner, ExchangeReason.PULL, now, want=config.pull_entries)
        listener = None
        if self._pushes_at_all:
            listener = self._partner_selection.partner(now, self._may_push)
        if listener is not None:
            commands += self._visit(listener, ExchangeReason.PUSH, now, pushes=True)
        return commands

    def _is_fast(self) -> bool:
        """Whether the next round comes soon. So it does until the first slots are mature: before
        that, the application has nothing but the book.
        """
        return (
            self._verifier.changed
            or self._reports.has_news
            or self._verifier.too_few
            or self._rounds < self._config.sample_age_rounds
        )

    def _probe_book(self, now: float) -> Commands:
        """Checks addresses that the book wants to be probed, and those that would win a reseeded
        slot.
        """
        commands: list[Command] = []
        self._rounds += 1
        if self._rounds % self._config.reseed_every_rounds == 0:
            self._challengers.begin(now)
            self._challenge(now)
        feeler = self._book.feeler(now)
        due = self._book.tests_due(now)
        for endpoint in due if feeler is None else [feeler, *due]:
            if self._verifier.known.at(endpoint) is None:
                self._reports.found([endpoint], FROM_BOOK, now, per_source=BOOK_CANDIDATES)
            else:
                commands += GossipExchange(
                    self._context,
                    endpoint,
                    ExchangeReason.RECHECK,
                    self._context.query_stage(endpoint, now),
                ).send(now)
        return commands

    def _challenge(self, now: float) -> None:
        winners = self._challengers.step(now)
        self._reports.found(winners, FROM_RESEEDING, now, per_source=BOOK_CANDIDATES)

    def _scan_book(self, now: float) -> None:
        """While too few peers are known and no candidate waits, the next entry of the book is a
        candidate.
        """
        endpoint = None
        if not len(self._candidates) and self._verifier.too_few:
            endpoint = self._scan.next(now)
        if endpoint is not None:
            self._reports.found([endpoint], FROM_BOOK, now, per_source=BOOK_CANDIDATES)
            self._scan_at = now + 1.0 / self._config.checks_per_s
        else:
            self._scan_at = now + SCAN_PAUSE_S

    # --- exchanges --------------------------------------------------------------------------------

    def _is_free(self, endpoint: Endpoint, now: float) -> bool:
        return self._context.is_free(endpoint)

    def _may_push(self, endpoint: Endpoint, now: float) -> bool:
        """In a small network all have the record soon, and need it no second time."""
        return self._context.is_free(endpoint) and (
            len(self._verifier.known) >= SMALL_NETWORK
            or self._partners.lacks_record(endpoint, self._context.own_record.sequence)
        )

    def _may_pull(self, endpoint: Endpoint, now: float) -> bool:
        return self._context.is_free(endpoint) and self._backoff.may_ask(endpoint, now)

    def _check(self, now: float) -> Commands:
        candidate = self._candidates.draw(
            now, lambda candidate: self._reports.is_wanted(candidate, now)
        )
        if candidate is None or not self._context.is_free(candidate.endpoint):
            return NO_COMMANDS
        return GossipExchange(
            self._context,
            candidate.endpoint,
            ExchangeReason.CANDIDATE,
            self._context.first_stage(candidate.endpoint),
            candidate=candidate,
            is_urgent=self._burst.is_active(now) and self._may_be_urgent(candidate),
        ).send(now)

    def _check_at_once(self, now: float) -> Commands:
        """An application waits: as many checks as may be under way."""
        commands: list[Command] = []
        burst, context = self._burst, self._context
        while burst.has_room(now):
            candidate = self._candidates.draw(
                now, lambda candidate: self._reports.is_wanted(candidate, now), burst.allows
            )
            if candidate is None:
                burst.exhausted()
                break
            if not burst.is_checking(candidate.endpoint):
                burst.begun(candidate, now)
                stage = self._burst_stage(candidate, now)
                commands += GossipExchange(
                    context,
                    candidate.endpoint,
                    ExchangeReason.CANDIDATE,
                    stage,
                    candidate=candidate,
                    is_urgent=self._may_be_urgent(candidate),
                    group=burst.traffic,
                ).send(now)
        return commands

    def _may_be_urgent(self, candidate: Candidate) -> bool:
        """A peer that pushes could have itself checked as often as it pushes; while hardly any are
        known it may, as it is the first that a new network has.
        """
        return not candidate.from_push or self._verifier.too_few

    def _burst_stage(self, candidate: Candidate, now: float) -> Stage:
        """Without a ping where another node says that a peer of the network is there."""
        stage = self._context.first_stage(candidate.endpoint)
        is_named = candidate.reporter is not None or candidate.source.startswith(FROM_RENDEZVOUS)
        if (
            stage is Stage.PING
            and is_named
            and self._candidates.may_skip_ping(candidate.endpoint, now)
        ):
            return Stage.FIRST_QUERY
        return stage

    def _recheck(self, now: float) -> Commands:
        known = self._rechecks.take_due(now, self._context.is_free)
        if known is None:
            return NO_COMMANDS
        return GossipExchange(
            self._context,
            known.endpoint,
            ExchangeReason.RECHECK,
            self._recheck_stage(known, now),
            is_scheduled=known.peer.is_proven,
        ).send(now)

    def _visit(
        self,
        endpoint: Endpoint,
        reason: ExchangeReason,
        now: float,
        *,
        want: int = 0,
        pushes: bool = False,
    ) -> Commands:
        return GossipExchange(
            self._context,
            endpoint,
            reason,
            self._context.query_stage(endpoint, now),
            want=want,
            pushes=pushes,
        ).send(now)
