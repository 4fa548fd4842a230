"""The probes of one address family: queries to helpers, and the pings of their witnesses.

A probe is a proof only if the ping came from the witness that the helper names, if that was a
stranger, and if the answer reached it. A liar among the helpers can say that there was no answer,
or nothing at all; it cannot make a stranger's datagram pass the router.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from ...endpoints import Endpoint, Family, Scope, ip_of
from ...wire.messages import Error, Reach, Reply
from ...wire.reach import NONCE_BYTES
from ..addressing.policy import AddressPolicy
from ..contract import purposes
from ..contract.bounded import put_newest
from ..contract.counters import Counters
from ..contract.queries import (
    NO_COMMANDS,
    Commands,
    Owner,
    PendingQuery,
    QueryFailure,
    SendQuery,
)
from ..contract.times import FOREVER, NEVER
from ..dht import Dht
from ..limits.contacted import ContactedHostsRule
from ..limits.host_filter import filter_of
from ..limits.probe_lane import ProbeLaneRule
from .endpoint_test import EndpointTest, ProbeOutcome
from .helpers import Helper, HelperSource
from .reach_query import reach_query

MAX_OUTSTANDING: Final = 16
"""Probes that one family waits for at most."""
PROBE_S: Final = 12.0
"""A probe that has not ended after so long ends as nothing."""
BUSY: Final = 202
"""The error of a helper that is busy, or that finds no witness."""
BUSY_S: Final = 30.0
SILENT_S: Final = 300.0
REFUSED_S: Final = 86_400.0
"""For so long a helper is not asked again that was busy, silent, or that does not help."""
MAX_PINGS: Final = 16
"""Sources of the pings of one probe that are remembered: a helper asks up to eight witnesses."""
MAX_BARRED: Final = 256
"""Helpers that are remembered as such."""
LIMIT_DROPS: Final = "limit."


@dataclass(slots=True)
class ReachContext:
    """What the tests of both families share. ``tag``: of the own network."""

    tag: bytes
    rng: Random
    scopes: AddressPolicy
    counters: Counters
    contacted: ContactedHostsRule
    lane: ProbeLaneRule
    helpers: HelperSource
    needs_answer: bool
    """Whether a proof needs the word of the helper that its witness was answered."""

    def limit_drops(self) -> int:
        """How many datagrams were dropped unread so far, because a limit was reached."""
        dropped = self.counters.dropped
        return sum(dropped[reason] for reason in dropped if reason.startswith(LIMIT_DROPS))


@dataclass(slots=True, eq=False)
class Probe:
    """A probe that has not ended. ``port``: None where the endpoint is the one that the helper
    sees; then ``endpoint`` must be what it saw.
    """

    test: EndpointTest
    epoch: int
    nonce: bytes
    helper: Endpoint
    netgroup: bytes
    endpoint: Endpoint
    port: int | None
    token: bytes | None
    expires_at: float
    limit_drops: int
    has_new_token: bool = False
    pinged_by: dict[Endpoint, bool] = field(default_factory=dict)
    """Where its pings came from, and whether each was a stranger's address when it came. There are
    several where the helper asked one witness after the other.
    """
    is_online: bool = False
    """Whether another network has answered meanwhile, so that this node was not cut off."""
    missed_by: bytes | None = None
    """The netgroup of the witness, where all that a miss needs is there, but that."""


class Probes:
    """``owner``: is told of the answers to the queries, and passes them on to `answered` and
    `failed`.
    """

    def __init__(self, family: Family, context: ReachContext, dht: Dht, owner: Owner) -> None:
        self._family = family
        self._context = context
        self._dht = dht
        self._owner = owner
        self._by_nonce: dict[bytes, Probe] = {}
        self._barred: dict[Endpoint, float] = {}
        self.deadline = FOREVER
        """When a probe expires next."""
        self.one_way_at = NEVER
        """When a stranger got in last to which the answer did not get back."""
        self.witness_named_at = NEVER
        """When a helper named a witness last."""
        self.proved_by: Endpoint | None = None
        """The witness that got in last."""
        self.proved_at = NEVER

    def __len__(self) -> int:
        return len(self._by_nonce)

    # --- helpers ----------------------------------------------------------------------------------

    def usable_helpers(self, now: float, most: int | None = None) -> list[tuple[Helper, bytes]]:
        """The helpers that may be asked now, each with its netgroup; all, or ``most`` drawn at
        random, less those that may not.
        """
        scopes, own_ip = self._context.scopes, self._dht.parts.address.ip
        found = self._context.helpers.reach_helpers(self._family, now, most=most)
        return [
            (each, scopes.netgroup(each.endpoint))
            for each in found
            if now >= self._barred.get(each.endpoint, now) and ip_of(each.endpoint) != own_ip
        ]

    def send(
        self,
        test: EndpointTest,
        count: int,
        usable: Sequence[tuple[Helper, bytes]],
        endpoint: Endpoint,
        port: int | None,
        now: float,
    ) -> list[SendQuery]:
        """At most ``count`` probes of an endpoint, each by another netgroup. ``port``: of a port
        mapping; None for the endpoint that helpers see.
        """
        count = min(count, MAX_OUTSTANDING - len(self._by_nonce))
        if count <= 0:
            return []
        rng = self._context.rng
        ranked = sorted(
            (
                (netgroup in test.asked_before, not helper.holds_mature_slot, rng.random(), place)
                for place, (helper, netgroup) in enumerate(usable)
                if netgroup not in test.asked_now
            ),
        )
        queries = []
        for _, _, _, place in ranked:
            helper, netgroup = usable[place]
            if netgroup in test.asked_now:
                continue
            test.asked(netgroup)
            probe = Probe(
                test,
                test.epoch,
                rng.randbytes(NONCE_BYTES),
                helper.endpoint,
                netgroup,
                endpoint,
                port,
                helper.token,
                now + PROBE_S,
                self._context.limit_drops(),
            )
            self._by_nonce[probe.nonce] = probe
            self._context.lane.expect(probe.nonce)
            self.deadline = min(self.deadline, probe.expires_at)
            queries.append(self._query(probe, now))
            if len(queries) == count:
                break
        return queries

    def _known_hosts(self, now: float) -> bytes:
        """For the helper, which draws a witness among the others first."""
        context = self._context
        is_stranger = context.contacted.is_stranger
        met = (each for each in context.helpers.met(self._family) if not is_stranger(each, now))
        return filter_of(met, context.rng).raw

    def _query(self, probe: Probe, now: float) -> SendQuery:
        query = Reach(
            b"",
            self._dht.own_id,
            probe.nonce,
            self._context.tag,
            token=probe.token,
            port=probe.port,
            known=self._known_hosts(now),
        )
        return reach_query(probe.helper, query, self._owner, purposes.REACH, PROBE_S)

    # --- what happens -----------------------------------------------------------------------------

    def ping_received(self, nonce: bytes, source: Endpoint, is_stranger: bool) -> bool:
        """A ping with a nonce; told before it is answered. Returns whether the nonce is of a probe;
        the first ping of each source counts.
        """
        probe = self._by_nonce.get(nonce)
        if probe is not None and len(probe.pinged_by) < MAX_PINGS:
            probe.pinged_by.setdefault(source, is_stranger and self._is_public(source))
        return probe is not None

    def matched(self, source: Endpoint, now: float) -> None:
        """A matched reply of any kind came from ``source``."""
        if not self._by_nonce:
            return
        netgroup = self._context.scopes.netgroup(source)
        for probe in list(self._by_nonce.values()):
            if probe.netgroup != netgroup:
                probe.is_online = True
                if probe.missed_by is not None:
                    self._end(probe, ProbeOutcome.MISS, probe.missed_by, now)

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        probe = self._probe_of(pending.command)
        if probe is None:
            return NO_COMMANDS
        result = reply.reach
        if result is None or result.ok is None or result.witness is None:
            if reply.token is None or probe.has_new_token:
                self._end(probe, ProbeOutcome.NOTHING, b"", now)
                return NO_COMMANDS
            probe.has_new_token = True
            probe.token = reply.token
            self._context.helpers.token_received(probe.helper, reply.token, now)
            return [self._query(probe, now)]
        self._judge(probe, result.ok, result.witness, reply.seen_as, now)
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> None:
        probe = self._probe_of(command)
        if probe is None:
            return
        self.refused(probe.helper, reason, now)
        self._end(probe, ProbeOutcome.NOTHING, b"", now)

    def refused(self, helper: Endpoint, reason: Error | QueryFailure, now: float) -> None:
        """A helper did not help: it is not asked for a while."""
        for_s = SILENT_S
        if isinstance(reason, Error):
            for_s = BUSY_S if reason.code == BUSY else REFUSED_S
        elif reason is not QueryFailure.TIMED_OUT:
            return
        put_newest(self._barred, helper, now + for_s, MAX_BARRED)

    def expire(self, now: float) -> None:
        """Ends the probes that are over."""
        for probe in [each for each in self._by_nonce.values() if each.expires_at <= now]:
            self._end(probe, ProbeOutcome.NOTHING, b"", now)
        self.deadline = min((each.expires_at for each in self._by_nonce.values()), default=FOREVER)

    def drop(self, test: EndpointTest) -> None:
        """The endpoint of that test is none any more."""
        self.proved_by, self.proved_at = None, NEVER
        for probe in [each for each in self._by_nonce.values() if each.test is test]:
            self._forget(probe)

    # --- inside -----------------------------------------------------------------------------------

    def _judge(
        self, probe: Probe, ok: bool, witness: Endpoint, seen_as: Endpoint | None, now: float
    ) -> None:
        """The helper says which witness pinged, and whether that was answered."""
        self.witness_named_at = now
        outcome = ProbeOutcome.NOTHING
        # Otherwise another endpoint was pinged.
        is_same = seen_as is not None and (
            seen_as == probe.endpoint
            if probe.port is None
            else ip_of(seen_as) == ip_of(probe.endpoint)
        )
        got_in = probe.pinged_by.get(witness, False)
        if got_in and not ok:
            self.one_way_at = now
        if got_in and (ok or not self._context.needs_answer):
            if is_same:
                outcome = ProbeOutcome.PROOF
                self.proved_by, self.proved_at = witness, now
        elif (
            not ok
            and is_same
            and witness not in probe.pinged_by
            # What came before was of known witnesses, which the helper replaced.
            and not any(probe.pinged_by.values())
            and self._is_public(witness)
            and (probe.port is not None or not self._has_just_met(witness, now))
            and probe.limit_drops == self._context.limit_drops()
        ):
            if not probe.is_online:
                # It ends when another network answers.
                probe.missed_by = self._context.scopes.netgroup(witness)
                return
            outcome = ProbeOutcome.MISS
        self._end(probe, outcome, self._context.scopes.netgroup(witness), now)

    def _end(self, probe: Probe, outcome: ProbeOutcome, witness: bytes, now: float) -> None:
        self._forget(probe)
        self._context.counters.probe_ended(outcome.value)
        probe.test.ended(outcome, probe.epoch, probe.netgroup, witness, now)

    def _forget(self, probe: Probe) -> None:
        self._by_nonce.pop(probe.nonce, None)
        self._context.lane.forget(probe.nonce)

    def _probe_of(self, command: SendQuery) -> Probe | None:
        query = command.query
        return self._by_nonce.get(query.nonce) if isinstance(query, Reach) else None

    def _has_just_met(self, witness: Endpoint, now: float) -> bool:
        """Whether a router would let that one in whatever it keeps out: that it did not get in says
        more about the witness, or a datagram that was lost.
        """
        return self._context.contacted.was_noted_now(witness, now)

    def _is_public(self, endpoint: Endpoint) -> bool:
        return self._context.scopes.of(endpoint) is Scope.PUBLIC
