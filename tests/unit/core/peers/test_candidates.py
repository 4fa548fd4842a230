"""The queue of candidates: turns, and bounds."""

from __future__ import annotations

import random
from dataclasses import replace

from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.limits.budget import CellHash
from kadisc.core.peers.candidates import Candidate, GossipCandidates
from kadisc.endpoints import make_endpoint
from tests.support.world import CONFIG, address

GOSSIP = CONFIG.gossip
SCOPES = AddressPolicy(False)
CELL_HASH = CellHash(bytes(16), 16, SCOPES)


def candidate(number: int, source: bytes) -> Candidate:
    return Candidate(address(number), None, source, None, 3, 100.0)


def test_sources_take_turns_however_many_candidates_of_each_wait() -> None:
    queue = GossipCandidates(GOSSIP, random.Random(1), SCOPES, CELL_HASH)
    for number in range(16):
        assert queue.add(candidate(number, b"many"), 16) is None
    assert queue.add(candidate(16, b"many"), 16) == "peer-candidate-source"
    assert queue.add(candidate(3, b"other"), 16) == "peer-candidate-known"
    for number in (20, 21, 22):
        assert queue.add(candidate(number, b"few"), 16) is None
    drawn = [queue.draw(0.0, lambda each: True) for _ in range(6)]
    assert [each and each.source for each in drawn] == [b"many", b"few"] * 3
    assert queue.draw(100.0, lambda each: True) is None, "too old"
    assert len(queue) == 0


def test_false_reports_do_not_use_up_the_checks_of_a_peer_that_pushes() -> None:
    queue = GossipCandidates(GOSSIP, random.Random(1), SCOPES, CELL_HASH)
    for port in range(1, 9):
        queue.add(Candidate(address(1, port), None, b"liar %d" % port, None, 3, 99.0), 16)
        queue.draw(float(port), lambda each: True)
    queue.add(candidate(1, b"liar"), 16)
    assert queue.draw(20.0, lambda each: True) is None, "four checks an hour"
    queue.add(replace(candidate(1, b"push"), from_push=True), 16)
    assert queue.draw(21.0, lambda each: True) is not None


def test_places_are_bounded_per_network_and_in_total() -> None:
    queue = GossipCandidates(
        replace(GOSSIP, max_candidates=20), random.Random(1), SCOPES, CELL_HASH
    )
    refusals = [
        queue.add(Candidate(make_endpoint(f"80.80.{n // 4}.{n}", 5), None, b"s", None, 3, 9.0), 99)
        for n in range(40)
    ]
    assert refusals.count(None) == GOSSIP.candidates_per_netgroup
    assert {"peer-candidate-subnet", "peer-candidate-netgroup"} <= set(refusals)
    for number in range(100):
        queue.add(candidate(number, b"source %d" % (number % 9)), 99)
    assert len(queue) == 20
