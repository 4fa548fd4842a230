"""Attacks on the address book, each with its defence off, where it succeeds, and on."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace

import pytest

from kadisc.config import BookConfig, CoreConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.book.address_book import AddressBook
from kadisc.core.book.tables import GroupedPlacement
from kadisc.core.contract.saved_state import SavedBook, SavedPeer
from kadisc.core.contract.times import FOREVER
from kadisc.core.peers_assembly import book_for
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.contacts import address6
from tests.support.peers import book_verified, peer
from tests.support.world import address, without

CONFIG = BookConfig()
CORE = CoreConfig()
NEW_PLACES = CONFIG.new_buckets * CONFIG.new_bucket_size
ROUTER = address(900)


def book(config: CoreConfig = CORE, seed: int = 1) -> AddressBook:
    rng = random.Random(seed)
    return book_for(config, rng, rng.randbytes(32), AddressPolicy(False))


# --- A flood of reports ---------------------------------------------------------------------------


def flood(address_book: AddressBook, count: int) -> None:
    """``count`` addresses all over the Internet, reported by nodes of one /16."""
    rng = random.Random(4)
    for number in range(count):
        source = make_endpoint(f"66.66.{number % 250}.{1 + number % 7}", 1 + number % 60_000)
        address_book.reported(address(rng.randrange(50_000 * 4)), source, 0.0)


def honest_reports_kept(address_book: AddressBook) -> int:
    """How many of 500 peers that 100 honest nodes report are in the book."""
    for number in range(500):
        address_book.reported(address(number, port=7000), address(1000 + number % 100), 1.0)
    return sum(
        address_book.why(address(number, port=7000), 1.0) is not None for number in range(500)
    )


def test_without_groups_one_netgroup_fills_the_book_and_other_reports_are_refused() -> None:
    address_book = book(without("book_groups"))
    flood(address_book, 60_000)
    assert address_book.unverified_count > 0.99 * NEW_PLACES
    assert honest_reports_kept(address_book) < 25


def test_with_groups_one_netgroup_fills_a_sixteenth_at_most() -> None:
    address_book = book()
    flood(address_book, 60_000)
    assert NEW_PLACES / 16 * 0.9 < address_book.unverified_count <= NEW_PLACES / 16
    # The places of other sources are as before. Some of these peers are reported by the flood as
    # well, at another port.
    assert honest_reports_kept(address_book) > 400


@pytest.mark.parametrize("seed", range(5))
def test_a_sixteenth_is_a_strict_bound_with_any_secret(seed: int) -> None:
    """With any secret: the places that one source netgroup can fill, with 20,000 addresses of both
    families.
    """
    rng = random.Random(seed)
    placement = GroupedPlacement(CONFIG, rng.randbytes(32), AddressPolicy(False))
    places = set()
    for number in range(20_000):
        endpoint = (
            address(rng.randrange(200_000)) if number % 2 else address6(rng.randrange(1 << 20))
        )
        places.add(placement.new(endpoint, make_endpoint(f"66.66.{number % 256}.1", 1)))
    assert len({bucket for bucket, _ in places}) <= CONFIG.new_buckets_per_source
    assert len(places) <= NEW_PLACES / 16


def test_an_ipv6_32_is_one_source() -> None:
    address_book = book()
    for number in range(20_000):
        source = Endpoint(
            address6(1)[:4] + number.to_bytes(4, "big") + address6(1)[8:]
        )  # a /64 each, all of one /32
        address_book.reported(address(number), source, 0.0)
    assert address_book.unverified_count <= NEW_PLACES / 16


def test_the_source_with_most_reports_does_not_choose_the_feelers() -> None:
    """Ten honest netgroups that report ten peers each, against one that reports 20,000 addresses:
    most feelers go to peers that the honest ones reported.
    """
    address_book = book()
    flood(address_book, 20_000)
    for number in range(100):
        address_book.reported(address(number, port=7000), address(1000 + number % 10), 1.0)
    asked = Counter[bool]()
    for command in range(400):
        endpoint = address_book.feeler(2.0 + command * CONFIG.feeler_interval_s)
        asked[endpoint is not None and endpoint[-2:] == (7000).to_bytes(2, "big")] += 1
    assert asked[True] > 200


# --- Places of verified peers ---------------------------------------------------------------------

CROWDED = replace(CORE, book=BookConfig(tried_buckets=16, tried_bucket_size=16))


def overrun(config: CoreConfig, newcomers: list[Endpoint]) -> float:
    """The share of honest peers, verified before and alive throughout, that are still in the tried
    table after all ``newcomers`` have proved themselves.
    """
    address_book, now = book(config), 0.0
    honest = {address(number): peer(number) for number in range(100)}
    for each in honest.values():
        book_verified(address_book, each, now, source=ROUTER)
    before = address_book.verified_count
    for number, endpoint in enumerate(newcomers):
        now += 1.0
        book_verified(address_book, peer(5000 + number, endpoint), now, source=ROUTER)
        for tested in address_book.tests_due(now):
            if tested in honest:
                book_verified(address_book, honest[tested], now, source=ROUTER)
    return (
        sum(entry.tried and entry.endpoint in honest for entry in address_book.entries()) / before
    )


def test_without_tests_new_peers_replace_all_verified_ones() -> None:
    newcomers = [address(1000 + number) for number in range(3000)]
    assert overrun(without("test_before_evict", config=CROWDED), newcomers) < 0.05


def test_with_tests_no_peer_that_answers_is_replaced() -> None:
    newcomers = [address(1000 + number) for number in range(3000)]
    assert overrun(CROWDED, newcomers) == 1.0


@pytest.mark.parametrize(
    ("config", "least", "most"),
    [(without("book_groups"), 900, 1024), (CORE, 20, 40)],
    ids=["off", "on"],
)
def test_twenty_subnets_have_two_places_each_in_the_tried_table(
    config: CoreConfig, least: int, most: int
) -> None:
    """No honest peer was verified before. Without groups they have nearly all of the 1,024
    places.
    """
    address_book = book(config)
    for number in range(5000):
        network, host = number % 20, number // 20
        book_verified(
            address_book,
            peer(number, make_endpoint(f"{60 + network}.9.9.{host + 1}", 1)),
            0.0,
            source=ROUTER,
        )
    assert least <= address_book.verified_count <= most


def test_a_netgroup_has_a_sixteenth_of_the_tried_table_at_most() -> None:
    address_book = book()
    for number in range(20_000):
        book_verified(
            address_book,
            peer(number, make_endpoint(f"60.9.{number % 256}.{1 + number // 256}", 1)),
            0.0,
            source=ROUTER,
        )
    assert address_book.verified_count <= CONFIG.tried_buckets * CONFIG.tried_bucket_size / 16


def test_reports_change_no_entry_of_a_verified_peer() -> None:
    address_book = book()
    for number in range(100):
        book_verified(address_book, peer(number), 0.0, source=ROUTER)
    before = address_book.export(10.0)
    for number in range(100):
        for port in (9, 10, 11):
            address_book.reported(address(number, port=port), address(700), 5.0)
    assert address_book.export(10.0) == before
    assert address_book.anchors()


# --- Feedback of the application ------------------------------------------------------------------


def share_after_good_verdicts(config: CoreConfig) -> float:
    """The share of 5 peers of 50 among the selected ones, after 10,000 verdicts "good" for each."""
    address_book = book(config)
    for number in range(50):
        book_verified(address_book, peer(number), 0.0, source=ROUTER)
    selected = Counter[bool]()
    for number in range(5):
        for _ in range(10_000):
            address_book.judge(peer(number).key, "good", 1.0)
    for _ in range(300):
        selected.update(each.peer.node_id <= 5 for each in address_book.select(3, 2.0))
    return selected[True] / selected.total()


def test_without_bounds_only_the_few_peers_with_good_verdicts_are_selected() -> None:
    assert share_after_good_verdicts(without("bounded_feedback")) > 0.95


def test_with_bounds_good_verdicts_double_the_chance_at_most() -> None:
    assert 0.1 < share_after_good_verdicts(CORE) < 0.25


def shares_after_bad_verdicts_for_honest_peers(
    config: CoreConfig, now: float
) -> tuple[float, float]:
    """The shares of 50 honest and of 10 other peers that are still selected, after many bad
    verdicts for all honest ones.
    """
    address_book = book(config, seed=2)
    for number in range(60):
        book_verified(address_book, peer(number), 0.0, source=ROUTER)
    all_peers = [each.peer.node_id <= 50 for each in address_book.select(60, 0.0)]
    for verdict in ("bad", "wrong-network", "bad"):
        for number in range(50):
            address_book.judge(peer(number).key, verdict, 1.0)  # type: ignore[arg-type]
    selected = [
        each.peer.node_id <= 50 for each in address_book.select(60, now, verified_within_s=FOREVER)
    ]
    return sum(selected) / sum(all_peers), (len(selected) - sum(selected)) / (
        len(all_peers) - sum(all_peers)
    )


def test_without_bounds_bad_verdicts_leave_only_the_attackers() -> None:
    assert shares_after_bad_verdicts_for_honest_peers(without("bounded_feedback"), 1e6) == (
        0.0,
        1.0,
    )


def test_with_bounds_bad_verdicts_hold_back_half_and_expire() -> None:
    honest, others = shares_after_bad_verdicts_for_honest_peers(CORE, 2.0)
    assert 0.38 < honest < 0.5, (
        "no more than half of the tried table, the other peers included, is held back"
    )
    assert others == 1.0
    assert shares_after_bad_verdicts_for_honest_peers(CORE, 2.0 + CONFIG.wrong_network_s) == (
        1.0,
        1.0,
    )


# --- A file that was torn, edited or planted ------------------------------------------------------

GOOD = SavedPeer(
    address(1),
    ROUTER,
    True,
    100.0,
    50.0,
    peer=peer(1),
    first_verified_s_ago=90.0,
    verified_s_ago=10.0,
    rtt_s=0.1,
)
UNVERIFIED = SavedPeer(address(2), "dns", False, 100.0, 50.0)
INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("planted", "reason"),
    [
        (replace(GOOD, endpoint=Endpoint(b"\1\2\3")), "saved-endpoint"),
        (replace(GOOD, endpoint=Endpoint(b"")), "saved-endpoint"),
        (replace(UNVERIFIED, source=""), "saved-source"),
        (replace(UNVERIFIED, source="x" * 65), "saved-source"),
        (replace(UNVERIFIED, source=Endpoint(b"\1\2\3\4")), "saved-source"),
        (replace(UNVERIFIED, first_seen_s_ago=-1.0), "saved-age"),
        (replace(UNVERIFIED, reported_s_ago=NAN), "saved-age"),
        (replace(GOOD, verified_s_ago=-1e9), "saved-age"),
        (replace(GOOD, first_verified_s_ago=INF), "saved-age"),
        (replace(UNVERIFIED, failures=-1), "saved-count"),
        (replace(UNVERIFIED, times_reported=1 << 40), "saved-count"),
        (replace(GOOD, rtt_s=NAN), "saved-rtt"),
        (replace(GOOD, peer=None), "saved-unproved"),
        (replace(UNVERIFIED, tried=True), "saved-unproved"),
        (replace(GOOD, verified_s_ago=None), "saved-unproved"),
        (replace(GOOD, peer=replace(peer(1), key=b"short")), "saved-peer"),
        (replace(GOOD, peer=replace(peer(1), node_id=1 << 160)), "saved-peer"),
        (replace(GOOD, peer=replace(peer(1), sequence=-1)), "saved-peer"),
        (replace(GOOD, peer=replace(peer(1), record=b"x" * 301)), "saved-peer"),
        (replace(GOOD, peer=replace(peer(1), services={"x" * 301: 1})), "saved-peer"),
        (replace(GOOD, peer=peer(3)), "saved-peer"),
        (replace(UNVERIFIED, endpoint=make_endpoint("127.0.0.1", 1), source=ROUTER), "book-scope"),
        (replace(UNVERIFIED, endpoint=make_endpoint("224.0.0.1", 1)), "book-scope"),
        (replace(UNVERIFIED, endpoint=address(1)), "book-known"),
    ],
)
def test_a_bad_entry_of_a_file_is_refused_alone(planted: SavedPeer, reason: str) -> None:
    address_book = book()
    assert address_book.restore(
        SavedBook((GOOD, planted, replace(UNVERIFIED, endpoint=address(5)))), 1000.0
    ) == {reason: 1}
    assert len(address_book) == 2


def test_peers_of_a_planted_file_are_not_selected_and_fill_only_their_places() -> None:
    """A file with 20,000 peers that all claim to be verified a second ago."""
    address_book = book()
    planted = tuple(
        SavedPeer(
            address(number),
            ROUTER,
            True,
            9.0,
            9.0,
            peer=peer(number),
            first_verified_s_ago=1e9,
            verified_s_ago=1.0,
        )
        for number in range(20_000)
    )
    refused = address_book.restore(SavedBook(planted), 1000.0)
    assert address_book.verified_count <= CONFIG.tried_buckets * CONFIG.tried_bucket_size
    assert address_book.verified_count + sum(refused.values()) == 20_000
    assert address_book.select(100, 1000.0) == []
    assert address_book.peers() == []
    assert len(address_book.anchors()) == CONFIG.anchors, "they are asked, and not used unasked"
    [first, *_] = [entry.peer for entry in address_book.entries()]
    assert first is not None
    book_verified(address_book, first, 1001.0, source=ROUTER)
    assert [each.peer for each in address_book.select(100, 1001.0)] == [first]


def test_a_restored_entry_is_tested_when_a_live_peer_wants_its_place() -> None:
    """The claim of the file that it was verified just now does not spare the entry the test."""
    address_book = book(CoreConfig(book=BookConfig(tried_buckets=1, tried_bucket_size=1)))
    address_book.restore(SavedBook((replace(GOOD, verified_s_ago=0.0),)), 1000.0)
    book_verified(address_book, peer(2), 1001.0, source=ROUTER)
    assert address_book.tests_due(1001.0) == [address(1)]
