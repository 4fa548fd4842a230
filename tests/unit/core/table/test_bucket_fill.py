"""Refresh lookups that fill the buckets which joining leaves empty."""

from __future__ import annotations

import random

from kadisc.config import TableConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.contract.queries import RefreshLookup
from kadisc.core.table.bucket_fill import AT_A_TIME, EARLY, FEW, PAUSE_S, TRIES, BucketFill
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Family
from tests.support.contacts import OWN_ID, contact


def table_with(*indexes: int) -> RoutingTable:
    table = RoutingTable(
        Family.IPV4, OWN_ID, TableConfig(), AddressPolicy(False), NoDiversityCaps()
    )
    for number, index in enumerate(indexes):
        table.offer(contact(number, index), 0.0)
    return table


def bucket_fill_of(table: RoutingTable) -> BucketFill:
    return BucketFill(table, random.Random(1))


def started(bucket_fill: BucketFill, now: float) -> list[int]:
    """The buckets whose lookups are due; the lookups are in flight from now on."""
    buckets = [lookup.fills for lookup in bucket_fill.due(now) if lookup.fills is not None]
    for bucket in buckets:
        bucket_fill.started(bucket)
    return buckets


def test_before_the_first_contact_nothing_is_due() -> None:
    bucket_fill = bucket_fill_of(table_with())
    assert bucket_fill.deadline == float("inf")
    assert bucket_fill.due(10_000) == []


def test_the_far_buckets_are_filled_before_the_own_neighbourhood_is_known() -> None:
    table = table_with(7)
    bucket_fill = bucket_fill_of(table)
    bucket_fill.begin(EARLY, 5)
    assert bucket_fill.deadline == 5
    lookups = bucket_fill.due(5)
    buckets = list(range(EARLY, -1, -1))
    assert [table.bucket_index(lookup.target) for lookup in lookups] == buckets
    assert [lookup.fills for lookup in lookups] == buckets
    bucket_fill.begin(EARLY, 6)
    assert bucket_fill.due(6) == [], "only once"


def test_after_joining_the_sparse_buckets_are_filled_the_deepest_first() -> None:
    bucket_fill = bucket_fill_of(table_with(*[0] * FEW, *[1] * (FEW - 1), 8))
    bucket_fill.joined(0)
    assert started(bucket_fill, 0) == [8, 7, 6, 5, 4, 3, 2, 1], "bucket 0 has enough"
    assert bucket_fill.deadline > 100, "the end of a lookup sets the next deadline"
    bucket_fill.finished(8, 2)
    assert bucket_fill.deadline == 2 + PAUSE_S
    bucket_fill.finished(7, 3)
    assert started(bucket_fill, 5) == [8, 7], "they are still sparse; the second time is the last"
    for bucket in (8, 7, 6, 5):
        bucket_fill.finished(bucket, 6)
    assert started(bucket_fill, 7) == [6, 5]


def test_in_a_small_dht_a_later_lookup_of_the_own_id_is_followed_by_no_others() -> None:
    def started_again(*buckets: int) -> list[int]:
        bucket_fill = bucket_fill_of(table_with(*buckets))
        bucket_fill.joined(0)
        for bucket in started(bucket_fill, 0):
            bucket_fill.finished(bucket, 1)
        bucket_fill.deadline = float("inf")
        bucket_fill.joined(1800)
        return started(bucket_fill, 1800)

    wide = [index for index in range(4) for _ in range(16)]
    assert started_again(0, 1, 5) == []
    assert 5 in started_again(*wide, 5)


def test_lookups_in_flight_are_bounded() -> None:
    bucket_fill = bucket_fill_of(table_with(AT_A_TIME + 3))
    bucket_fill.joined(0)
    assert len(started(bucket_fill, 0)) == AT_A_TIME
    bucket_fill.finished(AT_A_TIME, 1)
    assert len(started(bucket_fill, 2)) == 1


def test_a_check_asks_for_contacts_of_a_large_bucket_while_it_is_far_from_full() -> None:
    table = table_with(0, *[3] * 12, 9)
    bucket_fill = bucket_fill_of(table)
    assert table.bucket_index(bucket_fill.worth_asking(contact(100, 0).id)) == 0
    assert bucket_fill.worth_asking(contact(101, 3).id) == OWN_ID, "it has 12 of 16"
    assert bucket_fill.worth_asking(contact(102, 9).id) == OWN_ID, (
        "a small bucket: the own neighbourhood is of use there"
    )


def test_a_bucket_that_cannot_be_filled_is_given_up_after_a_few_tries() -> None:
    bucket_fill = bucket_fill_of(table_with(0))
    bucket_fill.joined(0)
    for time in range(TRIES):
        assert started(bucket_fill, time) == [0]
        bucket_fill.finished(0, time)
    assert started(bucket_fill, TRIES) == []
    assert bucket_fill.deadline == float("inf")


def test_lookups_that_end_at_once_make_no_loop() -> None:
    """A lookup without contacts ends at once; the next one must not be due at the same moment."""
    bucket_fill = bucket_fill_of(table_with(6))
    bucket_fill.joined(0)
    for bucket in started(bucket_fill, 0):
        bucket_fill.finished(bucket, 0)
    assert 0 < bucket_fill.deadline < 1


def test_a_bucket_with_enough_contacts_is_not_filled() -> None:
    bucket_fill = bucket_fill_of(table_with(*[2] * FEW, *[3] * (FEW - 1)))
    assert (bucket_fill.has_enough(2), bucket_fill.has_enough(3), bucket_fill.has_enough(9)) == (
        True,
        False,
        False,
    )
    bucket_fill.joined(0)
    assert RefreshLookup in {type(lookup) for lookup in bucket_fill.due(0)}
    assert 2 not in started(bucket_fill, 0)
