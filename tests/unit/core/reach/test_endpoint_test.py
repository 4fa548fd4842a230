"""The test of one endpoint: each row of its table, in virtual time."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from kadisc.core.reach.endpoint_test import EndpointState, ProbeOutcome
from tests.support.endpoint_bench import Answer, EndpointBench

PROOF, MISS, NOTHING = ProbeOutcome.PROOF, ProbeOutcome.MISS, ProbeOutcome.NOTHING
UNKNOWN, TESTING = EndpointState.UNKNOWN, EndpointState.TESTING
PROVEN, FAILED = EndpointState.PROVEN, EndpointState.FAILED


def open_port(helper: int, now: float) -> Answer:
    return PROOF, 0.2


def closed_port(helper: int, now: float) -> Answer:
    return MISS, 2.3


def busy(helper: int, now: float) -> Answer:
    return NOTHING, 0.1


def sent_between(bench: EndpointBench, start: float, end: float) -> int:
    return sum(start <= at < end for at, _ in bench.sent)


def test_it_is_tested_at_once_and_two_proofs_make_it_proven() -> None:
    bench = EndpointBench(open_port)
    assert bench.run(1.0) is PROVEN
    assert bench.states == [(0.0, TESTING), (pytest.approx(0.2), PROVEN)]
    assert len(bench.sent) == 4


@pytest.mark.parametrize("helpers", [0, 1])
def test_with_fewer_than_two_helpers_it_looks_again_after_doubling_pauses(helpers: int) -> None:
    bench = EndpointBench(open_port, helpers=helpers)
    looks = []
    for _ in range(6):
        bench.run(bench.test.deadline)
        looks.append(bench.now)
        assert bench.test.state is UNKNOWN
    assert looks == [0.0, 60.0, 180.0, 420.0, 900.0, 1500.0]
    assert bench.sent == []


def test_the_first_helpers_that_are_found_end_the_wait() -> None:
    bench = EndpointBench(open_port, helpers=1)
    bench.run(5.0)
    bench.helpers = 2
    bench.test.helper_found(5.0)
    assert bench.run(6.0) is PROVEN


def test_a_round_sends_four_probes_then_four_then_one_a_second() -> None:
    bench = EndpointBench(
        lambda helper, now: (MISS, 0.2) if helper == 0 else (NOTHING, 0.1), helpers=30
    )
    bench.run(29.0)
    times = [at for at, _ in bench.sent]
    assert times[:8] == [0.0] * 4 + [2.0] * 4
    assert times[8:] == pytest.approx([3.0 + second for second in range(8)])
    assert len({helper for _, helper in bench.sent}) == 16


def test_where_every_witness_knows_the_node_rounds_are_short_and_ever_rarer() -> None:
    """As in a small network, where a round of 16 costs others some hundred datagrams."""
    bench = EndpointBench(busy, helpers=30)
    starts: list[float] = []
    for _ in range(80):
        bench.run(bench.test.deadline)
        if bench.test.state is TESTING and (not starts or bench.now > starts[-1] + 30.0):
            starts.append(bench.now)
    assert bench.test.state is not FAILED
    pauses = [later - sooner for sooner, later in pairwise(starts)]
    expected = (60.0, 120.0, 240.0, 3600.0, 3600.0)
    assert pauses[:5] == [pytest.approx(each, abs=3.0) for each in expected]
    assert len(bench.sent) == 8 * 4 + 4 * (len(starts) - 4)


def test_eight_new_helpers_end_the_long_pause() -> None:
    bench = EndpointBench(busy, helpers=30)
    while bench.test.deadline < bench.now + 1000.0:
        bench.run(bench.test.deadline)
    began = bench.now
    for number in range(8):
        assert bench.test.deadline > began + 1000.0, number
        bench.test.helper_found(began + 10.0)
    assert bench.test.deadline == began + 10.0


def test_a_round_with_few_helpers_ends_after_30_s() -> None:
    bench = EndpointBench(busy, helpers=5)
    bench.run(100.0, while_state=UNKNOWN)
    assert bench.run(29.9) is TESTING
    assert bench.run(30.1) is UNKNOWN
    assert len(bench.sent) == 5


def test_helpers_that_are_found_during_a_round_are_asked_in_it() -> None:
    bench = EndpointBench(busy, helpers=2)
    bench.run(1.0)
    bench.helpers = 12
    bench.run(2.5)
    assert len(bench.sent) == 8


def test_two_proofs_by_one_netgroup_of_witnesses_are_one() -> None:
    bench = EndpointBench(
        lambda helper, now: (PROOF, 0.2) if helper < 2 else (NOTHING, 0.1),
        witness_of=lambda helper: 1000,
    )
    bench.run(31.0)
    assert (bench.test.state, bench.test.is_likely) == (UNKNOWN, True)


def test_two_proofs_by_one_netgroup_of_helpers_are_one() -> None:
    bench = EndpointBench(busy)
    bench.run(0.0)
    for witness in (b"w1", b"w2"):
        bench.test.ended(PROOF, bench.test.epoch, b"h", witness, 0.3)
    assert bench.test.state is TESTING
    bench.test.ended(PROOF, bench.test.epoch, b"i", b"w2", 0.3)
    assert bench.test.state is PROVEN


@pytest.mark.parametrize(("witnesses", "expected"), [(3, UNKNOWN), (5, UNKNOWN), (6, FAILED)])
def test_the_misses_of_few_witnesses_are_one_fault(witnesses: int, expected: EndpointState) -> None:
    bench = EndpointBench(closed_port, witness_of=lambda helper: 1000 + helper % witnesses)
    bench.run(100.0, while_state=UNKNOWN)
    assert bench.run(85.0, while_state=TESTING) is expected


def test_two_rounds_of_misses_make_it_failed() -> None:
    bench = EndpointBench(closed_port)
    assert bench.run(60.0) is FAILED
    (_, first), (at, last) = bench.states
    assert (first, last) == (TESTING, FAILED)
    assert at == pytest.approx(4.3 + 20.0 + 4.3)
    assert sent_between(bench, 4.4, 24.2) == 0
    asked_first = {helper for when, helper in bench.sent if when < 10}
    asked_second = {helper for when, helper in bench.sent if 10 < when < at}
    assert len(asked_first) == len(asked_second) == 10
    assert not asked_first & asked_second, "the second round asks others while there are some"


def test_eight_helpers_are_enough_for_a_no() -> None:
    assert EndpointBench(closed_port, helpers=8).run(60.0) is FAILED
    assert EndpointBench(closed_port, helpers=7).run(600.0) is not FAILED


def test_one_success_in_either_round_prevents_a_no() -> None:
    for when in (0.0, 25.0):

        def answers(helper: int, now: float, when: float = when) -> Answer:
            return (PROOF, 0.2) if helper % 8 == 3 and now >= when else (MISS, 2.3)

        bench = EndpointBench(answers)
        bench.run(90.0)
        assert FAILED not in [state for _, state in bench.states]


def test_after_one_proof_it_is_likely_and_tested_again_after_60_s_then_120() -> None:
    bench = EndpointBench(lambda helper, now: (PROOF, 0.2) if helper == 0 else (NOTHING, 0.1))
    bench.run(20.0)
    assert (bench.test.state, bench.test.is_likely) == (UNKNOWN, True)
    starts = [at for at, state in bench.states if state is TESTING]
    bench.run(400.0)
    starts = [at for at, state in bench.states if state is TESTING]
    ends = [at for at, state in bench.states if state is UNKNOWN]
    assert starts[1] - ends[0] == pytest.approx(60.0)
    assert starts[2] - ends[1] == pytest.approx(120.0)


def test_two_proofs_of_which_one_is_late_count() -> None:
    bench = EndpointBench(
        lambda helper, now: (PROOF, 0.2 if helper == 0 else 33.0) if helper < 2 else (NOTHING, 0.1),
        helpers=6,
    )
    assert bench.run(32.0) is UNKNOWN
    assert bench.run(34.0) is PROVEN


def test_a_proven_endpoint_is_probed_once_after_60_s_without_evidence() -> None:
    bench = EndpointBench(open_port)
    bench.run(1.0)
    bench.sent.clear()
    bench.test.evidence(30.0)
    bench.run(89.9)
    assert bench.sent == []
    bench.run(240.0)
    assert [at for at, _ in bench.sent] == pytest.approx([90.0, 150.2, 210.4])
    assert bench.test.state is PROVEN


@pytest.mark.parametrize(
    ("gap_s", "doubt_s"), [(1.0, 20.0), (5.0, 30.0), (9.0, 54.0), (15.0, 60.0)]
)
def test_the_more_often_strangers_come_the_sooner_their_absence_is_looked_into(
    gap_s: float, doubt_s: float
) -> None:
    bench = EndpointBench(open_port)
    bench.run(1.0)
    for number in range(1, 12):
        bench.run(number * gap_s)
        bench.test.evidence(bench.now)
    since = bench.now
    bench.sent.clear()
    bench.run(since + 70.0)
    assert bench.sent[0][0] - since == pytest.approx(doubt_s, abs=1.0)
    assert bench.test.state is PROVEN


def test_a_missed_refresh_sends_three_more_and_four_misses_open_a_test() -> None:
    bench = EndpointBench(lambda helper, now: (PROOF, 0.2) if now < 10 else (MISS, 2.3))
    bench.run(1.0)
    bench.sent.clear()
    bench.run(1000.0, while_state=PROVEN)
    assert bench.test.state is TESTING
    assert bench.test.settled is PROVEN, "conduct stays what it was while the test runs"
    assert [at for at, _ in bench.sent] == pytest.approx([60.2, 62.5, 62.5, 62.5])
    bench.run(1000.0, while_state=TESTING)
    assert bench.test.state is FAILED
    assert bench.now < 100.0


def test_after_a_miss_a_probe_that_comes_to_nothing_is_replaced_at_once() -> None:
    """Where many witnesses know the node, half of the probes tell nothing."""

    def answers(helper: int, now: float) -> Answer:
        if now < 50.0:
            return PROOF, 0.2
        return (MISS, 2.3) if helper % 2 else (NOTHING, 0.3)

    bench = EndpointBench(answers)
    assert bench.run(55.0) is PROVEN
    bench.run(1000.0, while_state=PROVEN)
    first_miss = min(at for at, helper in bench.sent if at > 55.0 and helper % 2) + 2.3
    assert bench.now - first_miss <= 8.0


def test_a_stranger_in_a_refresh_begins_its_60_s_anew() -> None:
    bench = EndpointBench(
        lambda helper, now: (PROOF, 0.2) if now < 10 or now > 62 else (MISS, 2.3),
    )
    bench.run(200.0)
    assert bench.test.state is PROVEN
    assert [state for _, state in bench.states] == [TESTING, PROVEN]


def test_missing_evidence_changes_nothing() -> None:
    bench = EndpointBench(lambda helper, now: (PROOF, 0.2) if now < 10 else (NOTHING, 0.1))
    bench.run(1.0)
    bench.sent.clear()
    assert bench.run(3600.0) is PROVEN
    assert len(bench.sent) < 3600 / 6
    without = EndpointBench(open_port)
    without.run(1.0)
    without.helpers = 0
    assert without.run(3600.0) is PROVEN


def test_a_closed_endpoint_is_probed_every_30_s_for_10_minutes_and_then_every_300() -> None:
    bench = EndpointBench(closed_port)
    bench.run(60.0, while_state=UNKNOWN)
    bench.run(60.0, while_state=TESTING)
    since = bench.now
    bench.sent.clear()
    bench.run(since + 3600.0)
    assert bench.test.state is FAILED
    assert sent_between(bench, since, since + 601.0) == 2 * 20
    assert sent_between(bench, since + 601.0, since + 3600.0) in (18, 20)
    bench.test.changed(bench.now)
    assert bench.test.deadline == bench.now
    bench.sent.clear()
    bench.run(bench.now + 95.0)
    assert len(bench.sent) == 2 * 4


def test_a_proof_or_a_strangers_query_opens_a_test_of_a_closed_endpoint() -> None:
    bench = EndpointBench(lambda helper, now: (MISS, 2.3) if now < 100 else (PROOF, 0.2))
    bench.run(100.0)
    assert bench.test.state is FAILED
    assert bench.run(160.0) is PROVEN
    other = EndpointBench(closed_port)
    other.run(100.0)
    other.test.stranger_asked(100.0)
    assert other.test.state is TESTING
    assert other.test.settled is FAILED


def test_misses_of_an_earlier_round_do_not_count() -> None:
    bench = EndpointBench(lambda helper, now: (PROOF, 0.2) if helper < 2 else (MISS, 8.0))
    bench.run(300.0)
    assert bench.test.state is PROVEN
    assert [state for _, state in bench.states] == [TESTING, PROVEN]


def test_no_verdict_comes_without_what_it_needs() -> None:
    """Random outcomes, delays and helpers: each change of state has its evidence."""
    for seed in range(150):
        rng = random.Random(seed)
        weights = [rng.random() ** 3 + 0.01 for _ in range(3)]
        log: list[tuple[float, int, ProbeOutcome]] = []

        def answers(
            helper: int,
            now: float,
            rng: random.Random = rng,
            weights: list[float] = weights,
            log: list[tuple[float, int, ProbeOutcome]] = log,
        ) -> Answer:
            (outcome,) = rng.choices((PROOF, MISS, NOTHING), weights)
            after_s = rng.uniform(0.05, 11.0)
            log.append((now + after_s, helper, outcome))
            return outcome, after_s

        bench = EndpointBench(answers, helpers=rng.randint(0, 20))
        bench.run(1200.0)
        for at, state in bench.states:
            before = [each for each in log if each[0] <= at + 1e-9]
            if state is PROVEN:
                assert len({helper for _, helper, what in before if what is PROOF}) >= 2
            elif state is FAILED:
                recent = [each for each in before if each[0] > at - 100.0]
                assert sum(what is MISS for _, _, what in recent) >= 16
                assert len({helper for _, helper, what in recent if what is MISS}) >= 8


HONEST = (0.94, 0.01, 0.05)
"""Proof, miss, nothing: of an open endpoint, at a loss of 1 %."""
WITH_LIARS = (0.41, 0.33, 0.26)
"""The same with 25 % liars among helpers and witnesses: of the probes that count 45 % are missed.
"""


def false_no(weights: tuple[float, float, float], runs: int, *, rounds: int) -> int:
    rng = random.Random(1)
    outcomes = (PROOF, MISS, NOTHING)

    def answers(helper: int, now: float) -> Answer:
        return rng.choices(outcomes, weights)[0], 2.3

    failed = 0
    for _ in range(runs):
        bench = EndpointBench(answers, rounds=rounds)
        bench.run(1.0, while_state=UNKNOWN)
        failed += bench.run(90.0, while_state=TESTING) is FAILED
    return failed


def test_an_honest_network_says_no_falsely_in_none_of_2_000_tests() -> None:
    assert false_no(HONEST, 2_000, rounds=2) == 0


@pytest.mark.slow
def test_an_honest_network_says_no_falsely_in_none_of_30_000_tests() -> None:
    assert false_no(HONEST, 30_000, rounds=2) == 0


def test_liars_who_never_saw_an_answer_need_both_rounds() -> None:
    """The attack of the switch ``two_rounds``: with one round, they succeed now and then."""
    assert false_no(WITH_LIARS, 3_000, rounds=1) >= 1
    assert false_no(WITH_LIARS, 3_000, rounds=2) == 0
