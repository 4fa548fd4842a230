"""The estimated size of the network, and how close to a target its nodes can be."""

from __future__ import annotations

import random
from math import exp, factorial

import pytest

from kadisc.core.lookup.network_size import CHANCE, ENOUGH, KEPT, NetworkSize, least_expected
from kadisc.core.table.size_reports import SizeReports
from kadisc.ids import ID_SPACE

NODES = 2000


def closest(rng: random.Random, count: int = 8, nodes: int = NODES) -> list[int]:
    """The distances of the closest of so many nodes at random IDs, by their gaps."""
    at, found = 0.0, []
    for _ in range(count):
        at += rng.expovariate(nodes)
        found.append(int(at * ID_SPACE))
    return found


def after(lookups: list[list[int]]) -> NetworkSize:
    size = NetworkSize(SizeReports())
    for distances in lookups:
        size.found(len(distances), distances[-1], 8)
    return size


def test_the_estimate_is_the_median_of_the_last_lookups() -> None:
    rng = random.Random(1)
    estimates = [after([closest(rng) for _ in range(KEPT)]).estimate or 0 for _ in range(200)]
    assert all(NODES / 2 < each < 2 * NODES for each in estimates)
    assert 0.9 * NODES < sum(estimates) / 200 < 1.1 * NODES


def test_few_lookups_and_those_that_found_few_nodes_say_nothing() -> None:
    rng = random.Random(1)
    assert after([closest(rng) for _ in range(ENOUGH - 1)]).estimate is None
    assert after([closest(rng, 7) for _ in range(KEPT)]).estimate is None
    assert after([]).least_distances(8) == ()


def test_an_attacker_beside_a_few_targets_does_not_move_the_estimate() -> None:
    rng = random.Random(1)
    captured = [[number + 1 for number in range(8)]] * (KEPT // 2)
    honest = [closest(rng) for _ in range(KEPT - KEPT // 2)]
    assert NODES / 3 < (after([*honest, *captured]).estimate or 0) < 3 * NODES


@pytest.mark.parametrize("count", range(1, 33))
def test_so_many_nodes_within_the_bound_have_the_chance_that_is_said(count: int) -> None:
    mean = least_expected(count)
    below = sum(exp(-mean) * mean**each / factorial(each) for each in range(count))
    assert 1.0 - below == pytest.approx(CHANCE, rel=0.01)


def test_honest_lookups_are_hit_less_than_once_in_10_000() -> None:
    """Also when the estimate is half of the truth. With a bound ten times as wide it happens."""
    rng, hits, wide = random.Random(1), 0, 0
    size = after([closest(rng, nodes=NODES // 2) for _ in range(KEPT)])
    assert size.estimate
    least = size.least_distances(8)
    scale = size.estimate / (NODES / 2)  # as if it were exactly half
    for _ in range(30_000):
        distances = closest(rng)
        pairs = list(zip(distances, least, strict=True))
        hits += any(distance < bound * scale for distance, bound in pairs)
        wide += any(distance < 3 * bound * scale for distance, bound in pairs)
    assert hits <= 6, "3 are expected at most"
    assert wide > 10 * max(hits, 1)


def test_eight_ids_right_beside_the_target_are_too_close() -> None:
    rng = random.Random(1)
    least = after([closest(rng, nodes=300) for _ in range(KEPT)]).least_distances(8)
    beside = [ID_SPACE >> 17] * 8
    assert [distance < bound for distance, bound in zip(beside, least, strict=True)][2:] == [
        True
    ] * 6
