"""The size of the network by what contacts answer when they are asked for their own ID."""

from __future__ import annotations

import random

import pytest

from kadisc.core.table.size_reports import ENOUGH, KEPT, NAMED, SizeReports
from kadisc.endpoints import Family
from kadisc.ids import ID_SPACE, random_id
from kadisc.wire.compact import CONTACT_BYTES
from kadisc.wire.messages import FindNode, Reply

NODES = 1000


def honest(rng: random.Random) -> float:
    return rng.gammavariate(NAMED, 1 / NODES)


def estimate(rng: random.Random, liars: float, lie: float, reports: int = KEPT) -> float:
    size = SizeReports()
    for _ in range(reports):
        size.add(lie if rng.random() < liars else honest(rng))
    return size.estimate or 0.0


def mean(liars: float, lie: float) -> float:
    rng = random.Random(1)
    return sum(estimate(rng, liars, lie) for _ in range(300)) / 300 / NODES


def test_the_mean_of_honest_reports_is_right_within_two_per_cent() -> None:
    assert mean(0.0, 0.0) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("liars", "most"), [(0.2, 1.12), (0.3, 1.18), (0.5, 1.45)])
def test_liars_that_say_their_neighbours_are_beside_them_change_it_little(
    liars: float, most: float
) -> None:
    assert 1.0 < mean(liars, 0.0) < most


def test_liars_that_say_they_have_no_neighbours_halve_it_at_most() -> None:
    assert mean(0.15, 1.0) > 0.5


def test_few_reports_and_impossible_ones_give_no_estimate() -> None:
    rng = random.Random(1)
    assert not estimate(rng, 0.0, 0.0, ENOUGH - 1)
    assert not estimate(rng, 1.0, 0.0)


def test_old_reports_make_room() -> None:
    size, rng = SizeReports(), random.Random(1)
    for _ in range(KEPT):
        size.add(honest(rng))
    for _ in range(KEPT):
        size.add(honest(rng) / 10)
    assert size.estimate == pytest.approx(10 * NODES, rel=0.3)


def answer(distances: list[int], own_id: int) -> Reply:
    nodes = b"".join((own_id ^ each).to_bytes(20, "big") + bytes(6) for each in distances)
    assert len(nodes) == len(distances) * CONTACT_BYTES[Family.IPV4]
    return Reply(b"", own_id, nodes=nodes)


def test_an_answer_is_a_report_if_the_contact_was_asked_for_its_own_id() -> None:
    own_id = random_id(random.Random(1))
    eight = [ID_SPACE // 1000 * rank for rank in range(1, 9)]
    for target, distances, reports in (
        (own_id, eight, True),
        (own_id ^ 1, eight, False),
        (own_id, eight[:7], False),
        (own_id, [*eight[:7], eight[0]], False),  # one of them twice
        (own_id, [0, *eight[:7]], False),  # itself
        (own_id, [], False),
    ):
        size = SizeReports()
        for _ in range(ENOUGH):
            size.answered(FindNode(b"", 1, target), answer(distances, own_id), Family.IPV4)
        assert (size.estimate is not None) == reports
    size = SizeReports()
    for _ in range(ENOUGH):
        size.answered(FindNode(b"", 1, own_id), answer(eight, own_id), Family.IPV4)
    assert size.estimate == pytest.approx(9.684 * 1000 / 8, rel=0.01)


def test_every_second_check_of_a_contact_asks_for_a_report() -> None:
    size = SizeReports()
    assert size.target(5, 7, None) == 7, "a candidate"
