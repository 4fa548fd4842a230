"""The test of one endpoint of this node: whether nodes that it had nothing to do with reach it.

A probe asks a helper, which has a third node, the witness, ping the endpoint. It ends as a *proof*
(the ping came from a stranger, and the answer reached it), a *miss* (it did not come, though this
node was online) or *nothing*, which counts for neither side. Missing evidence changes no state.

A yes takes two proofs through helpers in different netgroups, because one helper and its witness
may be one attacker that keeps a flow through the router open. A no takes two rounds of misses in
eight netgroups each, without one proof: attackers that only say "it did not answer" must be all of
them, and a short loss of connectivity does not last so long.
"""

from __future__ import annotations

import enum
from typing import Final

from ...config.reach import ReachConfig
from ..contract.times import NEVER

LEAST_HELPERS: Final = 2
"""With helpers in fewer netgroups no test can end with a yes, and none begins."""
SECOND_BATCH_S: Final = 2.0
"""A round sends the second batch of probes after so long, and then one probe a second."""
FAILED_PROBES: Final = 2
"""Probes that are sent at once for a closed endpoint."""
REFRESH_MISSES: Final = 4
"""So many misses in a row open a new test of a proven endpoint."""
MAX_REFRESH_PROBES: Final = 12
"""Probes of one refresh at most; those that end as nothing are replaced."""
REFRESH_RETRY_S: Final = 10.0
"""A refresh that found no helper, or that ended as nothing, goes on after so long; the pause
doubles with each that follows, up to ``max_retry_s``. In a small network, where all know each
other, no helper finds a witness that is a stranger.
"""
EMPTY_PROBES: Final = 8
"""A round ends when so many probes ended as nothing, and no other one: as in a small network, where
every witness knows this node. Each costs other nodes some ten datagrams.
"""
DOUBT_GAPS: Final = 6.0
"""An endpoint that strangers reach every few seconds is probed after so many times their mean gap
without one: by chance that is one gap in 400.
"""
LEAST_DOUBT_S: Final = 20.0
"""It is not probed before so many seconds without a stranger."""
GAP_MEMORY: Final = 8
"""The mean gap is a moving mean over about so many, and is not relied on before."""
FIRST_ROUND_WITNESSES: Final = 0.5
BOTH_ROUNDS_WITNESSES: Final = 0.75
"""The witnesses that did not get in are of so many netgroups at least, as a share of ``misses``:
helpers draw from the few hosts that the node left alone (`core/limits/reserve.py`), and where all
of them lie, or are cut off, their many misses are one fault.
"""

ROUNDING_S: Final = 1e-6
"""By so much a time may differ from the sum that made it a deadline."""


class EndpointState(enum.Enum):
    UNKNOWN = "unknown"
    TESTING = "testing"
    PROVEN = "proven"
    FAILED = "failed"


class ProbeOutcome(enum.Enum):
    PROOF = "proof"
    MISS = "miss"
    NOTHING = "nothing"


