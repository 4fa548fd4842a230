"""The test of one endpoint in virtual time, with helpers that a function speaks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf

from kadisc.config import ReachConfig
from kadisc.core.reach.endpoint_test import EndpointState, EndpointTest, ProbeOutcome

Answer = tuple[ProbeOutcome, float]
"""How a probe ends, and after how many seconds."""


@dataclass
class EndpointBench:
    """``answers``: how a probe ends that is sent to this helper (its netgroup, as a number) at this
    time. ``helpers``: how many netgroups have helpers. The witness of helper n is of netgroup
    1000 + n.
    """

    answers: Callable[[int, float], Answer]
    helpers: int = 20
    config: ReachConfig = field(default_factory=ReachConfig)
    rounds: int = 2
    now: float = 0.0
    sent: list[tuple[float, int]] = field(default_factory=list)
    """When which helper was asked."""
    states: list[tuple[float, EndpointState]] = field(default_factory=list)
    """The states that it came to, and when."""
    witness_of: Callable[[int], int] = lambda helper: 1000 + helper

    def __post_init__(self) -> None:
        self.test = EndpointTest(self.config, self.now, rounds=self.rounds)
        self._ends: list[tuple[float, int, ProbeOutcome, int, int]] = []
        self._order = count()

    def run(self, until: float, *, while_state: EndpointState | None = None) -> EndpointState:
        """Runs up to that time; with ``while_state`` only as long as it has that state."""
        test = self.test
        while while_state is None or test.state is while_state:
            at = min(test.deadline, self._ends[0][0] if self._ends else inf)
            if at > until:
                break
            self.now = max(self.now, at)
            if self._ends and self._ends[0][0] <= self.now:
                _, _, outcome, epoch, helper = heappop(self._ends)
                witness = self.witness_of(helper)
                test.ended(outcome, epoch, _name(helper), _name(witness), self.now)
            else:
                self._send(test.due(self.helpers, self.now))
            if not self.states or self.states[-1][1] is not test.state:
                self.states.append((self.now, test.state))
        else:
            return test.state
        self.now = until
        return test.state

    def _send(self, wanted: int) -> None:
        test = self.test
        free = [each for each in range(self.helpers) if _name(each) not in test.asked_now]
        free.sort(key=lambda each: _name(each) in test.asked_before)
        for helper in free[:wanted]:
            test.asked(_name(helper))
            self.sent.append((self.now, helper))
            outcome, after_s = self.answers(helper, self.now)
            heappush(
                self._ends, (self.now + after_s, next(self._order), outcome, test.epoch, helper)
            )


def _name(netgroup: int) -> bytes:
    return netgroup.to_bytes(2, "big")
