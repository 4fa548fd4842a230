"""The routing table: which contacts are added, challenged and removed."""

from __future__ import annotations

import pytest

from kadisc.config import TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import Bep42Check, anywhere
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.table.bucket import Entry
from kadisc.core.table.diversity import DiversityCaps
from kadisc.core.table.offer import Decision
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Endpoint, Family, Scope, make_endpoint
from tests.support.contacts import OWN_ID, contact, id_in_bucket
from tests.support.world import address

SMALL = TableConfig(k=4, bucket_sizes=(4, 2), replacements_per_bucket=3, per_netgroup_in_table=2)


def table_of(
    config: TableConfig = SMALL,
    *,
    caps: bool = True,
    challenge: bool = True,
    bep42_valid: Bep42Check = anywhere,
) -> RoutingTable:
    scopes = AddressPolicy(False)
    diversity = DiversityCaps(config, scopes) if caps else NoDiversityCaps()
    return RoutingTable(
        Family.IPV4,
        OWN_ID,
        config,
        scopes,
        diversity,
        challenge_incumbents=challenge,
        bep42_valid=bep42_valid,
    )


def filled() -> tuple[RoutingTable, list[Contact]]:
    """Bucket 0 full, verified at 0, 1, 2 and 3."""
    table, contacts = table_of(), [contact(number) for number in range(4)]
    for now, each in enumerate(contacts):
        assert table.offer(each, now).decision is Decision.ADDED
    return table, contacts


def order(table: RoutingTable) -> list[Contact]:
    return [entry.contact for entry in table]


def fail(table: RoutingTable, each: Contact, now: float) -> Entry | None:
    """Two spaced failures; returns the replacement that was promoted."""
    entry = table.at(each.endpoint)
    assert entry is not None
    assert table.fail(entry, now, spacing_s=10, failures_to_evict=2) is None
    removal = table.fail(entry, now + 10, spacing_s=10, failures_to_evict=2)
    assert removal is not None
    assert removal.entry is entry
    return removal.promoted


# --- Admission ------------------------------------------------------------------------------------


def test_a_contact_with_the_own_id_is_refused() -> None:
    assert table_of().offer(Contact(OWN_ID, address(1)), 0).reason == "own-id"
    assert not table_of().wants(Contact(OWN_ID, address(1)))


def test_a_contact_is_added_once() -> None:
    table = table_of()
    added = table.offer(contact(1, 3), 0, rtt_s=0.1, client=b"KD")
    assert (added.decision, added.entry) == (Decision.ADDED, table.get(contact(1, 3).id))
    assert table.offer(contact(1, 3), 5) == (Decision.KNOWN, added.entry, "", ())
    assert (len(table), table.bucket_index(contact(1, 3).id)) == (1, 3)
    assert (table.get(contact(2, 3).id), table.get(contact(2, 9).id)) == (None, None)


def test_the_last_bucket_size_holds_for_all_deeper_buckets() -> None:
    assert [table_of().capacity(index) for index in (0, 1, 2, 159)] == [4, 2, 2, 2]


def test_a_full_bucket_challenges_its_least_recently_verified() -> None:
    table, contacts = filled()
    offer = table.offer(contact(9), 10)
    assert (offer.decision, offer.entry) == (Decision.CHALLENGE, table.at(contacts[0].endpoint))
    assert order(table) == contacts


def test_an_entry_with_a_check_in_flight_is_not_challenged() -> None:
    table, _ = filled()
    challenged = table.offer(contact(8), 10).entry
    assert challenged is not None
    challenged.checking = True
    assert table.offer(contact(9), 10).decision is Decision.REPLACEMENT


def test_a_challenged_entry_that_answers_moves_to_the_tail() -> None:
    """Otherwise the same entry would be challenged for ever."""
    table, contacts = filled()
    table.offer(contact(9), 10)
    table.confirm(contacts[0], 11)
    assert order(table) == [*contacts[1:], contacts[0]]
    assert table.offer(contact(10), 12).entry is table.at(contacts[1].endpoint)


