"""When entries are checked: new and failed ones soon, proven ones seldom, all within a budget."""

from __future__ import annotations

import random

import pytest

from kadisc.config import MaintenanceConfig
from kadisc.core.addressing.contact_pool import ContactPool
from kadisc.core.table.bucket import Entry
from kadisc.core.table.revalidation import Revalidation
from tests.support.contacts import contact

CONFIG = MaintenanceConfig()
FIRST_DEEP = 4


def entry_of(
    number: int = 1,
    *,
    since: float = 0.0,
    verified: float = 0.0,
    inbound: bool = False,
    bucket: int = 0,
) -> Entry:
    return Entry(
        ContactPool().pooled(contact(number)), bucket, since, verified, inbound, traffic_at=verified
    )


def revalidation() -> Revalidation:
    return Revalidation(CONFIG, random.Random(1), FIRST_DEEP)


def wait_for(checks: Revalidation, entry: Entry) -> float:
    """Plans a check of the entry and returns when it is due."""
    checks.plan(entry)
    at = checks.deadline
    assert checks.due(at - 0.001) is None
    assert checks.due(at) is entry
    return at


def test_a_new_contact_is_checked_after_a_minute() -> None:
    assert wait_for(revalidation(), entry_of()) == pytest.approx(60, rel=0.1)


def test_the_interval_between_checks_grows_with_the_age_of_a_contact() -> None:
    ages_s = (0.2, 60, 225, 3600, 10_000, 100_000)
    waits = [wait_for(revalidation(), entry_of(verified=up)) - up for up in ages_s]
    assert waits == pytest.approx([60, 222, 222, 300, 387, 689], rel=0.1)


def test_a_failed_contact_is_checked_again_soon() -> None:
    entry = entry_of(verified=5000)
    entry.failures, entry.failed_at = 1, 5100
    assert wait_for(revalidation(), entry) == 5120


def test_a_failure_advances_the_check_and_an_answer_delays_it() -> None:
    checks, entry = revalidation(), entry_of(verified=5000)
    checks.plan(entry)
    entry.failures, entry.failed_at = 1, 5010
    checks.plan(entry)
    assert checks.deadline == 5030
    entry.failures, entry.verified_at = 0, 5025
    checks.plan(entry)
    assert checks.due(5030) is None
    assert checks.deadline > 5250


def test_an_inbound_contact_is_checked_after_200_s_of_silence() -> None:
    checks, entry = revalidation(), entry_of(inbound=True)
    checks.plan(entry)
    entry.traffic_at = 150  # it queried the node again
    assert checks.due(200) is None
    assert checks.deadline == 350
    assert checks.due(350) is entry


def test_a_failed_inbound_contact_is_checked_without_the_silence() -> None:
    checks, entry = revalidation(), entry_of(inbound=True)
    entry.failures, entry.failed_at, entry.traffic_at = 1, 30, 30
    assert wait_for(checks, entry) == 50


def test_all_checks_are_within_a_budget() -> None:
    checks = revalidation()
    for number in range(5):
        checks.plan(entry_of(number))
    assert checks.due(1000)
    assert checks.due(1000) is None
    assert checks.deadline == 1000 + CONFIG.check_interval_s
    assert checks.due(1000 + CONFIG.check_interval_s)


def test_an_entry_with_a_check_in_flight_is_not_checked_again() -> None:
    checks, entry = revalidation(), entry_of()
    checks.plan(entry)
    entry.checking = True
    assert checks.due(100) is None
    assert checks.deadline == 100 + CONFIG.check_interval_s
    entry.checking = False
    assert checks.due(104) is entry


def test_a_removed_entry_is_not_checked() -> None:
    checks, entry = revalidation(), entry_of()
    checks.plan(entry)
    checks.forget(entry)
    checks.forget(entry)
    assert checks.due(1000) is None
    assert checks.deadline == float("inf")
    assert len(checks) == 0


def test_a_promoted_replacement_is_checked_at_once() -> None:
    checks, entry = revalidation(), entry_of()
    checks.plan(entry)
    checks.check_at(entry, 10)
    assert checks.due(10) is entry
    entry.verified_at = 11
    checks.plan(entry)
    assert checks.due(60) is None, "the older plan was replaced"


