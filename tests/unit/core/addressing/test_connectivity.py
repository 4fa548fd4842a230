"""Detection of being offline."""

from __future__ import annotations

from kadisc.config import MaintenanceConfig
from kadisc.core.addressing.connectivity import Connectivity
from kadisc.core.baselines.addressing import AlwaysOnline

ENOUGH = MaintenanceConfig().offline_failures


def queries_fail(connectivity: Connectivity, now: float, queries: int = ENOUGH) -> list[bool]:
    return [connectivity.failed(now) for _ in range(queries)]


def test_many_failures_in_a_row_without_answers_are_offline_reported_once() -> None:
    connectivity = Connectivity(MaintenanceConfig())
    assert queries_fail(connectivity, 100, ENOUGH + 3) == [False] * (ENOUGH - 1) + [
        True,
        False,
        False,
        False,
    ]
    assert not connectivity.online


def test_one_answer_is_online_again_reported_once() -> None:
    connectivity = Connectivity(MaintenanceConfig())
    queries_fail(connectivity, 100)
    assert [connectivity.answered(b"a", 101), connectivity.answered(b"a", 102)] == [True, False]
    assert connectivity.online


def test_an_answer_in_between_restarts_the_count_of_failures() -> None:
    connectivity = Connectivity(MaintenanceConfig())
    queries_fail(connectivity, 100, ENOUGH - 1)
    connectivity.answered(b"a", 100)
    assert not any(queries_fail(connectivity, 200, ENOUGH - 1))


def test_recent_answers_from_two_netgroups_prove_being_online() -> None:
    connectivity = Connectivity(MaintenanceConfig())
    connectivity.answered(b"a", 100)
    connectivity.answered(b"b", 101)
    assert not any(queries_fail(connectivity, 110))
    assert connectivity.online
    assert connectivity.failed(121), "the answer from a is too long ago by now"


def test_answers_from_one_netgroup_prove_nothing() -> None:
    connectivity = Connectivity(MaintenanceConfig())
    for now in (100, 101, 102):
        connectivity.answered(b"a", now)
    assert any(queries_fail(connectivity, 103))


def test_the_last_two_netgroups_count() -> None:
    connectivity = Connectivity(MaintenanceConfig())
    for now, network in ((0, b"a"), (1, b"b"), (90, b"a"), (95, b"c")):
        connectivity.answered(network, now)
    assert not any(queries_fail(connectivity, 100))


def test_after_a_change_of_the_link_earlier_answers_do_not_count() -> None:
    connectivity = Connectivity(MaintenanceConfig())
    connectivity.answered(b"a", 100)
    connectivity.answered(b"b", 100)
    connectivity.link_changed()
    assert any(queries_fail(connectivity, 101))


def test_without_detection_the_node_is_always_online() -> None:
    undetected = AlwaysOnline()
    undetected.link_changed()
    assert not any([undetected.answered(b"a", 0), *(undetected.failed(1000) for _ in range(100))])
    assert undetected.online