def test_two_spaced_failures_make_room_for_the_latest_replacement() -> None:
    table, contacts = filled()
    for now, number in enumerate((7, 8, 9), start=10):
        table.offer(contact(number), now)
    promoted = fail(table, contacts[0], 20)
    assert promoted is table.at(contact(9).endpoint)
    assert order(table) == [*contacts[1:], contact(9)]


def test_a_replacement_with_a_valid_id_by_bep_42_takes_the_vacancy() -> None:
    """Incumbents are not held to BEP 42: an entry that answers stays."""
    bep42_invalid = {contact(number).id for number in (1, 2, 9)}
    table = table_of(bep42_valid=lambda node_id, endpoint: node_id not in bep42_invalid)
    contacts = [contact(number) for number in range(4)]
    for now, number in enumerate((0, 1, 2, 3, 7, 8, 9)):
        table.offer(contact(number), now)
    assert fail(table, contacts[0], 20) is table.at(contact(8).endpoint), "9 was verified later"
    assert fail(table, contacts[3], 40) is table.at(contact(7).endpoint)
    assert fail(table, contact(7), 60) is table.at(contact(9).endpoint), "there is no other"


def test_failures_close_together_count_as_one() -> None:
    table, contacts = filled()
    entry = table.at(contacts[0].endpoint)
    assert entry is not None
    for now in (20, 25, 29.9):
        assert table.fail(entry, now, spacing_s=10, failures_to_evict=2) is None
    assert entry.failures == 1
    table.confirm(contacts[0], 29.95)
    assert table.fail(entry, 31, spacing_s=10, failures_to_evict=2) is None, (
        "an answer resets the failures"
    )


def test_a_removed_entry_cannot_fail() -> None:
    table, contacts = filled()
    entry = table.at(contacts[0].endpoint)
    assert entry is not None
    table.remove(entry)
    assert table.fail(entry, 20, spacing_s=10, failures_to_evict=1) is None


def test_conflicts_are_checked_again_when_a_replacement_is_promoted() -> None:
    """Between challenge and outcome another contact may have taken the place, the address, or the
    share of the subnet.
    """
    table, contacts = filled()
    replacement, rival = contact(9), contact(8, index=1)
    table.offer(replacement, 10)
    table.offer(
        Contact(rival.id, replacement.endpoint), 11
    )  # the same address, by now in another bucket
    assert fail(table, contacts[0], 20) is None
    assert len(list(table)) == 4


def test_caps_are_checked_again_when_a_replacement_is_promoted() -> None:
    table, contacts = filled()
    replacement = Contact(id_in_bucket(0, 9), make_endpoint("99.9.9.1", 1))
    table.offer(replacement, 10)
    for index in (1, 2):
        assert (
            table.offer(
                Contact(id_in_bucket(index), make_endpoint(f"99.9.9.{index + 1}", 1)), 11
            ).decision
            is Decision.ADDED
        )
    assert fail(table, contacts[0], 20) is None, "two of its /24 are in the table by now"


def test_a_promoted_replacement_is_sorted_by_its_time_of_verification() -> None:
    """The head of a bucket is challenged next, so a replacement that was verified long ago must not
    stand at the tail.
    """
    table, contacts = filled()
    table.offer(contact(9), 5)
    for now, each in enumerate(contacts[1:], start=10):
        table.confirm(each, now)
    fail(table, contacts[0], 20)
    assert order(table) == [contact(9), *contacts[1:]]


def test_replacements_are_bounded_and_the_oldest_is_dropped() -> None:
    table, _ = filled()
    for number in range(7, 12):
        table.offer(contact(number), number)
    assert list(table.buckets()[0].replacements) == [contact(number).id for number in (9, 10, 11)]


# --- One ID, two endpoints; one endpoint, two IDs -------------------------------------------------


