"""Lookups in a hostile and unreliable network: they end, ask no node twice (except for a few last
chances), and keep to their slots.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.config import LookupConfig
from kadisc.contacts import Contact
from kadisc.core.lookup.closest import ClosestLookup
from kadisc.core.lookup.disjoint import DisjointLookup
from kadisc.core.lookup.peer import Peer
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.ids import random_id
from tests.support.contacts import OWN_ID
from tests.support.lookups import RULES

CONFIG = LookupConfig(alpha=3, max_alpha=6, max_known=60)
TARGET = 0
AnyLookup: TypeAlias = ClosestLookup | DisjointLookup


def world_of(rng: random.Random, size: int) -> list[Contact]:
    """Contacts of which some are crowded in a few /24s, some share a host, some claim the ID of
    another one, and a few claim the own ID.
    """
    contacts: list[Contact] = []
    for _ in range(size):
        host = (
            f"{rng.randrange(20, 60)}.{rng.randrange(200)}.1.1"
            if rng.random() < 0.6
            else f"99.9.{rng.randrange(3)}.{rng.randrange(1, 9)}"
        )
        node_id = rng.choice(contacts).id if contacts and rng.random() < 0.1 else random_id(rng)
        contacts.append(
            Contact(
                OWN_ID if rng.random() < 0.02 else node_id, make_endpoint(host, rng.randrange(1, 5))
            )
        )
    return contacts


class Referee:
    """Plays the network at random, and checks the rules."""

    def __init__(
        self, found: AnyLookup, rng: random.Random, contacts: list[Contact], most_slots: int
    ) -> None:
        self.found = found
        self.rng = rng
        self.contacts = contacts
        self.most_slots = most_slots
        self.in_flight: dict[Endpoint, int] = {}
        """Stalls of each endpoint that was asked and neither answered nor failed."""
        self.asked: list[Endpoint] = []
        self.answered: set[Endpoint] = set()
        self.last_chances: list[Endpoint] = []
        self.most_chances = CONFIG.silent_retries * (
            most_slots // CONFIG.max_alpha + isinstance(found, DisjointLookup)
        )
        """The last chances of all paths, and of the final lookup."""

    def note(self, peers: list[Peer]) -> None:
        for peer in peers:
            if peer.endpoint in self.asked:
                self.last_chances.append(peer.endpoint)
                assert self.in_flight[peer.endpoint] == 2, "only a silent node is asked again"
            else:
                self.asked.append(peer.endpoint)
            self.in_flight[peer.endpoint] = 0
        assert len(self.last_chances) == len(set(self.last_chances)), "no node has two last chances"
        assert len(self.last_chances) <= self.most_chances
        waiting = [endpoint for endpoint, stalls in self.in_flight.items() if stalls < 2]
        hosts = [RULES.host(endpoint) for endpoint in waiting]
        assert isinstance(self.found, DisjointLookup) or len(hosts) == len(set(hosts)), (
            "one query per host at a time"
        )
        in_slots = [
            endpoint
            for endpoint, stalls in self.in_flight.items()
            if stalls == 0 and endpoint not in self.last_chances
        ]
        assert len(in_slots) <= self.most_slots

    def play(self, fates: tuple[str, ...]) -> None:
        while self.in_flight and not self.found.finished:
            endpoint = self.rng.choice(list(self.in_flight))
            fate = self.rng.choice(fates)
            if fate == "stall" and self.in_flight[endpoint] < 2:
                self.in_flight[endpoint] += 1
                self.note(self.found.stalled(endpoint))
                continue
            del self.in_flight[endpoint]
            if fate in ("answer", "lie"):
                self.answered.add(endpoint)
                truth = next(
                    (contact.id for contact in self.contacts if contact.endpoint == endpoint),
                    random_id(self.rng),
                )
                sender = truth if fate == "answer" else random_id(self.rng)
                self.note(
                    self.found.answered(
                        endpoint, sender, self.rng.sample(self.contacts, min(len(self.contacts), 8))
                    )
                )
            else:
                self.note(self.found.failed(endpoint))
        assert self.found.finished, "all nodes that were asked have answered or failed"


def plain(k: int) -> AnyLookup:
    return ClosestLookup(TARGET, {OWN_ID}, CONFIG, RULES, k)


def two_paths(k: int) -> AnyLookup:
    return DisjointLookup(TARGET, {OWN_ID}, CONFIG, RULES, k, 2)


def five_paths(k: int) -> AnyLookup:
    return DisjointLookup(TARGET, {OWN_ID}, CONFIG, RULES, k, 5)


FATES = [
    ("answer",),
    ("fail",),
    ("stall",),
    ("answer", "stall"),
    ("answer", "stall", "fail", "lie"),
    ("stall", "fail"),
    ("lie", "stall"),
]


@pytest.mark.parametrize(("make", "most_slots"), [(plain, 6), (two_paths, 12), (five_paths, 30)])
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(0, 80),
    known=st.integers(0, 20),
    unknown=st.integers(0, 6),
    k=st.integers(1, 10),
    fates=st.sampled_from(FATES),
)
def test_every_lookup_ends(
    make: Callable[[int], AnyLookup],
    most_slots: int,
    seed: int,
    size: int,
    known: int,
    unknown: int,
    k: int,
    fates: tuple[str, ...],
) -> None:
    rng = random.Random(seed)
    contacts = world_of(rng, size)
    found = make(k)
    seeds = [make_endpoint(f"150.{number}.1.1", 1) for number in range(unknown)]
    referee = Referee(found, rng, contacts, most_slots)
    referee.note(found.start(contacts[:known], seeds))
    referee.play(fates)
    closest = found.closest()
    assert len(closest) <= k
    assert {peer.endpoint for peer in closest} <= referee.answered
    assert [peer.distance for peer in closest] == sorted(peer.distance for peer in closest)
    assert len(referee.answered) >= found.answered_count >= len(closest)
    if fates == ("answer",):
        assert len(closest) == min(k, found.answered_count), "as many as there are"


@pytest.mark.parametrize("make", [plain, two_paths, five_paths])
@given(seed=st.integers(0, 2**32), k=st.integers(1, 10))
def test_no_known_node_closer_than_the_result_is_left_unasked(
    make: Callable[[int], AnyLookup], seed: int, k: int
) -> None:
    """Each node knows half of the network and returns the eight closest nodes of it. All answer, in
    any order.
    """
    rng = random.Random(seed)
    contacts = [
        Contact(random_id(rng), make_endpoint(f"{20 + number}.1.1.1", 1)) for number in range(100)
    ]
    found = make(k)
    seeds = rng.sample(contacts, 6)
    asked: list[Endpoint] = []
    reported = set(seeds)
    in_flight = found.start(seeds)
    while in_flight:
        peer = in_flight.pop(rng.randrange(len(in_flight)))
        asked.append(peer.endpoint)
        named = sorted(rng.sample(contacts, 50), key=lambda each: each.id ^ TARGET)[:8]
        reported.update(named if not found.finished else [])
        in_flight += found.answered(peer.endpoint, peer.id or 0, named)
    assert found.finished
    closest = found.closest()
    assert len(closest) == k
    assert {each.endpoint for each in reported if each.id ^ TARGET < closest[-1].distance} <= set(
        asked
    )
