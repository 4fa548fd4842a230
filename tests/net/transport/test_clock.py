"""The clock that goes on while the machine is suspended."""

from __future__ import annotations

import time

import pytest
import trio
from trio.testing import MockClock

from kadisc.net.transport.clock import SystemClock, TrioClock


@pytest.mark.skipif(
    not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no clock that goes on in a suspend"
)
def test_a_suspend_shows_as_the_difference_of_two_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before, slept = clock.now(), clock.slept_s()
    real = time.clock_gettime
    monkeypatch.setattr(
        time,
        "clock_gettime",
        lambda clock_id: real(clock_id) + (3600 if clock_id == time.CLOCK_BOOTTIME else 0),
    )
    assert clock.slept_s() - slept == pytest.approx(3600, abs=0.5)
    assert clock.now() - before >= 3600


def test_without_such_a_clock_time_still_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    clock = SystemClock()
    assert clock.now() == pytest.approx(time.monotonic(), abs=1)
    assert clock.slept_s() == pytest.approx(0, abs=0.5)


async def test_deadlines_are_translated_to_trios_clock() -> None:
    clock = SystemClock()
    assert clock.trio_deadline(clock.now() + 50) == pytest.approx(trio.current_time() + 50, abs=0.5)


async def test_in_virtual_time_a_deadline_is_exact(autojump_clock: MockClock) -> None:
    clock = TrioClock()
    await trio.sleep(0.1)
    deadline = clock.now() + 1 / 3
    assert clock.trio_deadline(deadline) == deadline
    await trio.sleep_until(deadline)
    assert clock.now() >= deadline
