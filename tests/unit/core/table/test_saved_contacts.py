"""Saved contacts: the order in which they are tried, and which are dropped."""

from __future__ import annotations

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.contract.saved_state import SavedContact
from kadisc.core.table.diversity import DiversityCaps
from kadisc.core.table.routing_table import RoutingTable
from kadisc.core.table.saved_contacts import (
    EXPORTED_AT_ONCE,
    FORGET_S,
    MAX_SAVED,
    SavedContacts,
)
from kadisc.endpoints import Family, make_endpoint

CONFIG = CoreConfig()
OWN_ID = 1 << 159


def saved(number: int, *, age_s: float = 1000.0, verified_s_ago: float = 10.0) -> SavedContact:
    endpoint = make_endpoint(f"11.{number // 250}.{number % 250}.1", 6881)
    return SavedContact(Contact(number, endpoint), age_s, verified_s_ago)


def with_contacts(*contacts: SavedContact) -> SavedContacts:
    policy = AddressPolicy(False)
    caps = DiversityCaps(CONFIG.table, policy)
    table = RoutingTable(Family.IPV4, OWN_ID, CONFIG.table, policy, caps)
    saved_contacts = SavedContacts(Family.IPV4, table, policy, CONFIG.table.k)
    for contact in contacts:
        assert saved_contacts.add(contact, 0.0)
    return saved_contacts


def order(saved_contacts: SavedContacts, now: float = 0.0) -> list[int]:
    return [each.contact.id for each in saved_contacts.unanswered(now)]


def test_long_sessions_come_first_unless_the_silence_is_long() -> None:
    """A contact that was up for a year and has been silent for a month is less likely to be alive
    than one that was up for a day and answered a minute ago.
    """
    year = saved(1, age_s=3e7, verified_s_ago=2e6)
    day = saved(2, age_s=86_400.0, verified_s_ago=60.0)
    assert order(with_contacts(year, day)) == [2, 1]
    by_age = with_contacts(saved(1, age_s=3e7), saved(2, age_s=86_400.0), saved(3, age_s=100.0))
    assert order(by_age) == [1, 2, 3]


def test_the_time_since_verification_grows() -> None:
    saved_contacts = with_contacts(saved(1, verified_s_ago=10.0))
    assert saved_contacts.unanswered(500.0)[0].verified_s_ago == 510.0


def test_after_a_month_of_silence_a_contact_is_no_longer_saved() -> None:
    assert order(with_contacts(saved(1), saved(2, verified_s_ago=FORGET_S - 5)), 10.0) == [1]


def test_each_contact_is_tried_before_any_is_tried_twice() -> None:
    saved_contacts = with_contacts(
        *(saved(number, age_s=10_000.0 - number) for number in range(10))
    )
    tried = [contact.id for _ in range(3) for contact in saved_contacts.to_try(0, 4, 0.0)]
    assert tried == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_a_contact_that_has_answered_is_taken_out() -> None:
    saved_contacts = with_contacts(saved(1), saved(2))
    answered = saved_contacts.take(saved(1).contact)
    assert answered is not None
    assert answered.age_s == 1000.0
    assert saved_contacts.take(saved(1).contact) is None
    assert (len(saved_contacts), order(saved_contacts)) == (1, [2])


def test_the_number_of_saved_contacts_is_bounded() -> None:
    saved_contacts = with_contacts(*(saved(number) for number in range(MAX_SAVED)))
    assert not saved_contacts.add(saved(MAX_SAVED), 0.0)
    assert len(saved_contacts) == MAX_SAVED


def test_no_age_is_saved_as_negative() -> None:
    """A clock that went back: a file with a negative age could not be read again."""
    policy = AddressPolicy(False)
    table = RoutingTable(
        Family.IPV4, OWN_ID, CONFIG.table, policy, DiversityCaps(CONFIG.table, policy)
    )
    table.offer(saved(1).contact, 1000.0)
    saved_contacts = SavedContacts(Family.IPV4, table, policy, CONFIG.table.k)
    saved_contacts.add(saved(2, verified_s_ago=0.0), 1000.0)
    own = ExternalAddress(CONFIG.address, bytes(4), b"", Confidence.UNKNOWN)
    exported = saved_contacts.begin_export(own, 400.0).step(400.0)
    assert exported is not None
    assert [(each.age_s, each.verified_s_ago) for each in exported.contacts] == [
        (0.0, 0.0),
        (1000.0, 0.0),
    ]


def test_an_export_takes_slices_and_has_every_contact_once() -> None:
    policy = AddressPolicy(False)
    caps = DiversityCaps(CONFIG.table, policy)
    table = RoutingTable(Family.IPV4, OWN_ID, CONFIG.table, policy, caps)
    table.offer(saved(1).contact, 0.0)
    saved_contacts = SavedContacts(Family.IPV4, table, policy, CONFIG.table.k)
    others = [saved(number) for number in range(2, 302)]
    for each in others:
        assert saved_contacts.add(each, 0.0)
    own = ExternalAddress(CONFIG.address, bytes(4), b"", Confidence.UNKNOWN)
    export = saved_contacts.begin_export(own, 5.0)
    steps = 1
    while (exported := export.step(5.0)) is None:
        steps += 1
    assert steps == -(-301 // EXPORTED_AT_ONCE)
    assert exported.contacts[1:] == saved_contacts.unanswered(5.0)
    assert [each.contact for each in exported.contacts[:1]] == [saved(1).contact]
    assert len({each.contact for each in exported.contacts}) == 301