def test_a_known_id_from_another_endpoint_never_moves_the_incumbent() -> None:
    """It is a move or a theft, and only the silence of the incumbent tells which."""
    table, contacts = filled()
    moved = Contact(contacts[2].id, address(50))
    assert not table.wants(moved)
    offer = table.offer(moved, 10)
    assert (offer.decision, offer.entry) == (Decision.CHALLENGE, table.at(contacts[2].endpoint))
    assert offer.entry is not None
    offer.entry.checking = True
    assert table.offer(moved, 11).decision is Decision.REPLACEMENT
    assert order(table) == contacts
    assert fail(table, contacts[2], 20) is table.at(moved.endpoint)
    assert table.get(moved.id) is table.at(moved.endpoint)


def test_a_replacement_whose_id_is_in_the_table_is_dropped() -> None:
    table, contacts = filled()
    table.offer(Contact(contacts[2].id, address(50)), 10)
    assert fail(table, contacts[0], 20) is None
    assert order(table) == contacts[1:]


def test_another_id_from_the_endpoint_of_an_incumbent_contradicts_and_then_replaces_it() -> None:
    table, contacts = filled()
    restarted = Contact(id_in_bucket(1, 77), contacts[1].endpoint)
    first = table.offer(restarted, 10)
    assert (first.decision, first.entry) == (Decision.CONTRADICTED, table.at(contacts[1].endpoint))
    second = table.offer(restarted, 11)
    assert second.decision is Decision.ADDED
    assert second.evicted == (first.entry,)
    assert table.at(contacts[1].endpoint) is second.entry
    assert table.get(contacts[1].id) is None


def test_a_contradicting_id_waits_while_the_incumbent_is_being_checked() -> None:
    table, contacts = filled()
    restarted = Contact(id_in_bucket(1, 77), contacts[1].endpoint)
    entry = table.at(contacts[1].endpoint)
    assert entry is not None
    entry.checking = True
    assert [table.offer(restarted, 10).decision for _ in range(3)] == [Decision.CONTRADICTED] * 3


def test_an_answer_of_the_incumbent_ends_the_contradiction() -> None:
    table, contacts = filled()
    restarted, other = (
        Contact(id_in_bucket(1, number), contacts[1].endpoint) for number in (77, 78)
    )
    table.offer(restarted, 10)
    table.confirm(contacts[1], 11)
    assert table.offer(restarted, 12).decision is Decision.CONTRADICTED
    assert table.offer(other, 13).decision is Decision.CONTRADICTED, (
        "each ID must be seen twice in a row"
    )
    assert table.at(contacts[1].endpoint) is table.get(contacts[1].id)


def test_the_own_id_is_no_contact_before_and_after_it_changes() -> None:
    table, contacts = filled()
    next_id = contacts[0].id
    before = table.own_id
    table.rebase(next_id, 20)
    elsewhere = address(60)
    for own_id in (before, next_id):
        assert table.offer(Contact(own_id, elsewhere), 21).reason == "own-id"
        assert not table.wants(Contact(own_id, elsewhere))
    assert all(entry.id != next_id for entry in table)
    assert all(next_id not in bucket.replacements for bucket in table.buckets())


def test_an_entry_that_answers_with_the_own_id_goes_like_any_other_contradicted_one() -> None:
    table, contacts = filled()
    echo = Contact(table.own_id, contacts[1].endpoint)
    assert table.offer(echo, 10).decision is Decision.CONTRADICTED
    second = table.offer(echo, 11)
    assert (second.decision, second.reason) == (Decision.REFUSED, "own-id")
    assert table.at(contacts[1].endpoint) is None
    assert [entry.contact for entry in second.evicted] == [contacts[1]]


# --- The soft cap of a /16 ------------------------------------------------------------------------


def of_one_netgroup(number: int, index: int = 0) -> Contact:
    return Contact(id_in_bucket(index, 500 + number), make_endpoint(f"99.9.{number}.1", 1))


