"""Are we cut off? Then nobody's silence is its own fault."""

from __future__ import annotations

from kadisc.config import MaintenanceConfig
from kadisc.core.addressing.connectivity import Connectivity
from kadisc.core.baselines.addressing import AlwaysOnline

ENOUGH = MaintenanceConfig().offline_failures


def silence(us: Connectivity, now: float, queries: int = ENOUGH) -> list[bool]:
    return [us.failed(now) for _ in range(queries)]


def test_many_failures_in_a_row_and_nobody_heard_is_offline_and_said_once() -> None:
    us = Connectivity(MaintenanceConfig())
    assert silence(us, 100, ENOUGH + 3) == [False] * (ENOUGH - 1) + [True, False, False, False]
    assert not us.online


def test_one_answer_brings_us_back_and_is_said_once() -> None:
    us = Connectivity(MaintenanceConfig())
    silence(us, 100)
    assert [us.answered(b"a", 101), us.answered(b"a", 102)] == [True, False]
    assert us.online


def test_an_answer_in_between_starts_the_count_again() -> None:
    us = Connectivity(MaintenanceConfig())
    silence(us, 100, ENOUGH - 1)
    us.answered(b"a", 100)
    assert not any(silence(us, 200, ENOUGH - 1))


def test_two_networks_heard_lately_prove_that_we_are_online() -> None:
    us = Connectivity(MaintenanceConfig())
    us.answered(b"a", 100)
    us.answered(b"b", 101)
    assert not any(silence(us, 110))
    assert us.online
    assert us.failed(121), "a was heard too long ago by now"


def test_one_network_proves_nothing_however_often_it_is_heard() -> None:
    us = Connectivity(MaintenanceConfig())
    for now in (100, 101, 102):
        us.answered(b"a", now)
    assert any(silence(us, 103))


def test_the_two_heard_last_count() -> None:
    us = Connectivity(MaintenanceConfig())
    for now, network in ((0, b"a"), (1, b"b"), (90, b"a"), (95, b"c")):
        us.answered(network, now)
    assert not any(silence(us, 100))


def test_after_a_change_of_the_link_old_evidence_is_void() -> None:
    us = Connectivity(MaintenanceConfig())
    us.answered(b"a", 100)
    us.answered(b"b", 100)
    us.link_changed()
    assert any(silence(us, 101))


def test_without_detection_we_are_always_online() -> None:
    off = AlwaysOnline()
    off.link_changed()
    assert not any([off.answered(b"a", 0), *(off.failed(1000) for _ in range(100))])
    assert off.online
