"""A query is overdue after the time in which nine tenths of the recent queries were answered."""

from __future__ import annotations

import random

import pytest

from kadisc.config import QueryConfig
from kadisc.core.rpc.stall_timer import ENOUGH, WINDOW, StallTimer

CONFIG = QueryConfig()


def timer_after(*samples: float) -> StallTimer:
    timer = StallTimer(CONFIG)
    for rtt_s in samples:
        timer.sample(rtt_s)
    return timer


def test_few_samples_give_a_rough_estimate_and_enough_samples_a_sharp_one() -> None:
    assert timer_after().stall_s() == CONFIG.first_stall_s
    rough = timer_after(*[0.2] * (ENOUGH - 1)).stall_s()
    sharp = timer_after(*[0.2] * ENOUGH).stall_s()
    assert 0.2 < sharp < rough <= CONFIG.first_stall_s
    assert sharp == pytest.approx(0.27)
    assert timer_after(0.2, 0.4).stall_s() >= timer_after(0.2, 0.2).stall_s(), "the slowest counts"


def test_the_slowest_tenth_does_not_count() -> None:
    samples = [0.2] * 60 + [5.0] * 4
    random.Random(1).shuffle(samples)
    assert timer_after(*samples).stall_s() == pytest.approx(0.27)


def test_only_the_latest_samples_count() -> None:
    assert timer_after(*[1.0] * WINDOW, *[0.2] * WINDOW).stall_s() == pytest.approx(0.27)


def test_the_timer_is_bounded() -> None:
    assert timer_after(*[0.0001] * ENOUGH).stall_s() == CONFIG.min_stall_s
    assert timer_after(*[9.0] * ENOUGH).stall_s() == CONFIG.max_stall_s


def test_the_known_round_trip_time_of_a_contact_counts_if_it_is_shorter() -> None:
    timer = timer_after(*[0.5] * ENOUGH)
    assert timer.stall_s(0.1) == pytest.approx(0.32)
    assert timer.stall_s(0.001) == CONFIG.min_stall_s
    assert timer.stall_s(5.0) == timer.stall_s()


def test_a_reset_drops_all_samples() -> None:
    timer = timer_after(*[0.2] * ENOUGH)
    timer.reset()
    assert timer.stall_s() == CONFIG.first_stall_s
    timer.sample(1.0)
    assert timer.stall_s() == timer_after(1.0).stall_s()
