"""Detection of being offline."""

from __future__ import annotations

from kadisc.config import MaintenanceConfig
from kadisc.core.addressing.connectivity import Connectivity, Verdict
from kadisc.core.baselines.addressing import AlwaysOnline
from tests.support.world import address

CONFIG = MaintenanceConfig()
ENOUGH = CONFIG.offline_failures
LATER = CONFIG.offline_after_s
NOTHING, DOUBT, OFFLINE = Verdict.NOTHING, Verdict.DOUBT, Verdict.OFFLINE


def silent(
    connectivity: Connectivity, now: float, contacts: int = ENOUGH, others: int = 100
) -> list[Verdict]:
    return [connectivity.silent(address(number), others, now) for number in range(contacts)]


def offline() -> Connectivity:
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    assert silent(connectivity, 100 + LATER)[-1] is OFFLINE
    return connectivity


def test_many_silent_contacts_without_an_answer_are_offline_reported_once() -> None:
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    assert silent(connectivity, 100 + LATER) == [DOUBT] * (ENOUGH - 1) + [OFFLINE]
    assert not connectivity.online
    assert silent(connectivity, 101 + LATER) == [NOTHING] * ENOUGH


def test_one_answer_is_online_again_reported_once() -> None:
    connectivity = offline()
    assert [connectivity.answered(201), connectivity.answered(202)] == [True, False]
    assert connectivity.online


def test_an_answer_in_between_restarts_the_count() -> None:
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    silent(connectivity, 100 + LATER, ENOUGH - 1)
    connectivity.answered(101 + LATER)
    assert silent(connectivity, 101 + 2 * LATER, ENOUGH - 1) == [DOUBT] * (ENOUGH - 1)


def test_a_recent_answer_proves_being_online() -> None:
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    assert silent(connectivity, 99 + LATER, 3 * ENOUGH) == [NOTHING] * 3 * ENOUGH


def test_half_of_the_evidence_comes_after_the_first_doubt() -> None:
    """After a crash of most nodes, those that happened to be asked first may all be gone."""
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    silent(connectivity, 101, 3 * ENOUGH)
    half = ENOUGH - ENOUGH // 2
    assert connectivity.missing == half
    asked = [connectivity.silent(address(100 + each), 50, 100 + LATER) for each in range(half)]
    assert asked == [DOUBT] * (half - 1) + [OFFLINE]


def test_the_same_contact_counts_once() -> None:
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    verdicts = [connectivity.silent(address(1), 9, 100 + LATER + each) for each in range(50)]
    assert set(verdicts) == {DOUBT}


def test_a_contact_that_was_silent_before_is_a_reason_to_ask_and_no_evidence() -> None:
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    assert {connectivity.silent(None, 9, 200 + each) for each in range(50)} == {DOUBT}


def test_where_there_are_few_contacts_all_of_them_must_be_silent() -> None:
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    verdicts = [connectivity.silent(address(each), 2 - each, 200) for each in range(3)]
    assert verdicts == [DOUBT, DOUBT, OFFLINE]


def test_one_contact_is_too_few_to_tell() -> None:
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    assert connectivity.silent(address(1), 0, 200) is NOTHING


def test_after_a_change_of_the_link_earlier_answers_do_not_count() -> None:
    connectivity = Connectivity(CONFIG)
    connectivity.answered(100)
    connectivity.link_changed()
    assert silent(connectivity, 101)[-1] is OFFLINE


def test_without_detection_the_node_is_always_online() -> None:
    undetected = AlwaysOnline()
    undetected.link_changed()
    verdicts = {undetected.silent(address(each), 9, 1000) for each in range(100)}
    assert verdicts == {NOTHING}
    assert not undetected.answered(0)
    assert undetected.online
