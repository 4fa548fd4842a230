"""The small parts of gossip by themselves: bounds and clocks. What they defend against is shown in
test_attacks_on_gossip.py.
"""

from __future__ import annotations

import random
from dataclasses import replace

from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.peers.backoff import Backoff, Credit
from kadisc.core.peers.candidates import Candidate, GossipCandidates
from kadisc.core.peers.partners import MAX_MET_IN_LOOKUPS, MAX_OVER, Partners
from kadisc.core.peers.push_reservoir import Push, PushReservoir
from kadisc.core.peers.tombstones import Tombstones
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.wire.records import record_from
from tests.support.community import identity, record_fields
from tests.support.world import CONFIG, address

GOSSIP = CONFIG.gossip
SCOPES = AddressPolicy(False)
RECORD = record_from(record_fields(identity(1), None))


def reservoir(seed: int = 1) -> PushReservoir:
    return PushReservoir(GOSSIP, random.Random(seed), SCOPES.host, SCOPES.netgroup)


def push(endpoint: Endpoint) -> Push:
    return Push(endpoint, 5, RECORD)


def test_eight_of_a_round_are_kept_one_of_each_network_and_one_push_an_address_counts() -> None:
    pushes = reservoir()
    for number in range(100):
        assert pushes.offer(push(address(number))) is None
        assert pushes.offer(push(address(number, 7))) == "push-too-often"
        assert pushes.offer(push(make_endpoint(f"80.80.{number}.1", 5))) is None
    kept = pushes.drain()
    assert len(kept) == GOSSIP.reservoir
    assert sum(each.endpoint[:2] == bytes((80, 80)) for each in kept) <= 1
    assert pushes.drain() == []
    assert pushes.offer(push(address(1))) is None, "a new round"


def test_who_is_kept_is_drawn_anew_each_round_and_not_by_order() -> None:
    pushes, seen = reservoir(), dict[Endpoint, int]()
    for _ in range(400):
        for number in range(40):
            pushes.offer(push(address(number)))
        for each in pushes.drain():
            seen[each.endpoint] = seen.get(each.endpoint, 0) + 1
    assert len(seen) == 40
    assert all(40 <= times <= 130 for times in seen.values()), "80 each, by chance"


def test_early_ones_are_half_of_a_rounds() -> None:
    pushes, early = reservoir(), 0
    for number in range(100):
        pushes.offer(push(address(number)))
        early += pushes.take_early() is not None
    assert early == GOSSIP.reservoir // 2


def test_tombstones_stand_an_hour_and_are_bounded() -> None:
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


def test_pauses_double_up_to_an_hour_and_a_lesson_ends_them() -> None:
    backoff, now, pauses = Backoff(GOSSIP), 0.0, []
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
    credit.proved(b"x")
    assert credit.has(b"x", 0.0)
    credit.failed(b"x", 0.0)
    assert not credit.has(b"x", GOSSIP.max_partner_pause_s - 1.0)
    assert credit.has(b"x", GOSSIP.max_partner_pause_s)


def candidate(number: int, source: bytes) -> Candidate:
    return Candidate(address(number), None, source, None, 3, 100.0)


def test_sources_take_turns_however_much_each_has_waiting() -> None:
    queue = GossipCandidates(GOSSIP, random.Random(1), SCOPES)
    for number in range(16):
        assert queue.add(candidate(number, b"many"), 16) is None
    assert queue.add(candidate(16, b"many"), 16) == "peer-candidate-source"
    assert queue.add(candidate(3, b"other"), 16) == "peer-candidate-known"
    for number in (20, 21, 22):
        assert queue.add(candidate(number, b"few"), 16) is None
    drawn = [
        each.source for _ in range(6) if (each := queue.draw(0.0, lambda each: True)) is not None
    ]
    assert drawn == [b"many", b"few"] * 3
    assert queue.draw(100.0, lambda each: True) is None, "too old"
    assert len(queue) == 0


def test_liars_cannot_use_up_the_checks_of_who_comes_himself() -> None:
    queue = GossipCandidates(GOSSIP, random.Random(1), SCOPES)
    for port in range(1, 9):
        queue.add(Candidate(address(1, port), None, b"liar %d" % port, None, 3, 99.0), 16)
        queue.draw(float(port), lambda each: True)
    queue.add(candidate(1, b"liar"), 16)
    assert queue.draw(20.0, lambda each: True) is None, "four checks an hour"
    queue.add(replace(candidate(1, b"himself"), came_to_us=True), 16)
    assert queue.draw(21.0, lambda each: True) is not None


def test_places_are_bounded_per_network_and_in_all() -> None:
    queue = GossipCandidates(replace(GOSSIP, max_candidates=20), random.Random(1), SCOPES)
    refusals = [
        queue.add(Candidate(make_endpoint(f"80.80.{n // 4}.{n}", 5), None, b"s", None, 3, 9.0), 99)
        for n in range(40)
    ]
    assert refusals.count(None) == GOSSIP.candidates_per_netgroup
    assert {"peer-candidate-narrow", "peer-candidate-wide"} <= set(refusals)
    for number in range(100):
        queue.add(candidate(number, b"source %d" % (number % 9)), 99)
    assert len(queue) == 20


def test_what_is_remembered_of_partners_is_bounded() -> None:
    partners = Partners(GOSSIP)
    for number in range(3 * MAX_OVER):
        partners.end(address(number), 0.0)
        partners.met(address(number))
        partners.gave_token(address(number), b"t", 0.0)
        partners.told(address(number), 5)
    assert len(partners.met_in_lookups()) == MAX_MET_IN_LOOKUPS
    assert not partners.is_blocked(address(0), 1.0)
    assert partners.is_blocked(address(3 * MAX_OVER - 1), 1.0)
    assert not partners.is_blocked(address(3 * MAX_OVER - 1), 90_000.0)
    assert partners.token_of(address(3 * MAX_OVER - 1), 279.0) == b"t"
    assert partners.token_of(address(3 * MAX_OVER - 1), 280.0) is None
    assert partners.lacks(address(0), 5) and not partners.lacks(address(3 * MAX_OVER - 1), 5)
    partners.begins_anew(address(3 * MAX_OVER - 1))
    assert not partners.is_blocked(address(3 * MAX_OVER - 1), 1.0)
