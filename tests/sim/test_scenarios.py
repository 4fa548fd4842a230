"""Each scenario at a small size, with the expensive invariants on, judged by the oracle.
scripts/goals measures them at full size.
"""

from __future__ import annotations

from typing import Any

import pytest

from kadisc.sim.run import Result
from kadisc.sim.scenarios.registry import ALL
from tests.sim.support import run

SMALL = ("nodes=120", "warmup_s=60", "minutes=0.5", "lookups_per_minute=200")


def measured(name: str, *settings: str) -> dict[str, Any]:
    result: Result = run(name, *SMALL, *settings)
    assert result.datagrams > 0
    assert result.wall_s > 0
    assert result.measured.virtual_s >= 30
    return dict(result.metrics)


def test_lookup_finds_the_closest() -> None:
    metrics = measured("lookup")
    assert metrics["lookups_started"] == 100
    assert metrics["top1"] >= 0.97
    assert metrics["recall"] >= 0.97
    assert metrics["answered_mrtt_p50"] < 6


def test_lookup_without_loss_and_churn_is_perfect() -> None:
    metrics = measured(
        "lookup",
        "network.loss.mean=0",
        "churn.profile=none",
        "population.reachable=1",
        "network.duplication=0",
    )
    assert metrics["top1"] == 1.0
    assert metrics["recall"] == 1.0


def test_lookup_under_the_cross_check_of_delays() -> None:
    metrics = measured("lookup", "network.latency.profile=lognormal")
    assert metrics["mrtt_ms"] == pytest.approx(154, rel=0.1)
    assert metrics["top1"] >= 0.95


def test_announces_and_puts_are_stored_at_the_closest() -> None:
    metrics = measured(
        "store", "network.loss.mean=0", "churn.profile=none", "population.reachable=1"
    )
    assert metrics["once_number"] == metrics["twice_number"] == 50
    for way in ("once", "twice"):  # an operation that begins at the endpoints of a lookup, too
        assert metrics[f"{way}_stored_at_all"] >= 0.98
        assert metrics[f"{way}_missed_by_more_than_1"] == 0
    assert metrics["once_queries_mean"] <= metrics["twice_queries_mean"] - 6
    assert metrics["once_mrtt_p50"] < metrics["twice_mrtt_p50"]


def test_lookups_succeed_under_churn() -> None:
    metrics = measured("churn")
    assert metrics["top1"] >= 0.95
    assert metrics["dead_entries"] < 0.15


def test_lookups_succeed_after_a_crash() -> None:
    metrics = measured("crash", "minutes=1", "crash=0.3")
    assert metrics["crashed"] == 36
    assert metrics["top1_0_to_60_s"] >= 0.9


@pytest.mark.real
def test_lookups_succeed_after_a_partition() -> None:
    metrics = measured("partition", "nodes=80", "faults.partition_s=120")
    assert metrics["top1_300_to_600_s"] >= 0.95


def test_a_flash_crowd_joins() -> None:
    metrics = measured("flash-crowd", "nodes=30", "crowd=3", "minutes=1.5")
    assert metrics["arrived"] == 90
    assert metrics["joined"] >= 0.95


def test_an_idle_node_costs_little() -> None:
    metrics = measured("idle-cost")
    assert 0 < metrics["queries_per_s_mean"] < 1
    assert 0 < metrics["bytes_per_s_mean"] < 400
    # Every query that the node sends has a purpose.
    by_purpose, by_method = metrics["queries_by_purpose"], metrics["queries_by_method"]
    assert sum(row["per_s"] for row in by_purpose) == pytest.approx(
        metrics["queries_per_s_mean"], abs=0.002
    )
    assert sum(row["share"] for row in by_method) == pytest.approx(1, abs=0.01)
    assert by_purpose[0]["purpose"] == "contact-check"


def test_few_contacts_in_answers_are_dead() -> None:
    metrics = measured("freshness")
    assert metrics["answers"] == 300
    assert metrics["dead"] < 0.1


def test_unreachable_nodes_are_not_in_answers() -> None:
    metrics = measured("nat-majority", "churn.profile=bittorrent")
    assert metrics["never_answering"] <= 0.01
    assert metrics["handed_out"] > 1000


def test_without_the_quarantine_unreachable_nodes_are_in_answers() -> None:
    settings = ("churn.profile=bittorrent", "minutes=2", "population.reachable=0.2")
    guarded = measured("nat-majority", *settings)
    unguarded = measured("nat-majority", *settings, "core.defences.inbound_quarantine=off")
    assert unguarded["never_answering"] > 5 * max(guarded["never_answering"], 0.002)


def test_a_new_node_learns_its_neighbours() -> None:
    metrics = measured("join", "joins=6", "churn.profile=none")
    assert metrics["joins"] == 6
    assert metrics["neighbours_mrtt_p50"] < 20


def test_scenarios_have_names_and_summaries() -> None:
    assert len({scenario.name for scenario in ALL}) == len(ALL) >= 7
    assert all(20 < len(scenario.summary) < 94 for scenario in ALL)
    # Members of a peer network cost more than nodes of the DHT alone, for their books and slots.
    assert all(
        scenario.options().nodes
        >= (100 if scenario.name.startswith(("gossip", "reach", "turning")) else 1000)
        for scenario in ALL
    )