def test_the_surplus_of_a_netgroup_takes_vacancies_and_gives_way_at_once() -> None:
    table = table_of()
    table.offer(contact(1), 0)
    surplus = [of_one_netgroup(number) for number in range(3)]
    entries = [table.offer(each, 1 + number).entry for number, each in enumerate(surplus)]
    assert table.wants(contact(2))
    assert not table.wants(of_one_netgroup(3))
    offer = table.offer(contact(2), 10)
    assert (offer.decision, offer.evicted) == (Decision.ADDED, (entries[2],)), "the youngest"
    assert not table.wants(contact(3)), "the netgroup is at its cap now"
    offer = table.offer(contact(3), 11)
    assert (offer.decision, offer.evicted) == (Decision.CHALLENGE, ())
    assert table.offer(of_one_netgroup(3), 11).reason == "cap-netgroup"
    assert table.offer(of_one_netgroup(3, index=1), 11).decision is Decision.ADDED


def test_refusals_name_the_cap() -> None:
    table = table_of()
    table.offer(Contact(id_in_bucket(0), make_endpoint("99.9.9.1", 1)), 0)
    offers = {
        "cap-host": Contact(id_in_bucket(1), make_endpoint("99.9.9.1", 2)),
        "cap-subnet-bucket": Contact(id_in_bucket(0, 1), make_endpoint("99.9.9.2", 1)),
    }
    for reason, each in offers.items():
        assert not table.wants(each)
        offer = table.offer(each, 1)
        assert (offer.decision, offer.reason) == (Decision.REFUSED, reason)


# --- Which contacts are worth a check -------------------------------------------------------------


def test_a_contact_is_wanted_if_it_could_fill_a_vacancy() -> None:
    table, contacts = filled()
    assert table.wants(contact(9, index=1))
    assert not table.wants(contact(9)), (
        "the bucket is full: a reported contact is not worth a query"
    )
    fail(table, contacts[0], 10)
    assert table.wants(contact(9))
    assert not table.wants(contacts[1])
    assert not table.wants(Contact(contacts[1].id, address(50))), "a known ID at another endpoint"
    assert not table.wants(Contact(contact(9).id, contacts[1].endpoint)), "a known endpoint"


# --- Answers of contacts --------------------------------------------------------------------------


def test_an_answer_from_another_id_or_endpoint_confirms_no_entry() -> None:
    table, contacts = filled()
    assert table.confirm(Contact(contacts[0].id, address(50)), 10) is None
    assert table.confirm(Contact(contacts[1].id, contacts[0].endpoint), 10) is None
    assert order(table) == contacts


def test_an_answer_updates_the_entry_of_its_sender() -> None:
    table = table_of()
    table.offer(contact(1), 0, inbound=True)
    table.confirm(contact(1), 5)
    entry = table.confirm(contact(1), 9, rtt_s=0.2, client=b"LT")
    assert entry is not None
    assert (
        entry.first_verified_at,
        entry.verified_at,
        entry.rtt_s,
        entry.client,
        entry.inbound,
    ) == (0, 9, 0.2, b"LT", True)
    table.confirm(contact(1), 10, rtt_s=0.4, proven=True)
    assert entry.rtt_s == pytest.approx(0.25), "smoothed"
    assert (entry.client, entry.inbound) == (b"LT", False)
    assert table.buckets()[0].touched_at == 10


# --- Contacts for answers -------------------------------------------------------------------------


def test_inbound_and_failing_entries_are_in_answers_only_if_others_are_too_few() -> None:
    table, contacts = table_of(), [contact(number) for number in range(4)]
    for each in contacts:
        table.offer(each, 0, inbound=each == contacts[1])
    target = contacts[0].id
    assert len(table.closest(target, 3)) == 3
    failing = table.at(contacts[0].endpoint)
    assert failing is not None
    table.fail(failing, 100, spacing_s=10, failures_to_evict=2)
    shown = sorted(contacts[2:], key=lambda each: each.id ^ target)
    assert [entry.contact for entry in table.closest(target, 2)] == shown
    assert {entry.contact for entry in table.closest(target, 3)} > set(shown[:1]), (
        "too few: the other entries fill up"
    )
    table.confirm(contacts[0], 120)
    table.confirm(contacts[1], 120, proven=True)
    assert [entry.contact for entry in table.closest(target, 4)] == sorted(
        contacts, key=lambda each: each.id ^ target
    )


