"""The reachability of the node in one address family: the verdict on the endpoint that others see
it at (S) and on that of a port mapping (M), and the conduct that follows.

A yes is received and not told: a stranger's datagram has to arrive. A port that a router says it
maps is a candidate until a stranger got in there. Missing evidence changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...config import CoreConfig
from ...endpoints import Endpoint, Family, Scope, port_of
from ...wire.messages import Error, Reply
from ..contract.conduct import Conduct
from ..contract.events import Event, NatKindChanged, ReachabilityChanged
from ..contract.queries import NO_COMMANDS, Command, Commands, PendingQuery, QueryFailure, SendQuery
from ..contract.reach_verdict import DIRECT, MAPPED, ReachVerdict
from ..contract.times import FOREVER, NEVER
from ..dht import Dht
from ..limits.reserve import drawn_sample
from .endpoint_test import EndpointState, EndpointTest
from .guard import LOOK_AGAIN_S, GuardRule
from .nat_kind import nat_kind
from .own_endpoints import mapped_endpoint, seen_endpoint
from .probes import Probes, ReachContext
from .reach_snapshot import ReachSnapshot, tested
from .strangers import PASSIVE_S, Strangers

LOOK_FOR_ENDPOINT_S: Final = 5.0
"""How often the node looks whether other nodes agree on its port by now."""
LOOK_SELDOM_S: Final = 60.0
"""The same where they have not for a while, as behind a NAT whose port depends on the destination.
"""
EVIDENCE_EVERY_S: Final = 5.0
"""A proven endpoint needs no more evidence than that: it is looked for at every query."""
FOR_REFRESH: Final = 12
"""So many helpers are drawn for the refresh of a proven endpoint, which asks one, or four."""
ONE_WAY_S: Final = 600.0
"""So long it is shown that answers did not get back to strangers."""


class Reachability:
    """Owns the conduct of its family, and the queries that test it."""

    def __init__(
        self,
        family: Family,
        config: CoreConfig,
        conduct: Conduct,
        context: ReachContext,
        dht: Dht,
        guard: GuardRule,
        now: float,
    ) -> None:
        self.family = family
        self.conduct = conduct
        self.verdict = ReachVerdict.UNKNOWN
        self.deadline = FOREVER
        self.evidence_at = FOREVER
        """From when on queries of strangers are to be told."""
        self._config = config.reach
        self._rounds = 2 if config.defences.two_rounds else 1
        self._tests_at_all = config.tests_reachability
        self._helps = config.tests_reachability and config.help_others
        self._fixed = config.reachable
        if family.value in config.external_with_port and self._fixed == "auto":
            self._fixed = "yes"
        self._announces_at_first = conduct.announces
        self._context = context
        self._address = dht.parts.address
        self._guard = guard
        self.probes = Probes(family, context, dht, self)
        self._seen: EndpointTest | None = None
        """The test of S, the endpoint that other nodes see."""
        self._seen_at: Endpoint | None = None
        self._seen_since = now
        """When S was decided."""
        self._mapped: EndpointTest | None = None
        """The test of M, the endpoint of a port mapping, where it differs from S."""
        self._mapped_at: Endpoint | None = None
        self._granted: Endpoint | None = None
        """What the router says that it maps to the socket of this node."""
        self._likely_until = NEVER
        self._began_at = now
        self._nat = "unknown"
        self._told: tuple[ReachVerdict, Endpoint | None, str | None] = (self.verdict, None, None)
        self._looked_at_port: bytes | None = None
        self._verdict_since = now
        self._strangers = Strangers(self._config.proofs)
        self._helpers = 0
        self.local_ips: frozenset[bytes] = frozenset()
        """The addresses of this machine's interfaces, as far as the node was told."""
        self._router_is_private = False
        self._reserve = dht.parts.reserve
        if self._tests_at_all:
            self.deadline = now
            if (share := config.reach.reserve_share) > 0:
                sample = drawn_sample(share, context.rng)
                self._reserve.begin(sample, context.contacted, now + config.reach.reserve_s)
        self._apply_conduct(now)

    # --- what happens -----------------------------------------------------------------------------

    def ping_received(
        self, nonce: bytes, source: Endpoint, is_stranger: bool, now: float
    ) -> Commands:
        """A ping with a nonce; told before it is answered. One of a test of this node counts when
        the helper says what became of the answer, and any other like every query.
        """
        if self.probes.ping_received(nonce, source, is_stranger):
            return NO_COMMANDS
        return self.query_received(source, is_stranger, now)

    def query_received(self, source: Endpoint, is_stranger: bool, now: float) -> Commands:
        """A well-formed query of any kind, told before it is answered. One of a stranger shows that
        S is open; while a port is mapped elsewhere it may have come there.
        """
        test = self._seen
        if (
            not is_stranger
            or test is None
            or self._mapped is not None
            or not self._is_public(source)
        ):
            return NO_COMMANDS
        if test.state is EndpointState.PROVEN:
            test.evidence(now)
            self._strangers.asked(source, now)
            self.deadline = min(self.deadline, test.deadline)
            self.evidence_at = now + EVIDENCE_EVERY_S
            return NO_COMMANDS
        if test.state is EndpointState.FAILED:
            test.stranger_asked(now)
        elif (
            # A host on the own link can forge sources, and answers to strangers may get lost on a
            # path that is one-way: what helpers find out counts more, and they have their time.
            now >= max(self.probes.witness_named_at, self._seen_since) + PASSIVE_S
            and self._strangers.are_enough(source, self._context.scopes.netgroup(source), now)
        ):
            test.prove(now)
        return self._decide(now)

    def matched(self, source: Endpoint, now: float) -> Commands:
        """A matched reply of any kind."""
        if not len(self.probes):
            return NO_COMMANDS
        self.probes.matched(source, now)
        return self._decide(now)

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        commands = self.probes.answered(pending, reply, now)
        return [*commands, *self._decide(now)]

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        self.probes.failed(command, reason, now)
        return self._decide(now)

    def helper_found(self, now: float) -> None:
        """A peer offers help that did not before."""
        for test in self._tests():
            test.helper_found(now)
            self.deadline = min(self.deadline, test.deadline)

    def address_changed(self, now: float) -> Commands:
        """The votes on the own endpoint may have decided something new."""
        if not self._tests_at_all:
            return NO_COMMANDS
        self._look_at_endpoints(now)
        return self._decide(now)

    def look_at_port(self, now: float) -> Commands:
        """Other nodes may see another port, of which there is no event."""
        if self._address.port == self._looked_at_port or not self._tests_at_all:
            return NO_COMMANDS
        self._looked_at_port = self._address.port
        return self.address_changed(now)

    def mapped(self, endpoint: Endpoint | None, now: float) -> Commands:
        """The router maps this endpoint to the node's socket; None: no longer."""
        if endpoint == self._granted or not self._tests_at_all:
            return NO_COMMANDS
        was_at_seen = self._is_mapped_to_seen()
        self._granted = endpoint
        if self._seen is not None and was_at_seen != self._is_mapped_to_seen():
            if was_at_seen:  # what let strangers in is gone
                self._test_seen_anew(now)
            else:
                self._seen.changed(now)
        elif self._seen is not None:
            self._seen.changed(now)
        self._look_at_endpoints(now)
        return self._decide(now)

    def router_told(self, is_private: bool, now: float) -> Commands:
        """The router says whether it has no public address itself."""
        self._router_is_private = is_private
        return self._decide(now) if self._tests_at_all else NO_COMMANDS

    def network_changed(self, now: float) -> Commands:
        """The addresses or the link changed, or the machine slept: each proven endpoint is probed
        once, and a closed one at the faster pace.
        """
        self._began_at = now
        for test in self._tests():
            test.changed(now)
        return self._decide(now) if self._tests_at_all else NO_COMMANDS

    def ended_on_this_port(self, ago_s: float, now: float) -> None:
        """The last run ended so long ago, on the same port: until the mappings that it opened are
        gone, what gets in proves little.
        """
        if 0.0 <= ago_s < self._config.stranger_s:
            self._likely_until = now + self._config.stranger_s - ago_s

    # --- time -------------------------------------------------------------------------------------

    def tick(self, now: float) -> Commands:
        self.probes.expire(now)
        self._look_at_endpoints(now)
        commands: list[Command] = []
        if any(test.deadline <= now for test in self._tests()):
            commands += self._probe(now)
        commands += self._decide(now)
        return commands

    def look_at_guard(self, now: float) -> Commands:
        """The end of what lets a closed node withdraw acts at once."""
        if not self.conduct.marks_queries or self.conduct.is_read_only or self._guard.allows(now):
            return NO_COMMANDS
        return self._decide(now)

    def _probe(self, now: float) -> list[SendQuery]:
        is_refresh = all(test.needs_one_helper for test in self._tests() if test.deadline <= now)
        usable = self.probes.usable_helpers(now, FOR_REFRESH if is_refresh else None)
        netgroups = len({netgroup for _, netgroup in usable})
        if not is_refresh:
            self._helpers = netgroups
        queries: list[SendQuery] = []
        for test, endpoint, is_mapped in (
            (self._seen, self._seen_at, self._is_mapped_to_seen()),
            (self._mapped, self._mapped_at, True),
        ):
            if test is not None and endpoint is not None:
                count = test.due(netgroups, now)
                port = port_of(endpoint) if is_mapped else None
                queries += self.probes.send(test, count, usable, endpoint, port, now)
        return queries

    # --- endpoints --------------------------------------------------------------------------------

    def _look_at_endpoints(self, now: float) -> None:
        """Begins a new test where S or M is another endpoint than before."""
        scopes = self._context.scopes
        seen_at = seen_endpoint(self._address, scopes)
        mapped_at = mapped_endpoint(self._granted, self._address, scopes)
        if mapped_at == seen_at:
            mapped_at = None
        if (seen_at, mapped_at) == (self._seen_at, self._mapped_at):
            return
        # What is known of an endpoint stays true where S moves to M or away from it, as behind a
        # NAT that answers from the mapped port those that came in there.
        tests = {self._seen_at: self._seen, self._mapped_at: self._mapped}
        if seen_at != self._seen_at:
            self._strangers.clear()
            self._seen_at, self._seen_since = seen_at, now
        self._mapped_at = mapped_at
        self._seen, self._mapped = (
            None if each is None else tests.get(each) or self._new_test(now)
            for each in (seen_at, mapped_at)
        )
        for test in tests.values():
            if test is not None and test not in self._tests():
                self.probes.drop(test)

    def _test_seen_anew(self, now: float) -> None:
        if self._seen is not None:
            self.probes.drop(self._seen)
        self._strangers.clear()
        self._seen = self._new_test(now) if self._seen_at is not None else None
        self._seen_since = now

    def _new_test(self, now: float) -> EndpointTest:
        return EndpointTest(self._config, now, rounds=self._rounds)

    def _is_mapped_to_seen(self) -> bool:
        granted, seen_at = self._granted, self._seen_at
        return granted is not None and seen_at is not None and granted[-2:] == seen_at[-2:]

    def _is_public(self, endpoint: Endpoint) -> bool:
        return self._context.scopes.of(endpoint) is Scope.PUBLIC

    def _tests(self) -> Sequence[EndpointTest]:
        return [each for each in (self._seen, self._mapped) if each is not None]

    # --- verdict and conduct ----------------------------------------------------------------------

    def _is_proven(self, test: EndpointTest | None) -> bool:
        return test is not None and test.settled is EndpointState.PROVEN

    def _has_failed(self) -> bool:
        return self._seen is not None and self._seen.settled is EndpointState.FAILED

    def _new_verdict(self, now: float) -> ReachVerdict:
        if self._is_proven(self._seen) or self._is_proven(self._mapped):
            return ReachVerdict.YES if now >= self._likely_until else ReachVerdict.LIKELY
        if self._has_failed():
            return ReachVerdict.NO
        if any(test.is_likely for test in self._tests()):
            return ReachVerdict.LIKELY
        return ReachVerdict.UNKNOWN

    def _decide(self, now: float) -> list[Event]:
        """What follows from the states of the tests: verdict, kind of NAT, conduct, deadline."""
        events: list[Event] = []
        verdict = self._new_verdict(now)
        if verdict is not self.verdict:
            self.verdict, self._verdict_since = verdict, now
        endpoint, how = self._endpoint_and_how()
        told = (self.verdict, endpoint, how)
        if told != self._told:
            self._told = told
            events.append(ReachabilityChanged(self.family, self.verdict, endpoint, how))
        nat = self._new_nat_kind()
        if nat != self._nat:
            self._nat = nat
            events.append(NatKindChanged(self.family, nat))
        if self.verdict in (ReachVerdict.YES, ReachVerdict.NO):
            self._reserve.end()
        self._apply_conduct(now)
        self._plan(now)
        return events

    def _endpoint_and_how(self) -> tuple[Endpoint | None, str | None]:
        if self._is_proven(self._mapped) and not self._is_proven(self._seen):
            return self._mapped_at, MAPPED
        how = None
        if self._is_proven(self._seen):
            how = MAPPED if self._is_mapped_to_seen() else DIRECT
        return self._seen_at, how

    def _new_nat_kind(self) -> str:
        voters, share = self._address.port_votes
        reached: bool | None = None
        if self._is_proven(self._seen) and self._granted is None:
            reached = True
        elif self._has_failed():
            reached = False
        granted = self._granted
        return nat_kind(
            voters,
            share,
            has_public_address=self._address.ip in self.local_ips,
            router_is_private=self._router_is_private
            or (granted is not None and not self._is_public(granted)),
            strangers_reach=reached,
        )

    def _apply_conduct(self, now: float) -> None:
        """The table of the page on reachability: which row holds, and what it says."""
        conduct = self.conduct
        if conduct.is_read_only:
            return
        trusted = now >= self._likely_until
        seen_is_proven = self._is_proven(self._seen) and trusted
        mapped_is_proven = self._is_proven(self._mapped) and trusted
        has_failed = self._has_failed()
        if self._fixed != "auto":
            seen_is_proven, mapped_is_proven = self._fixed == "yes", False
            has_failed = not seen_is_proven
        withdraws = has_failed and not seen_is_proven and self._guard.allows(now)
        conduct.closed = has_failed and not seen_is_proven and not mapped_is_proven
        conduct.marks_queries = withdraws
        conduct.can_help = not conduct.closed and self._helps
        conduct.port = None
        conduct.announces = seen_is_proven or self._announces_at_first
        if mapped_is_proven and not seen_is_proven and self._mapped_at is not None:
            conduct.announces = True
            conduct.port = port_of(self._mapped_at)
        elif conduct.closed and withdraws:
            conduct.announces = False

    @property
    def endpoints(self) -> tuple[Endpoint | None, Endpoint | None, Endpoint | None]:
        """S, M, and what the router says that it maps to this node."""
        return self._seen_at, self._mapped_at, self._granted

    @property
    def record_endpoint(self) -> Endpoint | None:
        """The endpoint that the own record names instead of S: that of a port mapping."""
        return self._mapped_at if self.conduct.port is not None else None

    def _plan(self, now: float) -> None:
        deadline = self.probes.deadline
        for test in self._tests():
            deadline = min(deadline, test.deadline)
        if now < self._likely_until:
            deadline = min(deadline, self._likely_until)
        if self._seen is None:
            is_new = now - self._began_at < self._config.failed_fast_for_s
            deadline = min(deadline, now + (LOOK_FOR_ENDPOINT_S if is_new else LOOK_SELDOM_S))
        elif self._has_failed():
            deadline = min(deadline, now + LOOK_AGAIN_S)
        self.deadline = deadline if self._tests_at_all else FOREVER
        self.evidence_at = self._next_evidence_at()

    def _next_evidence_at(self) -> float:
        if self._seen is None or self._mapped is not None or not self._tests_at_all:
            return FOREVER
        if self._seen.state is EndpointState.PROVEN:
            return self._seen.proven_at + EVIDENCE_EVERY_S
        if self._seen.state is EndpointState.FAILED:
            return NEVER
        return max(self.probes.witness_named_at, self._seen_since) + PASSIVE_S

    # --- for observers ----------------------------------------------------------------------------

    def snapshot(self, now: float) -> ReachSnapshot:
        endpoint, how = self._endpoint_and_how()
        proven_at = max([test.proven_at for test in self._tests()], default=NEVER)
        by_probe = self.probes.proved_at > self._strangers.last_at
        reached_by = self.probes.proved_by if by_probe else self._strangers.last
        return ReachSnapshot(
            family=self.family,
            verdict=self.verdict,
            endpoint=endpoint,
            how=how,
            nat=self._nat,
            proven_s_ago=now - proven_at if proven_at > NEVER else None,
            one_way=now - self.probes.one_way_at < ONE_WAY_S,
            helpers=self._helpers,
            helpers_needed=self._config.misses,
            is_testing=any(test.state is EndpointState.TESTING for test in self._tests()),
            since_s=now - self._verdict_since,
            reached_by=reached_by,
            reached_how=None if reached_by is None else "probe" if by_probe else "query",
            tests=(
                *tested(self._seen, self._seen_at, is_mapped=False),
                *tested(self._mapped, self._mapped_at, is_mapped=True),
            ),
        )
