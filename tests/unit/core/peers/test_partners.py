"""What is remembered of partners, and its bounds."""

from __future__ import annotations

from kadisc.core.peers.partners import MAX_BLOCKED, MAX_MET_IN_LOOKUPS, Partners
from tests.support.world import CONFIG, address

GOSSIP = CONFIG.gossip


def test_what_is_remembered_of_partners_is_bounded() -> None:
    partners = Partners(GOSSIP)
    last = address(3 * MAX_BLOCKED - 1)
    for number in range(3 * MAX_BLOCKED):
        partners.block(address(number), 0.0)
        partners.found_in_lookup(address(number))
        partners.token_received(address(number), b"t", 0.0)
        partners.record_sent(address(number), 5)
    assert len(partners.met_in_lookups()) == MAX_MET_IN_LOOKUPS
    assert not partners.is_blocked(address(0), 1.0)
    assert partners.is_blocked(last, 1.0)
    assert not partners.is_blocked(last, 90_000.0)
    assert partners.token_of(last, 279.0) == b"t"
    assert partners.token_of(last, 280.0) is None
    assert partners.lacks_record(address(0), 5) and not partners.lacks_record(last, 5)
    partners.unblock(last)
    assert not partners.is_blocked(last, 1.0)
