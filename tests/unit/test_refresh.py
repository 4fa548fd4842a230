"""Walks for the table's own sake."""

from __future__ import annotations

import random

import pytest

from kadisc.config import MaintenanceConfig, TableConfig
from kadisc.core.diversity import NoDiversityCaps
from kadisc.core.exchange import Walk
from kadisc.core.refresh import FEW, PAUSE_S, WALKS_AT_A_TIME, Refresh
from kadisc.core.routing_table import RoutingTable
from kadisc.core.scopes import Scopes
from kadisc.endpoints import Family
from tests.support.contacts import OWN_ID, contact

CONFIG = MaintenanceConfig()


def table_with(*indexes: int, now: float = 0.0) -> RoutingTable:
    table = RoutingTable(Family.IPV4, OWN_ID, TableConfig(), Scopes(False), NoDiversityCaps())
    for number, index in enumerate(indexes):
        table.offer(contact(number, index), now)
    return table


def refresh_of(table: RoutingTable) -> Refresh:
    return Refresh(CONFIG, table, random.Random(1))


def buckets(table: RoutingTable, walks: list[Walk]) -> list[int]:
    return [table.bucket_index(walk.target) for walk in walks]


def test_before_joining_nothing_is_refreshed() -> None:
    refresh = refresh_of(table_with(0))
    assert refresh.next_deadline() == float("inf")
    assert refresh.due(10_000) == []


def test_after_joining_the_poor_buckets_are_walked_through_the_deepest_first() -> None:
    table = table_with(*[0] * FEW, *[1] * (FEW - 1), 6)
    refresh = refresh_of(table)
    refresh.joined(0)
    walks = refresh.due(0)
    for _ in walks:
        refresh.started()
    assert (buckets(table, walks), refresh.due(1)) == ([6, 5, 4, 3], []), "four at a time; bucket 0 has enough"
    assert refresh.next_deadline() > 100, "the end of a walk says when to go on"
    refresh.finished(2)
    assert refresh.next_deadline() == 2 + PAUSE_S
    refresh.finished(3)
    assert buckets(table, refresh.due(5)) == [2, 1]
    refresh.finished(6)
    assert refresh.next_deadline() > 100


def test_walks_that_end_at_once_make_no_loop() -> None:
    """They do when there is nobody to ask; the next one must not be due at the same moment."""
    table = table_with(6)
    refresh = refresh_of(table)
    refresh.joined(0)
    for walk in refresh.due(0):
        refresh.started()
        refresh.finished(0)
        assert walk.family is Family.IPV4
    assert 0 < refresh.next_deadline() < 1


def test_a_bucket_untouched_for_a_quarter_of_an_hour_is_walked_through() -> None:
    table = table_with(*[0] * FEW, *[1] * FEW)
    refresh = refresh_of(table)
    refresh.joined(0)
    refresh.due(0)
    assert refresh.next_deadline() == CONFIG.refresh_interval_s
    table.confirm(contact(0), 600)
    assert buckets(table, refresh.due(900)) == [1]
    assert refresh.next_deadline() == 1500, "bucket 0 was touched by an answer"
    assert buckets(table, refresh.due(1500)) == [0]


def test_walks_at_a_time_are_bounded() -> None:
    table = table_with(*(index for index in range(6) for _ in range(FEW)))
    refresh = refresh_of(table)
    refresh.joined(0)
    refresh.due(0)
    assert len(refresh.due(1000)) == WALKS_AT_A_TIME
    for _ in range(WALKS_AT_A_TIME):
        refresh.started()
    assert refresh.due(1002) == []
    assert refresh.next_deadline() > 1002
    refresh.finished(1003)
    assert len(refresh.due(1004)) == 1


def test_the_own_id_is_looked_up_every_half_hour_jittered() -> None:
    table = table_with(*[0] * FEW)
    refresh = refresh_of(table)
    refresh.joined(0)
    times, now = [], 0.0
    while now < 20_000:
        now = refresh.next_deadline()
        times += [now for walk in refresh.due(now) if walk == Walk(Family.IPV4, OWN_ID, is_own_id=True)]
        table.confirm(contact(0), now)
    waits = [later - earlier for earlier, later in zip([0.0, *times], times, strict=False)]
    assert waits == pytest.approx([1800] * len(waits), rel=CONFIG.refresh_jitter)
    assert len(set(waits)) == len(waits) > 5


def test_the_own_lookup_can_be_called_for() -> None:
    refresh = refresh_of(table_with(0))
    refresh.own_lookup_soon(5)
    assert refresh.next_deadline() == 5
    assert [walk.is_own_id for walk in refresh.due(5)] == [True]
    assert refresh.next_deadline() > 5


def test_an_empty_table_has_nothing_to_refresh() -> None:
    refresh = refresh_of(table_with())
    refresh.joined(0)
    assert refresh.due(0) == []
    assert refresh.next_deadline() > 0
