"""When the service of a chain node is withdrawn, and when it is offered again."""

from __future__ import annotations

from kadisc.feed.availability import Availability


def test_a_minute_down_withdraws_and_two_good_looks_renew() -> None:
    availability = Availability()
    is_offered, changes = True, []
    for at in range(0, 300, 15):
        is_up = not 60 <= at < 180
        change = availability.looked(float(at), is_up=is_up, is_offered=is_offered)
        if change is not None:
            changes.append((at, change))
            is_offered = change == "renew"
    assert changes == [(120, "withdraw"), (195, "renew")]


def test_a_short_restart_changes_nothing() -> None:
    availability = Availability()
    for at in range(0, 600, 15):
        is_up = at % 60 >= 45
        assert availability.looked(float(at), is_up=is_up, is_offered=True) is None


def test_one_good_look_alone_does_not_renew() -> None:
    availability = Availability()
    for at in range(0, 600, 15):
        is_up = at % 30 == 0
        assert availability.looked(float(at), is_up=is_up, is_offered=False) is None


def test_a_change_that_failed_is_asked_for_again() -> None:
    availability = Availability()
    assert availability.looked(0.0, is_up=False, is_offered=True) is None
    assert availability.looked(60.0, is_up=False, is_offered=True) == "withdraw"
    assert availability.looked(75.0, is_up=False, is_offered=True) == "withdraw"
    assert availability.looked(90.0, is_up=False, is_offered=False) is None


def test_a_restart_of_the_running_node_that_offers_it_again_is_seen() -> None:
    availability = Availability()
    availability.looked(0.0, is_up=False, is_offered=True)
    assert availability.looked(90.0, is_up=False, is_offered=False) is None
    assert availability.looked(105.0, is_up=False, is_offered=True) == "withdraw"
