"""The queue of unverified candidates: bounded in every direction, fair under a flood."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kadisc.config import MaintenanceConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.table import candidates as module
from kadisc.core.table.candidates import Candidates, InFlight
from kadisc.core.table.naming_shares import NamingShares
from kadisc.endpoints import Endpoint, make_endpoint, subnet_prefix
from tests.support.contacts import address6, contact, id_in_bucket
from tests.support.world import address

CONFIG = MaintenanceConfig()


def any_contact(contact: Contact) -> bool:
    return True


def queue(config: MaintenanceConfig = CONFIG, seed: int = 1) -> Candidates:
    network = AddressPolicy(False).subnet
    in_flight = InFlight(
        config.candidate_checks_in_flight, config.candidate_checks_per_subnet, network
    )
    shares = NamingShares(AddressPolicy(False).netgroup)
    return Candidates(config, random.Random(seed), in_flight, network, shares)


def neighbour(number: int, network: int = 9) -> Contact:
    """A contact in one certain /24."""
    return Contact(
        id_in_bucket(0, 1000 + number),
        make_endpoint(f"99.9.{network}.{number % 250 + 1}", 1 + number),
    )


def test_a_candidate_is_drawn_once_and_settled_once() -> None:
    candidates = queue()
    assert candidates.add(contact(1), 0) is None
    assert candidates.draw(0, any_contact) == contact(1)
    assert (len(candidates), candidates.checking) == (0, 1)
    candidates.settle(contact(1).endpoint, 1, answered=True)
    candidates.settle(contact(1).endpoint, 1, answered=True)
    assert candidates.checking == 0
    assert candidates.draw(1, any_contact) is None


def test_no_endpoint_is_queued_twice() -> None:
    candidates = queue()
    candidates.add(contact(1), 0)
    other_id = Contact(contact(2).id, contact(1).endpoint)
    assert candidates.add(other_id, 0) == "candidate-known", "the endpoint counts, whatever its ID"
    candidates.draw(0, any_contact)
    assert candidates.add(contact(1), 0) == "candidate-known", "it is being checked"


def test_a_candidate_that_is_no_longer_wanted_is_dropped_without_a_query() -> None:
    candidates = queue()
    for number in range(10):
        candidates.add(contact(number), 0)
    assert candidates.draw(0, lambda each: each == contact(7)) == contact(7)
    assert candidates.draw(1, lambda each: False) is None
    assert len(candidates) == 0


def test_a_checked_candidate_is_not_checked_again_for_a_while() -> None:
    """Whether it answered or not: otherwise reports could name the endpoint of a third party again
    and again, each time with another ID.
    """
    candidates = queue()
    candidates.add(contact(1), 0)
    candidates.draw(0, any_contact)
    candidates.settle(contact(1).endpoint, 1, answered=True)
    assert (
        candidates.add(contact(1), 1 + CONFIG.recheck_candidate_s - 0.1)
        == "candidate-checked-lately"
    )
    assert candidates.add(contact(1), 1 + CONFIG.recheck_candidate_s) is None


def test_the_record_of_checks_is_bounded_and_drops_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_CHECKED", 3)
    candidates = queue()
    for number in range(5):
        candidates.add(contact(number), number)
        assert candidates.draw(number, any_contact)
        candidates.settle(contact(number).endpoint, number, answered=True)
    assert [candidates.add(contact(number), 5) for number in range(5)] == [None, None] + [
        "candidate-checked-lately"
    ] * 3


def test_an_old_check_is_removed_from_the_record() -> None:
    candidates, now = queue(), 0.0
    for number in range(50):
        candidates.add(contact(number), now)
        assert candidates.draw(now, any_contact) == contact(number)
        candidates.settle(contact(number).endpoint, now, answered=True)
        now += CONFIG.recheck_candidate_s / 5
    assert len(candidates._checked) <= 6


def test_candidates_expire() -> None:
    candidates = queue()
    candidates.add(contact(1), 0)
    assert candidates.draw(CONFIG.candidate_lifetime_s, any_contact) is None
    assert len(candidates) == 0


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_few_candidates_of_one_subnet_wait(family: str) -> None:
    candidates = queue()
    if family == "IPv4":
        network = [make_endpoint(f"99.9.9.{host}", 1) for host in range(1, 10)]
    else:
        network = [
            Endpoint(address6(9)[:6] + bytes([host]) + address6(9)[7:]) for host in range(1, 10)
        ]  # /64s of one /48
    assert [candidates.add(Contact(number, each), 0) for number, each in enumerate(network)] == [
        None,
        None,
    ] + ["candidate-subnet"] * 7
    assert candidates.add(contact(1), 0) is None


def test_few_candidates_of_one_subnet_are_checked_at_a_time() -> None:
    """Reports that name one subnet must not make the node flood it for an attacker."""
    candidates = queue()
    asked, now = 0, 0.0
    for number in range(60):
        candidates.add(neighbour(number), now)
        asked += candidates.draw(now, any_contact) is not None
        now += 0.1
    assert asked == candidates.checking == CONFIG.candidate_checks_per_subnet
    candidates.make_room(neighbour(0).endpoint)
    assert candidates.draw(now + 1, any_contact) is None, (
        "a silent candidate frees no place in its subnet"
    )
    candidates.settle(neighbour(0).endpoint, now, answered=True)
    assert candidates.draw(now + 2, any_contact) is not None


def test_a_candidate_that_waits_for_its_subnet_still_expires() -> None:
    """A draw without a check does not renew the candidate."""
    candidates, now = queue(), 0.0
    for number in range(4):
        candidates.add(neighbour(number), 0)
        assert (candidates.draw(now, any_contact) is not None) == (number < 2)
        now += 1.0
    while now < CONFIG.candidate_lifetime_s:
        assert candidates.draw(now, any_contact) is None
        now += 10.0
    candidates.settle(neighbour(0).endpoint, now, answered=True)
    assert candidates.draw(CONFIG.candidate_lifetime_s + 5, any_contact) is None
    assert len(candidates) == 0


def test_checks_in_flight_are_bounded_in_total_and_paced() -> None:
    candidates = queue()
    for number in range(40):
        candidates.add(contact(number), 0)
    drawn = [candidates.draw(0, any_contact) for _ in range(3)]
    assert drawn[1:] == [None, None], "one at a time"
    assert candidates.deadline == pytest.approx(1 / CONFIG.candidate_checks_per_s)
    for step in range(1, 120):
        candidates.draw(step * 0.1, any_contact)
    assert candidates.checking == CONFIG.candidate_checks_in_flight
    assert candidates.deadline == float("inf"), "nothing to do until one of them is settled"
    assert drawn[0] is not None
    candidates.make_room(drawn[0].endpoint)
    assert candidates.deadline <= 13.0, "a silent candidate does not delay the others"
    assert candidates.draw(13.0, any_contact) is not None
    assert candidates.deadline == float("inf")
    candidates.settle(drawn[0].endpoint, 13.0, answered=True)
    assert candidates.deadline == float("inf"), "its place was given away already"


def test_an_empty_queue_has_no_deadline() -> None:
    assert queue().deadline == float("inf")


def test_a_full_queue_displaces_at_random() -> None:
    candidates = queue(replace(CONFIG, max_candidates=50))
    for number in range(500):
        assert candidates.add(contact(number), 0) is None
        assert len(candidates) <= 50
    left = drain(candidates, 1.0)
    assert len(left) == 50
    assert min(left) < 400, "not simply the newest"


def drain(candidates: Candidates, now: float) -> list[int]:
    """The numbers of all that are drawn, each of which answers."""
    found = []
    while len(candidates):
        drawn = candidates.draw(now, any_contact)
        if drawn:
            found.append(drawn.id & 0xFFFF)
            candidates.settle(drawn.endpoint, now, answered=True)
        now += 0.1
    return found


def test_a_flood_from_few_subnets_does_not_displace_honest_candidates() -> None:
    """Of 100 honest candidates among 5,000 of four /24s that never answer, 95 are checked."""
    candidates, rng, now = queue(), random.Random(3), 0.0
    arrivals = [contact(number) for number in range(100)] + [
        neighbour(number, network=number % 4) for number in range(5000)
    ]
    rng.shuffle(arrivals)
    honest = {address(number) for number in range(100)}
    pending: dict[Endpoint, float] = {}
    checked: set[Endpoint] = set()
    for each in arrivals:
        candidates.add(each, now)
        drawn = candidates.draw(now, any_contact)
        if drawn and drawn.endpoint in honest:
            checked.add(drawn.endpoint)
            candidates.settle(drawn.endpoint, now, answered=True)
        elif drawn:
            pending[drawn.endpoint] = now + 2.0
        for endpoint in [endpoint for endpoint, until in pending.items() if until <= now]:
            del pending[endpoint]
            candidates.settle(endpoint, now, answered=True)
        asked = [subnet_prefix(endpoint) for endpoint in pending]
        assert max(map(asked.count, asked), default=0) <= CONFIG.candidate_checks_per_subnet
        now += 0.02
    assert len(checked) >= 95
