"""Whom we know without having met them: who is tried first, who is tried next, and who is
forgotten.
"""

from __future__ import annotations

from kadisc.config import MaintenanceConfig
from kadisc.contacts import Contact
from kadisc.core.contract.saved_state import SavedContact
from kadisc.core.table.saved_contacts import FORGET_S, MAX_REMEMBERED, SavedContacts
from kadisc.endpoints import make_endpoint


def saved(number: int, *, age_s: float = 1000.0, verified_s_ago: float = 10.0) -> SavedContact:
    return SavedContact(
        Contact(number, make_endpoint(f"11.{number // 250}.{number % 250}.1", 6881)),
        age_s,
        verified_s_ago,
    )


def remembering(*contacts: SavedContact) -> SavedContacts:
    saved_contacts = SavedContacts(MaintenanceConfig())
    for contact in contacts:
        assert saved_contacts.remember(contact, 0.0)
    return saved_contacts


def order(saved_contacts: SavedContacts, now: float = 0.0) -> list[int]:
    return [each.contact.id for each in saved_contacts.not_met(now)]


def test_long_sessions_come_first_but_not_for_ever() -> None:
    """One that was up for a year and has been silent for a month is less likely to be there than
    one that was up for a day, a minute ago.
    """
    year, day = (
        saved(1, age_s=3e7, verified_s_ago=2e6),
        saved(2, age_s=86_400.0, verified_s_ago=60.0),
    )
    assert order(remembering(year, day)) == [2, 1]
    assert order(
        remembering(saved(1, age_s=3e7), saved(2, age_s=86_400.0), saved(3, age_s=100.0))
    ) == [1, 2, 3]


def test_silence_goes_on_while_nothing_is_heard() -> None:
    saved_contacts = remembering(saved(1, verified_s_ago=10.0))
    assert saved_contacts.not_met(500.0)[0].verified_s_ago == 510.0


def test_after_a_month_of_silence_it_is_no_longer_handed_on() -> None:
    assert order(remembering(saved(1), saved(2, verified_s_ago=FORGET_S - 5)), 10.0) == [1]


def test_each_has_its_turn_before_any_has_a_second() -> None:
    saved_contacts = remembering(*(saved(number, age_s=10_000.0 - number) for number in range(10)))
    tried = [contact.id for _ in range(3) for contact in saved_contacts.to_try(0, 4, 0.0)]
    assert tried == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_who_was_met_is_remembered_no_longer() -> None:
    saved_contacts = remembering(saved(1), saved(2))
    met = saved_contacts.met(saved(1).contact)
    assert met is not None
    assert met.age_s == 1000.0
    assert saved_contacts.met(saved(1).contact) is None
    assert (len(saved_contacts), order(saved_contacts)) == (1, [2])


def test_there_is_room_for_so_many() -> None:
    saved_contacts = remembering(*(saved(number) for number in range(MAX_REMEMBERED)))
    assert not saved_contacts.remember(saved(MAX_REMEMBERED), 0.0)
    assert len(saved_contacts) == MAX_REMEMBERED


def test_a_pin_comes_again_until_it_is_taken_back() -> None:
    saved_contacts, endpoint = remembering(), saved(1).contact.endpoint
    saved_contacts.pin(endpoint, 5.0)
    assert saved_contacts.deadline == 5.0
    assert saved_contacts.due_pins(5.0) == [endpoint]
    assert saved_contacts.deadline == 35.0
    saved_contacts.unpin(endpoint)
    assert saved_contacts.deadline == float("inf")
    saved_contacts.unpin(endpoint)
