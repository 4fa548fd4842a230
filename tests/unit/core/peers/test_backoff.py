"""Pauses between queries to one partner, and credit of sources."""

from __future__ import annotations

from kadisc.core.peers.backoff import Backoff, Credit
from tests.support.world import CONFIG, address

GOSSIP = CONFIG.gossip


def test_pauses_double_up_to_an_hour_and_a_useful_answer_ends_them() -> None:
    backoff = Backoff(GOSSIP)
    now = 0.0
    pauses = []
    for _ in range(9):
        backoff.asked(address(1), now)
        pauses.append(backoff.free_at(address(1)) - now)
        assert not backoff.may_ask(address(1), now)
        now = backoff.free_at(address(1))
        assert backoff.may_ask(address(1), now)
    assert pauses == [30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0]
    backoff.asked(address(1), now)
    backoff.useful(address(1), now)
    assert backoff.free_at(address(1)) == now + 30.0
    backoff.asked(address(1), now + 30.0)
    assert backoff.free_at(address(1)) == now + 60.0
    backoff.useful(address(2), now)
    assert backoff.may_ask(address(2), now)


def test_credit_is_spent_earned_back_and_renewed_after_an_hour() -> None:
    credit = Credit(GOSSIP)
    for _ in range(GOSSIP.source_credit):
        assert credit.has(b"x", 0.0)
        credit.failed(b"x", 0.0)
    assert not credit.has(b"x", 0.0)
    credit.verified(b"x")
    assert credit.has(b"x", 0.0)
    credit.failed(b"x", 0.0)
    assert not credit.has(b"x", GOSSIP.max_partner_pause_s - 1.0)
    assert credit.has(b"x", GOSSIP.max_partner_pause_s)
