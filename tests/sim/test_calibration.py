"""The simulator compared with real sockets at a small size; and the comparison detects a wrong
simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import pytest

from kadisc.cli.on_sockets import run_on_sockets
from kadisc.config import Config
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.endpoints import Endpoint, Family, Scope, netgroup_prefix, subnet_prefix
from kadisc.sim.calibration.agreement import Agreement, agreement, ks_distance, metrics_of
from kadisc.sim.calibration.calibration import (
    MAX_NODES,
    SETTINGS,
    TAIL_S,
    CalibrationRound,
    Observed,
    rounds,
)
from kadisc.sim.options import SimOptions
from kadisc.sim.settings import with_settings

LOOKUPS = 100
SMALL = {"counts": 0.1, "latency": 0.15}
"""Bounds for 400 lookups, whose results vary more by chance than those of 1,575."""


def one_round(*settings: str, lookups: int = LOOKUPS) -> CalibrationRound:
    usual = [f"{name}={value}" for name, value in SETTINGS.items()]
    options = with_settings(
        SimOptions(), [*usual, "nodes=40", "warmup_s=1", "lookups_per_minute=2400", *settings]
    )
    (only,) = rounds(options, lookups)
    return only


def places(round_: CalibrationRound) -> list[Endpoint]:
    return [spot.residence.endpoint for spot in round_.spots]


def simulated(*settings: str, lookups: int = LOOKUPS) -> Observed:
    round_, observed = one_round(*settings, lookups=lookups), Observed()
    round_.run(places(round_), observed)
    return observed


async def test_sockets_and_simulator_agree() -> None:
    """The bounds are wide, for few lookups and a busy machine; those of the command, for 1,575
    lookups, are a fifth and a quarter of them.
    """
    round_, sockets, simulator, late_s = one_round(), Observed(), Observed(), list[float]()
    endpoints = await run_on_sockets(round_, Config(), sockets, late_s, lambda seconds: None)
    round_.run(endpoints, simulator)
    verdict = agreement(sockets, simulator)
    assert verdict.within(counts=0.25, latency=0.4), (
        verdict,
        metrics_of(sockets),
        metrics_of(simulator),
        max(late_s),
    )
    assert len(sockets.elapsed_s) == len(simulator.elapsed_s) == LOOKUPS
    assert sockets.found_closest >= 0.8 * LOOKUPS
    assert len(late_s) >= sockets.received > 500


# --- The two sides --------------------------------------------------------------------------------


def test_both_sides_begin_with_the_same_tables_that_contain_dead_nodes() -> None:
    round_ = one_round()
    first, second = round_.hosts(places(round_)), round_.hosts(places(round_))
    tables = [
        [
            [
                (entry.contact, entry.verified_at, entry.check_slot)
                for entry in host.node.dhts[Family.IPV4].table
            ]
            for host in side
        ]
        for side in (first, second)
    ]
    assert tables[0] == tables[1]
    dead = {host.contact for host in first if not host.up}
    assert len(dead) == 12
    entries = [contact for host in tables[0] for contact, _, _ in host]
    assert 0.2 < sum(contact in dead for contact in entries) / len(entries) < 0.4


def test_addresses_are_loopback_ones_that_count_as_public_and_share_networks() -> None:
    round_ = one_round(f"nodes={MAX_NODES}")
    endpoints, scopes = places(round_), AddressPolicy(allow_private=True)
    assert all(
        endpoint[0] == 127 and endpoint[1] > 0 and scopes.of(endpoint) is Scope.PUBLIC
        for endpoint in endpoints
    )
    assert len({endpoint[:4] for endpoint in endpoints}) == MAX_NODES
    assert len({netgroup_prefix(endpoint) for endpoint in endpoints}) < 0.95 * MAX_NODES
    assert len({subnet_prefix(endpoint) for endpoint in endpoints}) > 0.9 * MAX_NODES


def test_networks_are_as_many_as_the_lookups_take_and_differ() -> None:
    usual = with_settings(SimOptions(), [f"{name}={value}" for name, value in SETTINGS.items()])
    planned = rounds(usual, 500)
    assert [len(each.lookups) for each in planned] == [225, 225, 50]
    assert planned[2].measured_s == pytest.approx(50 / 15 + TAIL_S)
    assert len({spot.own_id for each in planned for spot in each.spots}) == 600
    assert [each.lookups for each in rounds(usual, 500)] == [each.lookups for each in planned]


def test_the_simulated_side_is_deterministic() -> None:
    assert simulated(lookups=20) == simulated(lookups=20)
    assert simulated(lookups=20) != simulated("seed=2", lookups=20)


# --- A wrong simulator is detected ----------------------------------------------------------------


@pytest.mark.parametrize(
    "mistake",
    [
        "network.latency.access_median_s=0.1",
        "crash=0",
        "network.loss.mean=0.3",
        "core.query.min_stall_s=2",
        "core.lookup.alpha=1",
    ],
)
def test_a_mistake_in_the_model_is_detected(mistake: str) -> None:
    assert not agreement(simulated(lookups=400), simulated(mistake, lookups=400)).within(**SMALL)


def test_other_random_draws_of_the_same_model_agree() -> None:
    assert agreement(
        simulated(lookups=400), simulated("network.duplication=0", lookups=400)
    ).within(**SMALL)


# --- Distances and bounds -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ([1, 2, 3], [1, 2, 3], 0.0),
        ([1, 2, 3], [4, 5, 6], 1.0),
        ([1, 2, 3, 4], [3, 4, 5, 6], 0.5),
        ([1, 1, 1, 2], [1, 2, 2, 2], 0.5),
        ([2, 1], [1, 2, 1, 2], 0.0),
        ([1, inf], [1, 2], 0.5),
        ([inf], [inf], 0.0),
        ([], [1], 1.0),
        ([], [], 0.0),
    ],
)
def test_the_distance_of_two_samples(
    first: Sequence[float], second: Sequence[float], distance: float
) -> None:
    assert ks_distance(first, second) == ks_distance(second, first) == distance


def test_the_bounds() -> None:
    assert Agreement({"queries": 1.04}, 0.09).within()
    assert not Agreement({"queries": 1.06}, 0.0).within()
    assert not Agreement({"queries": 0.94, "replies": 1.0}, 0.0).within()
    assert not Agreement({"queries": 1.0}, 0.11).within()
    assert not agreement(simulated(lookups=2), Observed()).within()


def test_a_lookup_that_does_not_end_counts_as_the_slowest() -> None:
    observed = Observed()
    observed.counted(2, [], [])
    assert observed.elapsed_s == [inf, inf]
    assert metrics_of(observed)["lookups_without_end"] == 2
    assert metrics_of(observed)["elapsed_s_p99"] is None
