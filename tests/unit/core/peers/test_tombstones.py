"""Tombstones: how long they stand, and their bound."""

from __future__ import annotations

from kadisc.core.peers.tombstones import Tombstones
from tests.support.world import CONFIG, address

GOSSIP = CONFIG.gossip


def test_tombstones_last_an_hour_and_are_bounded() -> None:
    tombstones = Tombstones(GOSSIP)
    assert not tombstones.failed(address(1), 0.0)
    assert not tombstones.blocks(address(1), 1.0)
    assert tombstones.failed(address(1), 30.0)
    assert tombstones.blocks(address(1), 30.0 + GOSSIP.tombstone_s - 1.0)
    assert not tombstones.blocks(address(1), 30.0 + GOSSIP.tombstone_s)
    assert not tombstones.failed(address(2), 0.0)
    assert not tombstones.failed(address(2), GOSSIP.tombstone_s), "the first failure is forgotten"
    for number in range(2 * GOSSIP.max_tombstones):
        for _ in range(2):
            tombstones.failed(address(number), 1e5)
    assert len(tombstones) == GOSSIP.max_tombstones