def test_a_check_without_a_result_is_repeated() -> None:
    """The answer was an error, or the system refused to send the query."""
    checks, entry = revalidation(), entry_of()
    at = wait_for(checks, entry)
    assert checks.due(at + CONFIG.retry_after_failure_s - 1) is None
    assert checks.due(at + CONFIG.retry_after_failure_s) is entry


def test_each_entry_is_planned_once() -> None:
    """An hour of answers and failures of the same 50 entries, each planned hundreds of times."""
    checks = revalidation()
    rng = random.Random(2)
    entries = [entry_of(number) for number in range(50)]
    longest = 0
    for now in range(3600):
        for entry in rng.sample(entries, 5):
            if rng.random() < 0.1:
                entry.failures, entry.failed_at = 1, now
            else:
                entry.failures, entry.verified_at, entry.traffic_at = 0, now, now
            checks.plan(entry)
        if (found := checks.due(now)) is not None:
            found.verified_at = now
            checks.plan(found)
        longest = max(longest, len(checks))
    assert len(checks) == longest == 50


def test_a_new_neighbour_is_checked_before_all_others() -> None:
    """Until it is checked, other nodes cannot find it. A new contact far away waits: other tables
    hold it as well.
    """
    checks = revalidation()
    others = [entry_of(number, verified=0) for number in range(50)]
    far, near = entry_of(100, inbound=True), entry_of(101, inbound=True, bucket=FIRST_DEEP)
    for entry in (*others, far, near):
        checks.plan(entry)
    checked: list[Entry] = []
    now = 400.0  # all are due
    while near not in checked:
        entry = checks.due(now)
        assert entry is not None
        checked.append(entry)
        now += CONFIG.check_interval_s
    assert len(checked) <= 2
    assert far not in checked


def test_new_neighbours_have_a_budget_of_their_own() -> None:
    """However many silent nodes behind restricted NATs an attacker adds, the other contacts are
    checked as often as before.
    """
    checks = revalidation()
    for number in range(40):
        checks.plan(entry_of(number, verified=0))
        checks.plan(entry_of(100 + number, inbound=True, bucket=FIRST_DEEP))
    checked, now, end = list[Entry](), 400.0, 400.0 + 80
    while now < end:
        entry = checks.due(now)
        if entry is None:
            now = checks.deadline
        else:
            checked.append(entry)
    new_neighbours = sum(entry.inbound for entry in checked)
    assert new_neighbours == 80 / CONFIG.new_neighbour_check_interval_s
    assert len(checked) - new_neighbours == 80 / CONFIG.check_interval_s


def test_a_new_neighbour_that_is_proven_uses_the_common_budget() -> None:
    checks, entry = revalidation(), entry_of(inbound=True, bucket=FIRST_DEEP)
    checks.plan(entry)
    entry.inbound = False
    checks.plan(entry)
    assert len(checks) == 1
    checks.forget(entry)
    assert (len(checks), checks.deadline) == (0, float("inf"))


def test_an_answer_to_another_query_in_place_of_a_due_check_counts_in_the_budget() -> None:
    checks = revalidation()
    due, other, third = (entry_of(number) for number in (1, 2, 3))
    for entry in (due, other, third):
        checks.plan(entry)
    now = 100.0
    due.verified_at = now
    checks.answered(due, now, was_check=False)  # gossip, or a lookup
    assert checks.due(now) is None, "one query less"
    assert checks.due(now + CONFIG.check_interval_s) in (other, third)
    # An entry whose check is not due spares none.
    due.verified_at = now + 1.0
    checks.answered(due, now + 1.0, was_check=False)
    assert checks.due(now + 2 * CONFIG.check_interval_s) in (other, third)


def test_answers_put_off_the_checks_of_other_contacts_by_one_interval_at_most() -> None:
    checks = revalidation()
    entries = [entry_of(number) for number in range(1, 40)]
    for entry in entries:
        checks.plan(entry)
    now = 100.0
    for entry in entries[:-1]:  # a lookup meets nearly all of them at once
        entry.verified_at = now
        checks.answered(entry, now, was_check=False)
    assert checks.due(now + 2 * CONFIG.check_interval_s) is entries[-1]