def test_the_closest_follow_each_addition_and_removal() -> None:
    table, contacts = table_of(), [contact(number) for number in range(4)]
    for added, each in enumerate(contacts):
        assert [entry.contact for entry in table.closest(each.id, 1)] == sorted(
            contacts[:added], key=lambda other: other.id ^ each.id
        )[:1]
        table.offer(each, added)
        assert [entry.contact for entry in table.closest(each.id, 1)] == [each]
    gone = table.at(contacts[0].endpoint)
    assert gone is not None
    table.remove(gone)
    assert len(table.closest(contacts[0].id, 3)) == 3
    assert gone not in table.closest(contacts[0].id, 4)


def test_contacts_of_a_private_scope_are_sent_only_within_it() -> None:
    table = table_of()
    public, private, loopback = (
        Contact(id_in_bucket(0, number), endpoint)
        for number, endpoint in enumerate(
            [address(1), make_endpoint("10.0.0.1", 1), make_endpoint("127.0.0.1", 1)]
        )
    )
    for each in (public, private, loopback):
        table.offer(each, 0)

    def sent_to(scope: Scope | None) -> set[Endpoint]:
        return {entry.contact.endpoint for entry in table.closest(0, 8, scope)}

    assert sent_to(Scope.PUBLIC) == {public.endpoint}
    assert sent_to(Scope.PRIVATE) == {public.endpoint, private.endpoint}
    assert sent_to(Scope.LOOPBACK) == {public.endpoint, loopback.endpoint}
    assert sent_to(None) == {public.endpoint, private.endpoint, loopback.endpoint}


def test_an_entry_holds_its_compact_contact() -> None:
    entry = table_of().offer(contact(1), 0).entry
    assert entry is not None
    assert entry.pooled.packed == contact(1).id.to_bytes(20, "big") + address(1)


# --- Plain Kademlia, for comparison ---------------------------------------------------------------


def test_without_ping_before_evict_a_new_contact_displaces_the_oldest() -> None:
    table = table_of(challenge=False)
    for now in range(4):
        table.offer(contact(now), now)
    offer = table.offer(contact(9), 10)
    assert offer.decision is Decision.ADDED
    assert [entry.contact for entry in offer.evicted] == [contact(0)]
    assert order(table) == [contact(1), contact(2), contact(3), contact(9)]


def test_without_ping_before_evict_a_known_id_moves_to_the_endpoint_that_claims_it() -> None:
    table = table_of(challenge=False)
    table.offer(contact(1), 0)
    thief = Contact(contact(1).id, address(66))
    offer = table.offer(thief, 1)
    assert offer.decision is Decision.ADDED
    assert ([entry.contact for entry in offer.evicted], order(table)) == ([contact(1)], [thief])


def test_without_challenges_a_static_peer_keeps_its_place_and_the_bucket_its_size() -> None:
    """The baseline of ping-before-evict: each newcomer replaces the oldest entry, but never one
    that the operator wants; or it would come back beyond the capacity, again and again.
    """
    table = table_of(TableConfig(bucket_sizes=(1,)), caps=False, challenge=False)
    static = contact(0)
    table.pin(static.endpoint)
    for now in range(5):
        table.offer(contact(2 * now + 1), now)
        table.offer(static, now)
        table.offer(contact(2 * now + 2), now)
        assert table.holds(static.endpoint)
        assert len(table) <= 2
        assert not list(table.inconsistencies(table.pins))
    moved = Contact(static.id, contact(99).endpoint)
    assert table.offer(moved, 9.0).reason == "static-peers"
