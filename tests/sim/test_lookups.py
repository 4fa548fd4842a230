"""Lookups in networks of real cores, in virtual time, compared with the true closest nodes."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest

from kadisc.core.contract.events import LookupFinished
from tests.support.world import CONFIG, Host, World, lookups, synthetic, true_closest

K = CONFIG.table.k


def exact(hosts: list[Host], results: list[tuple[Host, LookupFinished]]) -> int:
    return sum(
        [node.contact.id for node in event.result.closest]
        == true_closest(hosts, event.result.target, K, host)
        for host, event in results
    )


@pytest.mark.parametrize("paths", [1, 2])
def test_with_k_8_in_every_bucket_the_true_k_closest_of_2000_nodes_are_found(paths: int) -> None:
    world = World(seed=8)
    hosts = synthetic(world, 2000, replace(CONFIG, table=replace(CONFIG.table, bucket_sizes=(8,))))
    results = lookups(world, hosts, 100, paths=paths)
    assert len(results) == 100
    assert exact(hosts, results) >= 99
    assert statistics.mean(event.result.hops for _, event in results) >= 2
    assert statistics.mean(event.result.queries for _, event in results) <= 25 * paths


@pytest.mark.parametrize(
    "seed",
    [
        0,
        pytest.param(1, marks=pytest.mark.real),
        *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 10)),
    ],
)
def test_the_closest_live_node_is_found_among_30_percent_dead_with_loss(seed: int) -> None:
    world = World(seed, one_way_s=0.05, loss=0.02)
    hosts = synthetic(world, 2000, dead=0.3)
    results = lookups(world, hosts, 100)
    assert len(results) == 100
    closest_found = sum(
        [event.result.closest[0].contact.id] == true_closest(hosts, event.result.target, 1, host)
        for host, event in results
        if event.result.closest
    )
    elapsed_s = sorted(event.result.elapsed_s for _, event in results)
    assert closest_found >= 99
    assert elapsed_s[49] < 1.5
    assert elapsed_s[98] < 5.0


def test_the_same_seed_gives_the_same_lookups() -> None:
    def run() -> list[tuple[int, int, float]]:
        world = World(seed=5, loss=0.1)
        hosts = synthetic(world, 200, dead=0.2)
        return [
            (event.result.target, event.result.queries, event.result.elapsed_s)
            for _, event in lookups(world, hosts, 20)
        ]

    assert run() == run()
