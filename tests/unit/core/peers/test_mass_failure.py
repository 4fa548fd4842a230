"""Detector of mass failures: a failure tells much where all answer, little where nodes churn."""

from __future__ import annotations

from collections.abc import Iterable

from kadisc.core.contract.times import NEVER
from kadisc.core.peers.mass_failure import (
    LAST,
    MANY,
    MEMORY,
    MOST_USUAL,
    MassFailureDetector,
)

STABLE = [True] * 200
CHURNING = [True, True, True, True, True, False] * 40
"""One in six rechecks fails."""
CRASH = [False] * LAST


def after(answers: Iterable[bool]) -> MassFailureDetector:
    mass_failure = MassFailureDetector()
    for second, answered in enumerate(answers):
        mass_failure.asked(float(second), answered=answered)
    return mass_failure


def test_where_all_answer_the_first_failure_is_unusual_and_the_fourth_a_mass_failure() -> None:
    assert (after(STABLE).unusual, after(STABLE).any_is_unusual) == (0, True)
    assert after([*STABLE, False]).unusual == 1
    assert not after([*STABLE, *[False] * (MANY - 1)]).ongoing
    crashed = after([*STABLE, *[False] * MANY])
    assert crashed.ongoing
    assert crashed.stale_before == len(STABLE) + MANY - 2


def test_where_nodes_come_and_go_one_or_two_failures_do_not_raise_the_pace() -> None:
    for length in range(120, len(CHURNING)):
        mass_failure = after(CHURNING[:length])
        assert mass_failure.unusual == 0
        assert not mass_failure.ongoing
    two_more = after([*CHURNING, False, False])
    assert not two_more.any_is_unusual or two_more.unusual <= 1


def test_a_crash_is_detected_there_too_and_does_not_become_usual() -> None:
    crashed = after([*CHURNING, *CRASH])
    assert crashed.ongoing
    assert crashed.stale_before > NEVER
    for _ in range(3 * MEMORY):
        crashed.asked(1000.0, answered=False)
    assert crashed.ongoing
    assert crashed.unusual == LAST - MOST_USUAL