class EndpointTest:
    """The caller asks for `due` at the `deadline`, tells of each probe that it sends (`asked`) and
    how each ended (`ended`).
    """

    __slots__ = (
        "_config",
        "_empty_rounds",
        "_fast_until",
        "_gap_s",
        "_gaps",
        "_is_retry",
        "_lacks_helpers",
        "_missed",
        "_new_helpers",
        "_outstanding",
        "_proofs",
        "_refresh_missed",
        "_refresh_pause_s",
        "_refresh_sent",
        "_retry_s",
        "_round",
        "_round_at",
        "_rounds",
        "_sent",
        "_witnesses",
        "asked_before",
        "asked_now",
        "deadline",
        "epoch",
        "is_likely",
        "proven_at",
        "settled",
        "state",
    )

    def __init__(self, config: ReachConfig, now: float, *, rounds: int = 2) -> None:
        """Of an endpoint whose IP and port were decided just now: it is tested at once. ``rounds``:
        how many of them, without a proof, make it count as closed.
        """
        self._config = config
        self._rounds = rounds
        self.state = EndpointState.UNKNOWN
        self.settled = EndpointState.UNKNOWN
        """The state that conduct and verdict follow: while a test runs, the one before it."""
        self.is_likely = False
        """Whether the last test of an unknown endpoint had one proof, and not two."""
        self.proven_at = NEVER
        """When a stranger got in last."""
        self.deadline = now
        """When to ask for `due`."""
        self.asked_now: set[bytes] = set()
        """The netgroups of the helpers that this round has asked; each is asked once."""
        self.asked_before: set[bytes] = set()
        """Those of the round before: helpers in other netgroups are asked first."""
        self.epoch = 0
        """Of the probes that are sent now: what an earlier one missed does not count any more."""
        self._proofs: list[tuple[bytes, bytes]] = []
        self._missed: set[bytes] = set()
        self._witnesses: set[bytes] = set()
        """The netgroups of the witnesses that did not get in, in all rounds of this test."""
        self._round = 0
        self._round_at = now
        self._sent = 0
        self._outstanding = 0
        self._refresh_sent = 0
        self._refresh_pause_s = REFRESH_RETRY_S
        self._refresh_missed = 0
        self._retry_s = config.retry_s
        self._gaps = 0
        self._gap_s = 0.0
        """The mean time between strangers that got in by themselves, over so many."""
        self._fast_until = now + config.failed_fast_for_s
        self._is_retry = False
        self._lacks_helpers = False
        self._empty_rounds = 0
        self._new_helpers = 0

    # --- what happens -----------------------------------------------------------------------------

    def asked(self, helper: bytes) -> None:
        """A probe was sent to a helper of this netgroup."""
        self.asked_now.add(helper)
        self._outstanding += 1
        self._sent += 1
        self._refresh_sent += 1

    def ended(
        self, outcome: ProbeOutcome, epoch: int, helper: bytes, witness: bytes, now: float
    ) -> None:
        """A probe ended that was sent in this epoch. ``helper``, ``witness``: their netgroups; that
        of the witness does not matter where the outcome is nothing.
        """
        is_current = epoch == self.epoch
        self._outstanding -= is_current
        if outcome is ProbeOutcome.PROOF:
            self._proved(helper, witness, now)
        elif outcome is ProbeOutcome.MISS and is_current:
            self._was_missed(helper, witness, now)
        elif is_current and self.state is EndpointState.PROVEN:
            self._came_to_nothing(now)
        if self.state is EndpointState.TESTING and self._is_used_up:
            self.deadline = min(self.deadline, now)

    def evidence(self, now: float) -> None:
        """A stranger got in, without any probe."""
        if self.state is EndpointState.PROVEN:
            self._gaps = min(self._gaps + 1, GAP_MEMORY)
            self._gap_s += (now - self.proven_at - self._gap_s) / self._gaps
            self._renew(now)

    def stranger_asked(self, now: float) -> None:
        """A stranger sent a query to the endpoint: of a closed one that is a reason to test it."""
        if self.state is EndpointState.FAILED:
            self._begin(now)
        else:
            self.evidence(now)

    def prove(self, now: float) -> None:
        """Strangers got in, and there is no helper that could have found that out."""
        if self.state is not EndpointState.PROVEN:
            self._settle(EndpointState.PROVEN, now)
            self._renew(now)

    def changed(self, now: float) -> None:
        """The network changed, or a mapping did, and the endpoint is the same."""
        self._fast_until = now + self._config.failed_fast_for_s
        self._retry_s = self._config.retry_s
        self._empty_rounds = 0
        if self.state is not EndpointState.TESTING:
            self.deadline = now
            self._is_retry = False
            self._begin_refresh()

    def helper_found(self, now: float) -> None:
        """There is one helper more."""
        self._new_helpers += 1
        is_pause = self._is_retry and self._empty_rounds >= self._config.empty_rounds
        if self._lacks_helpers or (is_pause and self._new_helpers >= self._config.new_helpers):
            self.deadline = now

    @property
    def needs_one_helper(self) -> bool:
        """Whether `due` asks for a few probes only, whatever helpers there are."""
        return self.state is EndpointState.PROVEN and not self._is_retry

    @property
    def proofs(self) -> int:
        """Strangers that helpers sent and that got in, in the test that runs or the last one."""
        return len(self._proofs)

    @property
    def misses(self) -> int:
        """Netgroups of helpers whose strangers did not get in, in the round that runs or the last
        one.
        """
        return len(self._missed)

    # --- time -------------------------------------------------------------------------------------

    def due(self, helpers: int, now: float) -> int:
        """How many probes to send now; to be called at the deadline. ``helpers``: the netgroups
        that have helpers, asked in this round or not.
        """
        if now < self.deadline:
            return 0
        if self.state is EndpointState.TESTING:
            return self._due_in_test(now)
        self._lacks_helpers = helpers < LEAST_HELPERS
        if self.state is EndpointState.PROVEN and not self._is_retry:
            return self._due_when_proven(helpers, now)
        if self._lacks_helpers:
            self.deadline = now + self._next_retry_s()
            return 0
        if self._is_retry:
            self._begin(now)
            return self._due_in_test(now)
        if self.state is EndpointState.FAILED:
            is_fast = now < self._fast_until
            pause_s = self._config.failed_fast_s if is_fast else self._config.failed_slow_s
            self.deadline = now + pause_s
            self.asked_now.clear()
            self._next_epoch()
            return FAILED_PROBES
        self._begin(now)
        return self._due_in_test(now)

    def _due_in_test(self, now: float) -> int:
        since_s = now - self._round_at + ROUNDING_S
        if since_s < 0:
            self.deadline = self._round_at
            return 0
        if self._is_used_up or since_s >= self._config.round_s:
            self._end_undecided(now)
            return 0
        allowed = self._config.probes_at_once
        if since_s >= SECOND_BATCH_S:
            allowed += allowed + int(since_s - SECOND_BATCH_S)
        self.deadline = min(
            self._round_at + (SECOND_BATCH_S if since_s < SECOND_BATCH_S else int(since_s) + 1.0),
            self._round_at + self._config.round_s,
        )
        return max(0, min(allowed, self._config.round_probes) - self._sent)

    def _due_when_proven(self, helpers: int, now: float) -> int:
        self.deadline = now + self._refresh_pause_s
        if not helpers:
            return 0
        if self._refresh_sent >= MAX_REFRESH_PROBES and not self._outstanding:
            self._begin_refresh()
        if not self._refresh_missed and not self._refresh_sent:
            self.asked_now.clear()
        wanted = REFRESH_MISSES - self._refresh_missed if self._refresh_missed else 1
        left = MAX_REFRESH_PROBES - self._refresh_sent
        return min(max(0, wanted - self._outstanding), left)

    # --- inside -----------------------------------------------------------------------------------

    @property
    def _is_used_up(self) -> bool:
        """Whether the round has sent all its probes, or enough of them to see that there are no
        strangers to be had, and all have ended.
        """
        if self._outstanding:
            return False
        enough = self._config.round_probes
        if not self._proofs and not self._missed:
            is_futile = self._empty_rounds >= self._config.empty_rounds
            enough = min(enough, EMPTY_PROBES // 2 if is_futile else EMPTY_PROBES)
        return self._sent >= enough

    def _proved(self, helper: bytes, witness: bytes, now: float) -> None:
        if self.state is EndpointState.PROVEN:
            self._renew(now)
            return
        if self.state is EndpointState.FAILED:
            self._begin(now)
        self.proven_at = now
        self._proofs.append((helper, witness))
        if self._distinct_proofs() >= self._config.proofs:
            self._settle(EndpointState.PROVEN, now)
            self._renew(now)
        elif self.state is EndpointState.UNKNOWN:
            self.is_likely = True

    def _distinct_proofs(self) -> int:
        """How many proofs there are of which no two have a netgroup of helpers or of witnesses in
        common; exact up to two, which is what is needed by default.
        """
        most = 0
        for first in range(len(self._proofs)):
            helpers: set[bytes] = set()
            witnesses: set[bytes] = set()
            for helper, witness in (*self._proofs[first:], *self._proofs[:first]):
                if helper not in helpers and witness not in witnesses:
                    helpers.add(helper)
                    witnesses.add(witness)
            most = max(most, len(helpers))
        return most

    def _was_missed(self, helper: bytes, witness: bytes, now: float) -> None:
        if self.state is EndpointState.PROVEN:
            self._refresh_missed += 1
            self._refresh_pause_s = REFRESH_RETRY_S
            self.deadline = now
            if self._refresh_missed >= REFRESH_MISSES:
                self._begin(now)
        elif self.state is EndpointState.TESTING and now >= self._round_at:
            self._missed.add(helper)
            self._witnesses.add(witness)
            if self._is_missed_round and not self._proofs:
                self._round += 1
                if self._round >= self._rounds:
                    self._settle(EndpointState.FAILED, now)
                    self._fast_until = now + self._config.failed_fast_for_s
                    self.deadline = now + self._config.failed_fast_s
                else:
                    self._begin_round(now + self._config.round_pause_s)

    @property
    def _is_missed_round(self) -> bool:
        misses = self._config.misses
        is_last = self._round + 1 >= self._rounds
        share = BOTH_ROUNDS_WITNESSES if is_last and self._round else FIRST_ROUND_WITNESSES
        return len(self._missed) >= misses and len(self._witnesses) >= share * misses

    def _came_to_nothing(self, now: float) -> None:
        """A probe of a proven endpoint; where one was missed already, another is sent at once."""
        if self._refresh_missed and self._refresh_sent < MAX_REFRESH_PROBES:
            self.deadline = now
        elif not self._outstanding:
            self.deadline = now + self._refresh_pause_s
            self._refresh_pause_s = min(2 * self._refresh_pause_s, self._config.max_retry_s)

    def _begin(self, now: float) -> None:
        if self.state is not EndpointState.TESTING:
            self.settled = self.state
        self.state = EndpointState.TESTING
        self._lacks_helpers = self._is_retry = False
        self._round = 0
        self._witnesses.clear()
        self._proofs.clear()
        self.asked_before.clear()
        self.asked_now.clear()
        self._begin_round(now)

    def _begin_round(self, at: float) -> None:
        self._round_at = self.deadline = at
        self._sent = 0
        self._missed.clear()
        self._next_epoch()
        self.asked_before, self.asked_now = self.asked_now, self.asked_before
        self.asked_now.clear()

    def _end_undecided(self, now: float) -> None:
        has_proof = bool(self._proofs)
        if has_proof and self.settled is EndpointState.PROVEN:
            self.state = self.settled  # it was in doubt, and a stranger got in
            self._renew(self.proven_at)
            return
        if has_proof:
            self.settled = EndpointState.UNKNOWN
        self.state = self.settled
        self.is_likely = has_proof and self.state is EndpointState.UNKNOWN
        self.asked_now.clear()
        self._begin_refresh()
        self._is_retry = True
        self._empty_rounds = 0 if has_proof or self._missed else self._empty_rounds + 1
        self._new_helpers = 0
        is_futile = self._empty_rounds >= self._config.empty_rounds
        self.deadline = now + (self._config.empty_retry_s if is_futile else self._next_retry_s())

    def _settle(self, state: EndpointState, now: float) -> None:
        self.state = self.settled = state
        self.is_likely = self._is_retry = self._lacks_helpers = False
        self._retry_s = self._config.retry_s
        self._gaps = 0
        self.asked_now.clear()
        self._begin_refresh()

    def _renew(self, now: float) -> None:
        self.proven_at = now
        self._is_retry = False
        self._refresh_pause_s = REFRESH_RETRY_S
        self._begin_refresh()
        self.deadline = now + self._config.refresh_s
        if self._gaps == GAP_MEMORY:
            doubt_s = max(LEAST_DOUBT_S, DOUBT_GAPS * self._gap_s)
            self.deadline = min(self.deadline, now + doubt_s)

    def _begin_refresh(self) -> None:
        self._refresh_sent = self._refresh_missed = 0
        self._next_epoch()

    def _next_epoch(self) -> None:
        self.epoch += 1
        self._outstanding = 0

    def _next_retry_s(self) -> float:
        retry_s = self._retry_s
        self._retry_s = min(2 * retry_s, self._config.max_retry_s)
        return retry_s
