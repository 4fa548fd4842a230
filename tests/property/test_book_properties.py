"""Invariants of the address book and of the view after any sequence of calls."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kadisc.config import BookConfig, CoreConfig, GossipConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.book.address_book import AddressBook
from kadisc.core.contract.saved_state import SavedBook, SavedPeer
from kadisc.core.contract.service_filter import ServiceFilter
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.slot_ranking import FLAT
from kadisc.core.peers.view import GossipView
from kadisc.core.peers_assembly import book_for
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.observe.book_lines import format_book, parse_book
from tests.support.contacts import address6
from tests.support.peers import (
    answering,
    book_failed,
    book_verified,
    challengers,
    view_answered,
    view_failed,
)

ETH = ServiceFilter({"eth": None})

POLICY = AddressPolicy(False)
ENDPOINTS = [
    make_endpoint(f"50.{netgroup}.{subnet}.{host}", port)
    for netgroup in (1, 2)
    for subnet in (1, 2)
    for host in (1, 2, 3)
    for port in (1, 2)
]
ENDPOINTS += [
    address6(1),
    address6(2),
    make_endpoint("192.168.1.1", 1),
    make_endpoint("192.168.1.1", 2),
]
endpoints = st.sampled_from(ENDPOINTS)
waits = st.sampled_from([0.0, 1.0, 25.0, 700.0, 90_000.0, 700_000.0])
keys = st.integers(0, 7)


def verified_peer(key: int, endpoint: Endpoint, sequence: int) -> VerifiedPeer:
    return VerifiedPeer(
        key.to_bytes(32, "big"),
        endpoint,
        key,
        b"r%d" % sequence,
        sequence,
        {"eth": 30303} if key % 2 else {"fork": b"\xab"},
    )


# --- The address book -----------------------------------------------------------------------------

SMALL = CoreConfig(
    book=BookConfig(
        new_buckets=4,
        new_bucket_size=2,
        new_buckets_per_source=2,
        tried_buckets=2,
        tried_bucket_size=3,
        tried_buckets_per_netgroup=2,
        tests=2,
    )
)
moves = st.one_of(
    st.tuples(st.just("reported"), endpoints, st.sampled_from([*ENDPOINTS[:8], "dns", "lan"])),
    st.tuples(st.just("verified"), endpoints, st.tuples(keys, st.integers(0, 2))),
    st.tuples(st.just("verified"), endpoints, st.tuples(keys, st.integers(0, 2))),
    st.tuples(st.just("failed"), endpoints, st.none()),
    st.tuples(st.just("failed"), endpoints, st.none()),
    st.tuples(st.just("feedback"), keys, st.sampled_from(["good", "bad", "busy", "wrong-network"])),
    st.tuples(st.sampled_from(["tests", "feeler", "select", "restart"]), st.none(), st.none()),
)


def small_book(seed: int) -> AddressBook:
    return book_for(SMALL, random.Random(seed), b"secret", POLICY)


@given(st.lists(st.tuples(moves, waits), max_size=80), st.integers(0, 2**32))
def test_the_book_keeps_its_bounds_and_one_identity_per_address(
    commands: list[tuple[Any, float]], seed: int
) -> None:
    book = small_book(seed)
    now = 0.0
    proved = set[tuple[bytes, Endpoint]]()
    proved_in_run = set[tuple[bytes, Endpoint]]()
    for (move, what, how), wait in commands:
        now += wait
        if move == "reported":
            book.reported(what, how, now)
        elif move == "verified":
            peer = verified_peer(how[0], what, how[1])
            book_verified(book, peer, now, source=ENDPOINTS[0], rtt_s=0.1)
            proved.add((peer.key, what))
            proved_in_run.add((peer.key, what))
        elif move == "failed":
            book_failed(book, what, now)
        elif move == "feedback":
            book.judge(what.to_bytes(32, "big"), how, now)
        elif move == "tests":
            due = book.tests_due(now)
            assert len(due) <= 1
            assert all(
                told is not None and told.tried for told in (book.why(each, now) for each in due)
            )
        elif move == "feeler":
            asked = book.feeler(now)
            assert asked is None or book.why(asked, now) is not None
            assert book.tests_due(now) or book.next_deadline() > now
        elif move == "select":
            selected = book.select(5, now, offering=ETH, verified_within_s=1000.0)
            assert all(
                (each.peer.key, each.peer.endpoint) in proved_in_run
                and each.verified_s_ago <= 1000.0
                for each in selected
            )
            assert all(each.peer.services.keys() == {"eth"} for each in selected)
            assert len({POLICY.subnet(each.peer.endpoint) for each in selected}) == len(selected)
        else:
            book = restarted(book, seed, now)
            proved_in_run = set()
        check(book, now, proved)


def check(book: AddressBook, now: float, proved: set[tuple[bytes, Endpoint]]) -> None:
    config = SMALL.book
    entries = list(book.entries())
    assert len(book) == len(entries) == book.unverified_count + book.verified_count
    assert book.unverified_count <= config.new_buckets * config.new_bucket_size
    assert book.verified_count <= config.tried_buckets * config.tried_bucket_size
    assert len({POLICY.host(each.endpoint) for each in entries}) == len(entries), (
        "one identity per address"
    )
    identities = [(each.peer.key, len(each.endpoint)) for each in entries if each.peer]
    assert len(set(identities)) == len(identities)
    for each in entries:
        told = book.why(each.endpoint, now)
        assert told is not None
        assert (told.endpoint, told.tried) == (each.endpoint, each.tried)
        assert each.peer is None or (each.peer.key, each.endpoint) in proved
        assert each.peer is not None or not each.tried
        assert each.peer is None or book.why(each.peer.key, now) is not None
    for key in range(8):
        found = book.why(key.to_bytes(32, "big"), now)
        assert (found is not None) == any(
            each.peer is not None and each.peer.key == key.to_bytes(32, "big") for each in entries
        )
    assert len(book.anchors()) <= config.anchors


def restarted(book: AddressBook, seed: int, now: float) -> AddressBook:
    saved = book.export(now)
    again = parse_book(format_book(saved, "testnet"), "testnet")
    assert again == saved
    other = small_book(seed + 1)
    assert other.restore(again, now) == {}
    assert sorted(other.export(now).peers, key=by_endpoint) == sorted(saved.peers, key=by_endpoint)
    assert other.peers() == []
    return other


def by_endpoint(saved: SavedPeer) -> bytes:
    return saved.endpoint


numbers = st.one_of(st.floats(), st.floats(0, 1e6), st.integers(-5, 1 << 70))
planted = st.builds(
    SavedPeer,
    endpoint=st.one_of(endpoints, st.binary(max_size=20).map(Endpoint)),
    source=st.one_of(endpoints, st.text(max_size=70), st.binary(max_size=20).map(Endpoint)),
    tried=st.booleans(),
    first_seen_s_ago=numbers,
    reported_s_ago=numbers,
    times_reported=st.integers(),
    failures=st.integers(),
    peer=st.none()
    | st.builds(
        VerifiedPeer,
        st.binary(max_size=33) | st.binary(min_size=32, max_size=32),
        endpoints,
        st.integers(),
        st.none() | st.binary(max_size=400),
        st.integers(),
        st.dictionaries(st.text(max_size=9), st.integers(0, 9)),
    ),
    first_verified_s_ago=st.none() | numbers,
    verified_s_ago=st.none() | numbers,
    rtt_s=st.none() | numbers,
)


@given(st.lists(planted, max_size=12), st.integers(0, 2**32))
def test_a_hostile_file_only_fills_places(peers: list[SavedPeer], seed: int) -> None:
    book = small_book(seed)
    refused = book.restore(SavedBook(tuple(peers)), 1e9)
    assert len(book) + sum(refused.values()) == len(peers)
    assert book.select(9, 1e9) == []
    check(book, 1e9, {(each.peer.key, each.endpoint) for each in peers if each.peer})
    for endpoint in ENDPOINTS:
        book_failed(book, endpoint, 1e9)
    book.feeler(1e9)


# --- The view -------------------------------------------------------------------------------------

SLOTS = GossipConfig(
    flat_slots=6,
    slots_from_8=2,
    slots_from_16=3,
    slots_from_24=2,
    reseed_slots=3,
    reseed_every_rounds=2,
    sample_age_rounds=4,
)
view_moves = st.one_of(
    st.tuples(st.just("offer"), endpoints, st.tuples(keys, st.integers(0, 2))),
    st.tuples(st.just("offer"), endpoints, st.tuples(keys, st.integers(0, 2))),
    st.tuples(st.sampled_from(["failed", "confirmed", "remove"]), endpoints, st.none()),
    st.tuples(st.sampled_from(["round", "partner", "sample"]), st.none(), st.none()),
    st.tuples(st.just("round"), st.none(), st.none()),
)


class Played:
    """One view and its answers to a list of moves."""

    def __init__(self, seed: int) -> None:
        self.view = GossipView(SLOTS, random.Random(seed), POLICY)
        self.answers: list[object] = []

    def play(self, move: str, what: Any, how: Any, now: float) -> None:
        view = self.view
        if move == "offer":
            would_win = view.would_win(what)
            won = view.offer(answering(verified_peer(how[0], what, how[1]), now), now)
            assert (
                not won or would_win or how[0] in {each.peer.key[-1] for each in view.entries(now)}
            )
            self.answers.append(won)
        elif move == "failed":
            view_failed(view, what, now)
        elif move == "confirmed":
            view_answered(view, what, now)
        elif move == "remove":
            view.remove(what)
            assert view.slots_of(what) == 0
        elif move == "round":
            view.round(now)
            self.answers.append(challengers(view, ENDPOINTS))
        elif move == "partner":
            self.answers.append(view.partner(now))
        else:
            selected = view.sample(4, now)
            self.answers.append(selected)
            eligible = {
                slot.holder.peer.endpoint
                for slot in view.slots
                if slot.holder and view._rounds - slot.since_round >= SLOTS.sample_age_rounds
            }
            assert {each.endpoint for each in selected} <= eligible, (
                "only from slots that are old enough"
            )
            assert len({POLICY.host(each.endpoint) for each in selected}) == len(selected) <= 4


@given(st.lists(st.tuples(view_moves, waits), max_size=60), st.integers(0, 2**32))
def test_the_view_keeps_its_invariants_and_is_deterministic(
    commands: list[tuple[Any, float]], seed: int
) -> None:
    one = Played(seed)
    other = Played(seed)
    now = 0.0
    for (move, what, how), wait in commands:
        now += wait
        one.play(move, what, how, now)
        other.play(move, what, how, now)
        check_view(one.view, now)
    assert one.answers == other.answers
    assert one.view.snapshot(now) == other.view.snapshot(now)


def check_view(view: GossipView, now: float) -> None:
    snapshot = view.snapshot(now)
    assert sum(each.slots for each in snapshot.peers) + snapshot.vacant == snapshot.slots == 13
    assert (snapshot.vacant == 0) == bool(snapshot.peers), (
        "no slot is vacant while there is any peer"
    )
    assert (
        len(view)
        == len(snapshot.peers)
        == len({POLICY.host(each.peer.endpoint) for each in snapshot.peers})
    )
    assert all(each.slots > 0 and each.failures < SLOTS.slot_failures for each in snapshot.peers)
    assert len({(each.peer.key, len(each.peer.endpoint)) for each in snapshot.peers}) == len(
        snapshot.peers
    )
    for slot in view.slots:
        for held in view._held.values():
            assert not slot.seat.prefers(held.positions), (
                "each slot is held by the best peer in the view"
            )
    assert sum(slot.seat.begins == FLAT for slot in view.slots) == SLOTS.flat_slots
