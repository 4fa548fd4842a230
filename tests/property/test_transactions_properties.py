"""Transactions come due at their deadlines, in spite of the rounding of floats."""

from __future__ import annotations

import random

from hypothesis import example, given
from hypothesis import strategies as st

from kadisc.config import QueryConfig
from kadisc.core.contract.queries import PendingQuery, SendQuery
from kadisc.core.rpc.stall_timer import StallTimer
from kadisc.core.rpc.transactions import Overdue, Transactions
from kadisc.wire.messages import Ping
from tests.support.dialogue import Listener
from tests.support.world import address

starts = st.floats(0, 1e9, allow_subnormal=False)
stalls = st.floats(1e-9, 30, allow_subnormal=False)
timeouts = st.floats(1e-6, 30, allow_subnormal=False)

SENT, STALL = 77.7, 0.6
assert not (SENT + STALL) - SENT >= STALL, (
    "at its own deadline, the difference of floats says that it is not due"
)


@given(st.lists(st.tuples(starts, stalls, timeouts), min_size=1, max_size=6))
@example([(SENT, STALL, 10.0)])
@example([(1e9, 1e-9, 1e-6)])
def test_each_deadline_is_later_than_the_one_before(
    sent: list[tuple[float, float, float]],
) -> None:
    outstanding = Transactions(QueryConfig(), random.Random(1))
    seen: dict[PendingQuery, list[Overdue]] = {}
    for number, (now, stall_s, timeout_s) in enumerate(sent):
        pending = PendingQuery(
            SendQuery(address(number), None, Ping(b"", 1), Listener()),
            b"",
            now,
            now + stall_s,
            now + timeout_s,
            proves_reachability=True,
        )
        outstanding.open(pending, outstanding.new_id("ping"))
        seen[pending] = []
    while (deadline := outstanding.next_deadline()) < float("inf"):
        for pending, what in outstanding.due(deadline):
            seen[pending].append(what)
        assert outstanding.next_deadline() > deadline
    assert len(outstanding) == 0
    for each in seen.values():
        assert each[-1] is Overdue.EXPIRED
        assert each == [what for what in Overdue if what in each], (
            "each at most once, and in their order"
        )


@given(st.lists(st.floats(0, 60), max_size=200), st.none() | st.floats(0, 60))
def test_the_stall_timer_stays_within_its_bounds(samples: list[float], known: float | None) -> None:
    config = QueryConfig()
    timer = StallTimer(config)
    for rtt_s in samples:
        timer.sample(rtt_s)
        assert config.min_stall_s <= timer.stall_s(known) <= timer.stall_s() <= config.max_stall_s
