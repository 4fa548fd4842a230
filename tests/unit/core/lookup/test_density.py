"""Whether more nodes are named near a target than the size of the network allows."""

from __future__ import annotations

import random

import pytest

from kadisc.core.lookup.density import ALARM, DOUBT, SMALLEST, Density
from kadisc.ids import ID_SPACE

NODES = 1000


def named(rng: random.Random, density: float = 1.0, count: int = 16) -> list[int]:
    """The distances of the closest nodes, ``density`` times as dense as in the network."""
    at, distances = 0.0, []
    for _ in range(count):
        at += rng.expovariate(NODES * density)
        distances.append(int(at * ID_SPACE))
    return distances


def share(density: float, count: int, size: float = NODES, tries: int = 300) -> float:
    rng, judge = random.Random(1), Density(size, 8)
    hits = [judge.is_improbable(named(rng, density, count), ALARM) for _ in range(tries)]
    return sum(hits) / tries


def test_an_honest_lookup_is_improbable_once_in_a_thousand_at_most() -> None:
    assert share(1.0, 18, tries=4000) <= 5e-4


def test_where_an_answer_named_all_nodes_that_exist_it_is_still_rare() -> None:
    """Honest nodes name no more than twice k of them."""
    assert share(1.0, 64, tries=1500) <= 3e-3


def test_an_estimate_that_is_an_eighth_too_small_makes_few_false_alarms() -> None:
    assert share(1.0, 18, size=NODES / 1.125, tries=4000) <= 1e-3


def test_the_names_of_colluders_are_improbable() -> None:
    """Twice to eight times too dense is what 20 to 50 % colluders with ground IDs are."""
    assert share(2.4, 60) > 0.95
    assert share(8.0, 16) > 0.95
    assert share(1000.0, 8) == 1.0


def test_eight_ids_right_beside_the_target_are_improbable_among_honest_ones() -> None:
    rng, judge = random.Random(1), Density(NODES, 8)
    assert judge.is_improbable([*range(1, 9), *named(rng)], ALARM)
    assert not judge.is_improbable([], DOUBT)


def test_without_an_estimate_and_in_small_networks_nothing_is_improbable() -> None:
    for size in (None, SMALLEST - 1, 2.0, 0.0):
        judge = Density(size, 8)
        assert not judge.is_improbable(list(range(64)), DOUBT)
        assert judge.radius_of(8) == 0


def test_the_radius_holds_so_many_nodes() -> None:
    assert Density(NODES, 8).radius_of(10) == pytest.approx(ID_SPACE / 100)
