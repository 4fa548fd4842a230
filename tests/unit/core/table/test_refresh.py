"""Refresh lookups: for buckets without recent answers, and for the own ID."""

from __future__ import annotations

import random

import pytest

from kadisc.config import MaintenanceConfig, TableConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.contract.queries import RefreshLookup
from kadisc.core.table.refresh import AT_A_TIME, Refresh
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Family
from tests.support.contacts import OWN_ID, contact

CONFIG = MaintenanceConfig()


def table_with(*indexes: int, now: float = 0.0) -> RoutingTable:
    table = RoutingTable(
        Family.IPV4, OWN_ID, TableConfig(), AddressPolicy(False), NoDiversityCaps()
    )
    for number, index in enumerate(indexes):
        table.offer(contact(number, index), now)
    return table


def refresh_of(table: RoutingTable) -> Refresh:
    return Refresh(CONFIG, table, random.Random(1))


def buckets(table: RoutingTable, lookups: list[RefreshLookup]) -> list[int]:
    return [table.bucket_index(lookup.target) for lookup in lookups]


def test_before_joining_nothing_is_refreshed() -> None:
    refresh = refresh_of(table_with(0))
    assert refresh.deadline == float("inf")
    assert refresh.due(10_000) == []


def test_a_bucket_without_an_answer_for_a_quarter_of_an_hour_is_refreshed() -> None:
    table = table_with(0, 1)
    refresh = refresh_of(table)
    refresh.joined(0)
    refresh.due(0)
    assert refresh.deadline == CONFIG.refresh_interval_s
    table.confirm(contact(0), 600)
    assert buckets(table, refresh.due(900)) == [1]
    assert refresh.deadline == 1500, "bucket 0 was touched by an answer"
    assert buckets(table, refresh.due(1500)) == [0]


def test_lookups_in_flight_are_bounded() -> None:
    table = table_with(*range(6))
    refresh = refresh_of(table)
    refresh.joined(0)
    refresh.due(0)
    assert len(refresh.due(1000)) == AT_A_TIME
    for _ in range(AT_A_TIME):
        refresh.started()
    assert refresh.due(1002) == []
    assert refresh.deadline > 1002
    refresh.finished()
    assert len(refresh.due(1004)) == 1


def test_the_own_id_is_looked_up_every_half_hour_with_jitter() -> None:
    table = table_with(0)
    refresh = refresh_of(table)
    refresh.joined(0)
    times, now = [], 0.0
    while now < 20_000:
        now = refresh.deadline
        times += [
            now
            for lookup in refresh.due(now)
            if lookup == RefreshLookup(Family.IPV4, OWN_ID, is_own_id=True)
        ]
        table.confirm(contact(0), now)
    waits = [later - earlier for earlier, later in zip([0.0, *times], times, strict=False)]
    assert waits == pytest.approx([1800] * len(waits), rel=CONFIG.refresh_jitter)
    assert len(set(waits)) == len(waits) > 5


def test_a_lookup_of_the_own_id_can_be_requested() -> None:
    refresh = refresh_of(table_with(0))
    refresh.own_lookup_soon(5)
    assert refresh.deadline == 5
    assert [lookup.is_own_id for lookup in refresh.due(5)] == [True]
    assert refresh.deadline > 5


def test_an_empty_table_has_nothing_to_refresh() -> None:
    refresh = refresh_of(table_with())
    refresh.joined(0)
    assert refresh.due(0) == []
    assert refresh.deadline > 0
