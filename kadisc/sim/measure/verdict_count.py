"""The test of one endpoint alone, without a network: how often does it end at a wrong no? So many
decisions as a simulated network could not make.

Every probe takes six datagrams, none of which is sent again, and asks a helper in another netgroup;
a helper that lies reports a miss, a witness that lies does not ping. The endpoint is one that
strangers reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

from ...config import ReachConfig
from ...core.reach.endpoint_test import EndpointState, EndpointTest, ProbeOutcome

HELPERS = 100
"""Netgroups with helpers; the witnesses are in others."""
RTT_S = 0.15
PROBE_S = 12.0
"""When a probe without an answer ends."""
GIVEN_UP_AFTER_S = 120.0


@dataclass(slots=True)
class VerdictCount:
    trials: int = 0
    yes: int = 0
    no: int = 0
    undecided: int = 0


def count_verdicts(
    config: ReachConfig, *, liars: float, loss: float, rounds: int, trials: int, rng: Random
) -> VerdictCount:
    """First verdicts on an endpoint that strangers reach. ``liars``, ``loss``: shares of the
    helpers and witnesses, and of the datagrams.
    """
    found = VerdictCount(trials)
    for _ in range(trials):
        state = _first_verdict(config, liars, loss, rounds, rng)
        found.yes += state is EndpointState.PROVEN
        found.no += state is EndpointState.FAILED
    found.undecided = trials - found.yes - found.no
    return found


def _first_verdict(
    config: ReachConfig, liars: float, loss: float, rounds: int, rng: Random
) -> EndpointState:
    test, now = EndpointTest(config, 0.0, rounds=rounds), 0.0
    helpers = [(number.to_bytes(2, "big"), rng.random() < liars) for number in range(HELPERS)]
    rng.shuffle(helpers)
    ends: list[tuple[float, int, ProbeOutcome, int, bytes]] = []
    number = 0
    while test.state in (EndpointState.UNKNOWN, EndpointState.TESTING):
        now = min(test.deadline, ends[0][0] if ends else GIVEN_UP_AFTER_S + 1.0)
        if now > GIVEN_UP_AFTER_S:
            break
        if ends and ends[0][0] <= now:
            _, _, outcome, epoch, helper = heappop(ends)
            witness = b"w" + number.to_bytes(4, "big")
            test.ended(outcome, epoch, helper, witness, now)
            continue
        for _ in range(test.due(HELPERS, now)):
            free = [each for each in helpers if each[0] not in test.asked_now]
            fresh = [each for each in free if each[0] not in test.asked_before]
            helper, lies = (fresh or free)[0]
            test.asked(helper)
            number += 1
            outcome, after_s = _probe(lies, liars, loss, rng)
            heappush(ends, (now + after_s, number, outcome, test.epoch, helper))
    return test.state


def _probe(lies: bool, liars: float, loss: float, rng: Random) -> tuple[ProbeOutcome, float]:
    """How one probe ends, and after how long."""

    def arrive(datagrams: int) -> bool:
        return all(rng.random() >= loss for _ in range(datagrams))

    if lies:
        return (ProbeOutcome.MISS, RTT_S) if arrive(2) else (ProbeOutcome.NOTHING, PROBE_S)
    if not arrive(2) or not arrive(2):  # the question and its answer, the knock and its answer
        return ProbeOutcome.NOTHING, PROBE_S
    if rng.random() < liars:
        return ProbeOutcome.MISS, 2 * RTT_S
    if not arrive(1):  # the ping
        return ProbeOutcome.MISS, 2.0 + 2 * RTT_S
    if not arrive(1):  # its answer: the ping came, and the witness says that it was not answered
        return ProbeOutcome.NOTHING, 2.0 + 2 * RTT_S
    return ProbeOutcome.PROOF, 3 * RTT_S
