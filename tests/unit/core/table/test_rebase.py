"""A change of the own ID: the contacts move to the buckets of the new ID."""

from __future__ import annotations

import random

from kadisc.config import TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.table.diversity import DiversityCaps
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Family
from kadisc.ids import random_id, shared_prefix_bits
from tests.support.world import address


def table_with(
    contacts: int, sizes: tuple[int, ...] = (128, 64, 32, 16, 8), seed: int = 1
) -> RoutingTable:
    rng = random.Random(seed)
    config, scopes = TableConfig(bucket_sizes=sizes), AddressPolicy(False)
    table = RoutingTable(Family.IPV4, random_id(rng), config, scopes, DiversityCaps(config, scopes))
    for number in range(contacts):
        table.offer(Contact(random_id(rng), address(number)), float(number))
    return table


def test_all_contacts_stay_and_are_in_the_buckets_of_the_new_id() -> None:
    table = table_with(60)
    before = {entry.contact: entry.first_verified_at for entry in table}
    new_id = random_id(random.Random(9))
    left_over = table.rebase(new_id, 100.0)
    assert left_over == []
    assert {entry.contact: entry.first_verified_at for entry in table} == before
    for bucket in table.buckets():
        assert all(
            shared_prefix_bits(new_id, entry.id) == bucket.index == entry.bucket
            for entry in bucket.entries
        )
        verified = [entry.verified_at for entry in bucket.entries]
        assert verified == sorted(verified), "least recently verified first"


def test_closest_is_exact_after_a_rebase() -> None:
    table = table_with(100)
    table.rebase(random_id(random.Random(9)), 100.0)
    by_distance = sorted(table, key=lambda entry: entry.id ^ 12345)
    assert table.closest(12345, 8) == by_distance[:8]


def test_contacts_beyond_the_capacity_become_replacements_the_least_recently_verified_first() -> (
    None
):
    table = table_with(200, sizes=(8,))
    held = sorted(table, key=lambda entry: entry.verified_at)
    far_from_all = max(
        range(0, 1 << 160, 1 << 155),
        key=lambda node_id: sum(shared_prefix_bits(node_id, entry.id) == 0 for entry in held),
    )
    left_over = table.rebase(far_from_all, 300.0)
    assert left_over, "most contacts are in one bucket now"
    full = {entry.bucket for entry in left_over}
    for index in full:
        kept = [entry.verified_at for entry in table if entry.bucket == index]
        lost = [entry.verified_at for entry in left_over if entry.bucket == index]
        assert min(kept) > max(lost)
    assert len(table) + len(left_over) == len(held)
    replacements = sum(len(bucket.replacements) for bucket in table.buckets())
    assert 0 < replacements <= 8 * len(table.buckets())


def test_a_contact_with_the_new_own_id_is_dropped() -> None:
    table = table_with(30)
    same_id = next(iter(table))
    left_over = table.rebase(same_id.id, 100.0)
    assert same_id in left_over
    assert table.get(same_id.id) is None
    assert table.at(same_id.contact.endpoint) is None


def test_static_peers_keep_their_places() -> None:
    table = table_with(200, sizes=(8,))
    held = list(table)
    for entry in held:
        table.pin(entry.contact.endpoint)
    assert table.rebase(random_id(random.Random(4)), 300.0) == []
    assert len(table) == len(held)


def test_a_contact_leaves_that_bears_the_new_id_of_another_family() -> None:
    """The node has one ID in each family; the table of one learns of a new ID of the other, which a
    contact of its own may have taken before.
    """
    table = table_with(20)
    bearer = next(iter(table))
    table.own_ids.becomes(Family.IPV6, bearer.id)
    spare = Contact(bearer.id ^ 1, address(777))
    assert table.offer(spare, 30.0).entry is not None
    assert table.take_out_own() == [bearer]
    assert len(table) == 20
    assert not list(table.inconsistencies())
    assert not table.holds(bearer.contact.endpoint)
    assert table.take_out_own() == []
