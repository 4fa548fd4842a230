"""Walks that fill what joining leaves empty."""

from __future__ import annotations

import random

from kadisc.config import TableConfig
from kadisc.core.addressing.policy import Scopes
from kadisc.core.contract.queries import Walk
from kadisc.core.table.bucket_fill import AT_A_TIME, EARLY, FEW, PAUSE_S, TRIES, Filling
from kadisc.core.table.diversity import NoDiversityCaps
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Family
from tests.support.contacts import OWN_ID, contact


def table_with(*indexes: int) -> RoutingTable:
    table = RoutingTable(Family.IPV4, OWN_ID, TableConfig(), Scopes(False), NoDiversityCaps())
    for number, index in enumerate(indexes):
        table.offer(contact(number, index), 0.0)
    return table


def filling_of(table: RoutingTable) -> Filling:
    return Filling(table, random.Random(1))


def started(filling: Filling, now: float) -> list[int]:
    """The buckets whose walks are due, and under way from now on."""
    buckets = [walk.fills for walk in filling.due(now) if walk.fills is not None]
    for bucket in buckets:
        filling.started(bucket)
    return buckets


def test_while_nobody_has_answered_there_is_nothing_to_do() -> None:
    filling = filling_of(table_with())
    assert filling.deadline == float("inf")
    assert filling.due(10_000) == []


def test_the_far_buckets_are_walked_through_before_the_own_neighbourhood_is_known() -> None:
    table = table_with(7)
    filling = filling_of(table)
    filling.begin(EARLY, 5)
    assert filling.deadline == 5
    walks = filling.due(5)
    assert [table.bucket_index(walk.target) for walk in walks] == [walk.fills for walk in walks] == list(range(EARLY, -1, -1))
    filling.begin(EARLY, 6)
    assert filling.due(6) == [], "once"


def test_after_joining_the_poor_buckets_are_walked_through_the_deepest_first() -> None:
    filling = filling_of(table_with(*[0] * FEW, *[1] * (FEW - 1), 8))
    filling.joined(0)
    assert started(filling, 0) == [8, 7, 6, 5, 4, 3, 2, 1], "bucket 0 has enough"
    assert filling.deadline > 100, "the end of a walk says when to go on"
    filling.finished(8, 2)
    assert filling.deadline == 2 + PAUSE_S
    filling.finished(7, 3)
    assert started(filling, 5) == [8, 7], "they are still poor; the second time is the last"
    for bucket in (8, 7, 6, 5):
        filling.finished(bucket, 6)
    assert started(filling, 7) == [6, 5]


def test_so_many_walks_at_a_time() -> None:
    filling = filling_of(table_with(AT_A_TIME + 3))
    filling.joined(0)
    assert len(started(filling, 0)) == AT_A_TIME
    filling.finished(AT_A_TIME, 1)
    assert len(started(filling, 2)) == 1


def test_a_check_asks_for_others_of_a_wide_bucket_while_it_is_far_from_full() -> None:
    table = table_with(0, *[3] * 12, 9)
    filling = filling_of(table)
    poor = contact(100, 0)
    assert table.bucket_index(filling.worth_asking(poor.id)) == 0
    assert filling.worth_asking(contact(101, 3).id) == OWN_ID, "12 of 16 are there"
    assert filling.worth_asking(contact(102, 9).id) == OWN_ID, "no wide bucket: our own neighbourhood is what counts there"


def test_a_bucket_that_cannot_be_filled_is_left_alone_in_the_end() -> None:
    filling = filling_of(table_with(0))
    filling.joined(0)
    for time in range(TRIES):
        assert started(filling, time) == [0]
        filling.finished(0, time)
    assert started(filling, TRIES) == []
    assert filling.deadline == float("inf")


def test_walks_that_end_at_once_make_no_loop() -> None:
    """They do when there is nobody to ask; the next one must not be due at the same moment."""
    filling = filling_of(table_with(6))
    filling.joined(0)
    for bucket in started(filling, 0):
        filling.finished(bucket, 0)
    assert 0 < filling.deadline < 1


def test_enough_is_enough() -> None:
    filling = filling_of(table_with(*[2] * FEW, *[3] * (FEW - 1)))
    assert (filling.has_enough(2), filling.has_enough(3), filling.has_enough(9)) == (True, False, False)
    filling.joined(0)
    assert Walk in {type(walk) for walk in filling.due(0)}
    assert 2 not in started(filling, 0)
