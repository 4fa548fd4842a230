"""Tests of reachability in small simulated networks: every kind of NAT, changes of network, and
each attack with its defence on and off. scripts/goals measures them at full size.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from kadisc.config import ReachConfig
from kadisc.sim.measure.verdict_count import count_verdicts
from kadisc.sim.run import Result
from tests.sim.support import run

SMALL = (
    "nodes=40",
    "population.reachable=1",
    "warmup_s=15",
    "network.loss.mean=0",
    "reach.between_s=0.5",
    # In so small a network all know each other within minutes: they must forget soon, and the boxes
    # sooner.
    "core.reach.stranger_s=5",
    "network.nat.timeouts_s=4,4,4,4,4",
    "core.reach.retry_s=5",
    "core.reach.round_pause_s=4",
)
ONE_RUN = ("attack.ablations=off",)


def measured(name: str, *settings: str) -> dict[str, Any]:
    result: Result = run(name, *SMALL, *settings)
    assert result.datagrams > 0
    return dict(result.metrics)


def kinds(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["kind"]: row for row in metrics["kinds"]}


def test_nodes_know_whether_strangers_reach_them() -> None:
    metrics = measured(
        "reach-verdict",
        "reach.kinds=public,mapped,restricted,second-nat,random-ports",
        "reach.each=1",
        "minutes=1.2",
    )
    rows = kinds(metrics)
    for name, row in rows.items():
        assert row[row["expected"]] == 1, (name, row)
    assert metrics["yes"] == metrics["no"] == 1.0
    assert metrics["false_yes"] == metrics["false_no"] == metrics["wrong_at_the_end"] == 0
    assert rows["restricted"]["nat"] == "restricted"
    assert rows["second-nat"]["nat"] == "double"
    assert rows["random-ports"]["nat"] == "dependent"


@pytest.mark.slow
def test_nodes_behind_every_kind_of_nat_know_it() -> None:
    metrics = measured("reach-verdict", "reach.each=2", "minutes=3", "warmup_s=60")
    rows = kinds(metrics)
    assert len(rows) == 12
    assert metrics["false_yes"] == metrics["false_no"] == 0
    assert metrics["yes"] >= 0.9, rows
    assert metrics["no"] >= 0.8, rows
    assert metrics["dependent_named"] == 1.0


@pytest.mark.parametrize("rounds", [1, 2])
def test_liars_make_a_test_fail_that_takes_one_round(rounds: int) -> None:
    count = count_verdicts(
        ReachConfig(), liars=0.4, loss=0.01, rounds=rounds, trials=1500, rng=Random(1)
    )
    assert count.yes + count.no + count.undecided == 1500
    assert count.no <= 3 if rounds == 2 else count.no >= 15


def test_honest_helpers_never_make_a_test_fail() -> None:
    count = count_verdicts(
        ReachConfig(), liars=0.0, loss=0.05, rounds=2, trials=1000, rng=Random(1)
    )
    assert count.no == 0
    assert count.yes >= 995


@pytest.mark.slow
@pytest.mark.parametrize("two_rounds", [True, False])
def test_liars_among_the_helpers(two_rounds: bool) -> None:
    metrics = measured(
        "reach-liars",
        *ONE_RUN,
        "attack.share=0.6" if not two_rounds else "attack.share=0.25",
        "attack.trials=1",
        "reach.kinds=public",
        "reach.each=8",
        "minutes=1.5",
        f"core.defences.two_rounds={'on' if two_rounds else 'off'}",
    )
    assert metrics["liars"] > 5
    if two_rounds:
        assert metrics["false_no"] == 0
        assert metrics["yes"] == 1.0
    else:
        assert metrics["false_no"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("renewed", [True, False])
def test_holders_of_flows_enter_where_what_comes_in_renews_no_note(renewed: bool) -> None:
    metrics = measured(
        "reach-keepalive",
        *ONE_RUN,
        "core.reach.failed_fast_s=5",
        "network.nat.timeouts_s=30,30,30,30,30",
        "core.reach.stranger_s=35",
        "attack.share=0.5",
        "reach.each=3",
        "minutes=5",
        f"core.defences.renewed_contacts={'on' if renewed else 'off'}",
    )
    assert metrics["entered"] > 0
    assert (metrics["false_yes"] > 0) == (not renewed)


@pytest.mark.parametrize("budgets", [True, False])
def test_witnesses_are_asked_to_ping_the_hosts_of_one_subnet(budgets: bool) -> None:
    metrics = measured(
        "reach-abuse",
        *ONE_RUN,
        "nodes=16",
        "attack.victims=200",
        "attack.addresses=10",
        "attack.interval_s=10",
        "minutes=1",
        f"core.defences.witness_budgets={'on' if budgets else 'off'}",
    )
    if budgets:
        assert 20 <= metrics["pings_per_witness_at_first"] <= 25
        assert metrics["pings_per_witness_and_hour"] <= 60
    else:
        assert metrics["pings_per_witness_at_first"] > 30
        assert metrics["pings_per_witness_and_hour"] > 600
    assert metrics["bytes_per_byte_of_served"] == pytest.approx(108 / 166, abs=0.001)
    assert metrics["bytes_per_byte"] < 0.66


@pytest.mark.slow
def test_drained_witnesses_turn_no_verdict() -> None:
    metrics = measured(
        "reach-drain",
        "attack.addresses=6",
        "attack.interval_s=5",
        "reach.kinds=public,restricted",
        "reach.each=2",
        "minutes=2",
    )
    assert metrics["false_yes"] == metrics["false_no"] == 0


@pytest.mark.slow
def test_a_flood_during_the_test_makes_no_node_take_itself_for_closed() -> None:
    """That a flood hides strangers where their pings have no lane is shown with scripted peers: in
    so small a network the witnesses have proved their endpoints before, and are not limited.
    """
    metrics = measured(
        "reach-flood",
        *ONE_RUN,
        "nodes=30",
        "reach.kinds=public",
        "reach.each=1",
        "minutes=0.9",
        "attack.forged_per_s=400",
        "core.limits.total_queries_per_s=8",
        "core.limits.total_query_burst=8",
    )
    assert metrics["dropped_by_limits"] > 1000
    assert metrics["false_no"] == 0
    assert metrics["yes"] == 1.0


@pytest.mark.slow
def test_a_forward_is_noticed_and_its_end_too() -> None:
    metrics = measured("reach-toggle", "reach.each=3", "reach.later_s=0")
    assert metrics["closed_at_first"] == metrics["added_noticed"] == 1.0
    assert metrics["removed_noticed"] == 1.0
    assert metrics["added_s_p95"] <= 35
    assert metrics["removed_s_p95"] <= 130


@pytest.mark.slow
def test_changes_of_network_are_followed() -> None:
    metrics = measured("reach-move", "reach.each=1", "minutes=2")
    assert metrics["known"] >= 0.8, metrics["changes"]
    assert metrics["told_known_s_p95"] <= 30


@pytest.mark.slow
def test_hidden_members_meet_as_fast_as_without_tests() -> None:
    metrics = measured("reach-small", "joins=5", "nodes=60", "warmup_s=20")
    assert metrics["met_30_s_as_set"] >= metrics["met_30_s_no_tests"] - 0.1


@pytest.mark.slow
def test_the_cost_of_tests() -> None:
    metrics = measured("reach-cost", *ONE_RUN, "minutes=2", "warmup_s=700", "nodes=40")
    assert metrics["reach_queries_per_s_yes"] < 0.05


@pytest.mark.slow
def test_mapping_routers_let_more_pairs_reach_each_other() -> None:
    metrics = measured("reach-pairs", "minutes=1", "population.reachable=0.4", "nodes=80")
    assert metrics["without_mappings"] < metrics["direct"] <= metrics["bound"]
