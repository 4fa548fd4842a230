"""The address book: which reports it accepts, which peer keeps a place, which peers it selects, and
what it tells of an entry.
"""

from __future__ import annotations

import random
from dataclasses import replace

from kadisc.config import BookConfig, CoreConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.book.address_book import AddressBook
from kadisc.core.contract.service_filter import ServiceFilter
from kadisc.core.contract.times import FOREVER
from kadisc.core.peers_assembly import book_for
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.contacts import address6
from tests.support.peers import book_failed, book_verified, peer
from tests.support.world import address

CONFIG = BookConfig()
CORE = CoreConfig()
SECRET = b"secret" * 3
ROUTER = address(900)
ONE_PLACE = CoreConfig(book=BookConfig(tried_buckets=1, tried_bucket_size=1))
"""All verified peers compete for the same place of the tried table."""


def book(config: CoreConfig = CORE, seed: int = 1) -> AddressBook:
    return book_for(config, random.Random(seed), SECRET, AddressPolicy(config.allow_private))


def book_with_verified(numbers: range, config: CoreConfig = CORE) -> AddressBook:
    address_book = book(config)
    for number in numbers:
        book_verified(address_book, peer(number), 0.0, source=ROUTER)
    return address_book


# --- Reports --------------------------------------------------------------------------------------


def test_a_reported_peer_goes_to_the_new_table_once() -> None:
    address_book = book()
    assert address_book.reported(address(1), ROUTER, 5.0) is None
    assert address_book.reported(address(1), address(901), 6.0) == "book-known"
    assert (address_book.unverified_count, address_book.verified_count, len(address_book)) == (
        1,
        0,
        1,
    )
    told = address_book.why(address(1), 10.0)
    assert told is not None
    assert (told.source, told.first_seen_s_ago, told.reported_s_ago, told.times_reported) == (
        ROUTER,
        5.0,
        4.0,
        2,
    )
    assert (told.key, told.tried, told.verified_in_run, told.verified_s_ago, told.sequence) == (
        None,
        False,
        False,
        None,
        None,
    )


def test_a_node_reports_only_addresses_of_its_scope_and_a_word_stands_for_the_operator() -> None:
    address_book, at_home = book(), make_endpoint("192.168.1.1", 1)
    assert address_book.reported(at_home, ROUTER, 0) == "book-scope"
    assert address_book.reported(make_endpoint("224.0.0.1", 1), "operator", 0) == "book-scope"
    assert address_book.reported(at_home, make_endpoint("192.168.1.2", 1), 0) is None
    assert address_book.reported(make_endpoint("192.168.1.3", 1), "lan", 0) is None


def test_an_address_has_one_identity_and_reports_move_no_entry() -> None:
    address_book = book_with_verified(range(1, 2))
    address_book.reported(address(2), ROUTER, 0)
    for number in (1, 2):
        assert address_book.reported(address(number, port=9), ROUTER, 1) == "book-identity"
    book_failed(address_book, address(2), 5)
    assert address_book.reported(address(2, port=9), ROUTER, 6) is None, (
        "no peer answered at the other port"
    )
    assert address_book.why(address(2), 6) is None
    assert len(address_book) == 2


def test_an_ipv6_64_counts_as_one_host() -> None:
    address_book = book()
    address_book.reported(address6(1), ROUTER, 0)
    assert (
        address_book.reported(Endpoint(address6(1)[:15] + b"\x07" + address6(1)[16:]), ROUTER, 0)
        == "book-identity"
    )


def test_an_entry_that_failed_or_was_not_reported_for_long_loses_its_place() -> None:
    one_place = CoreConfig(book=BookConfig(new_buckets=1, new_bucket_size=1))
    address_book = book(one_place)
    address_book.reported(address(1), ROUTER, 0)
    assert address_book.reported(address(2), ROUTER, 1) == "book-place"
    book_failed(address_book, address(1), 2)
    assert address_book.reported(address(2), ROUTER, 3) is None
    assert address_book.reported(address(3), ROUTER, 3 + CONFIG.new_lifetime_s - 1) == "book-place"
    assert address_book.reported(address(3), ROUTER, 3 + CONFIG.new_lifetime_s) is None
    assert len(address_book) == 1


def test_an_unverified_peer_that_fails_twice_is_removed() -> None:
    address_book = book()
    address_book.reported(address(1), ROUTER, 0)
    for at in (0, 1, 9):
        book_failed(address_book, address(1), at)
        assert len(address_book) == 1, "failures so close together count as one"
    book_failed(address_book, address(1), 10)
    assert len(address_book) == 0
    assert address_book.next_deadline() == float("inf")


# --- Verified peers -------------------------------------------------------------------------------


def test_a_peer_that_proves_itself_goes_to_the_tried_table_with_its_history() -> None:
    address_book = book()
    address_book.reported(address(1), ROUTER, 5.0)
    book_verified(
        address_book,
        peer(1, sequence=7, services={"eth": 30303}),
        10.0,
        source=address(1),
        rtt_s=0.2,
    )
    book_verified(address_book, peer(1, sequence=8), 40.0, source=address(1), rtt_s=0.1)
    assert (address_book.unverified_count, address_book.verified_count) == (0, 1)
    for who in (address(1), peer(1).key):
        told = address_book.why(who, 50.0)
        assert told is not None
        assert (
            told.source,
            told.first_seen_s_ago,
            told.first_verified_s_ago,
            told.verified_s_ago,
        ) == (ROUTER, 45.0, 40.0, 10.0)
        assert (told.key, told.sequence, told.rtt_s, told.tried, told.verified_in_run) == (
            peer(1).key,
            8,
            0.1,
            True,
            True,
        )


def test_a_peer_that_moves_keeps_its_history_and_leaves_no_old_entry() -> None:
    address_book = book()
    book_verified(address_book, peer(1, sequence=1), 0.0, source=ROUTER)
    address_book.reported(address(50, port=9), ROUTER, 1.0)
    book_verified(address_book, peer(1, address(50), sequence=2), 60.0, source=ROUTER)
    assert (len(address_book), address_book.why(address(1), 60.0)) == (1, None)
    told = address_book.why(peer(1).key, 60.0)
    assert told is not None
    assert (told.endpoint, told.first_verified_s_ago) == (address(50), 60.0)
    book_verified(address_book, peer(1, address(60), sequence=1), 70.0, source=ROUTER)
    assert address_book.why(address(60), 70.0) is None, "an old record does not move it back"


def test_a_peer_that_moves_to_another_port_keeps_its_place() -> None:
    address_book = book_with_verified(range(1, 2))
    book_verified(address_book, peer(1, address(1, port=99), sequence=2), 5.0, source=ROUTER)
    assert (len(address_book), address_book.verified_count) == (1, 1)
    assert address_book.why(address(1, port=99), 5.0) is not None


def test_another_identity_at_the_same_endpoint_has_no_history() -> None:
    address_book = book_with_verified(range(1, 2))
    address_book.judge(peer(1).key, "bad", 1.0)
    book_verified(address_book, peer(1, key=77), 60.0, source=ROUTER)
    assert address_book.why(peer(1).key, 60.0) is None
    told = address_book.why((77).to_bytes(32, "big"), 60.0)
    assert told is not None
    assert (told.first_verified_s_ago, told.verdict, told.held_back_s, told.tried) == (
        0.0,
        None,
        0.0,
        True,
    )


def test_a_node_with_an_address_in_each_family_is_in_the_book_twice() -> None:
    address_book = book_with_verified(range(1, 2))
    book_verified(address_book, peer(1, address6(1)), 0.0, source=ROUTER)
    assert address_book.verified_count == 2
    address_book.judge(peer(1).key, "bad", 0.0)
    assert address_book.select(9, 1.0) == []


def test_a_verified_peer_is_removed_only_after_a_week_of_failures() -> None:
    address_book, now = book_with_verified(range(1, 2)), 0.0
    while now < CONFIG.tried_lifetime_s:
        assert address_book.verified_count == 1
        book_failed(address_book, address(1), now)
        now += 3600.0
    book_failed(address_book, address(1), now)
    assert len(address_book) == 0


# --- Contested places -----------------------------------------------------------------------------


def test_an_owner_that_answers_its_test_stays() -> None:
    address_book = book_with_verified(range(1, 2), ONE_PLACE)
    book_verified(address_book, peer(2), 1000.0, source=ROUTER)
    assert address_book.tests_due(1000.0) == [address(1)]
    assert address_book.tests_due(1000.0 + CONFIG.test_interval_s - 1) == [], "it counts as asked"
    book_verified(address_book, peer(1), 1001.0, source=ROUTER)
    assert address_book.tests_due(1500.0) == []
    assert [each.endpoint for each in address_book.peers()] == [address(1)]
    told = address_book.why(address(2), 1001.0)
    assert told is not None
    assert not told.tried, "the new peer waits in the new table"


def test_an_owner_that_fails_its_tests_loses_its_place() -> None:
    address_book = book_with_verified(range(1, 2), ONE_PLACE)
    book_verified(address_book, peer(2), 1000.0, source=ROUTER)
    for at in (1000.0, 1030.0):
        assert address_book.tests_due(at) == [address(1)]
        book_failed(address_book, address(1), at + 10)
    assert [each.endpoint for each in address_book.peers()] == [address(2)]
    assert address_book.next_deadline() < float("inf")
    told = address_book.why(address(1), 1040.0)
    assert told is not None
    assert not told.tried, "it goes back to the new table"


def test_an_owner_verified_lately_is_not_tested() -> None:
    address_book = book_with_verified(range(1, 2), ONE_PLACE)
    book_verified(address_book, peer(2), CONFIG.recently_verified_s - 1, source=ROUTER)
    assert address_book.tests_due(CONFIG.recently_verified_s) == []


def test_a_collision_without_a_decision_ends_and_the_owner_stays() -> None:
    address_book = book_with_verified(range(1, 2), ONE_PLACE)
    book_verified(address_book, peer(2), 1000.0, source=ROUTER)
    assert address_book.tests_due(1000.0 + CONFIG.test_lifetime_s) == []
    book_failed(address_book, address(1), 2000.0)
    book_failed(address_book, address(1), 2100.0)
    assert address_book.why(address(2), 2100.0)
    assert [entry.endpoint for entry in address_book.entries() if entry.tried] == [address(1)]


def test_a_new_peer_that_failed_in_the_meantime_gets_no_place() -> None:
    address_book = book_with_verified(range(1, 2), ONE_PLACE)
    book_verified(address_book, peer(2), 1000.0, source=ROUTER)
    book_failed(address_book, address(2), 1005.0)
    book_failed(address_book, address(1), 1010.0)
    book_failed(address_book, address(1), 1040.0)
    assert [entry.endpoint for entry in address_book.entries() if entry.tried] == [address(1)]


def test_tests_are_paced_and_bounded() -> None:
    address_book = book_with_verified(
        range(400), CoreConfig(book=BookConfig(tried_buckets=8, tried_bucket_size=8))
    )
    for number in range(400, 1400):
        book_verified(address_book, peer(number), 5000.0, source=ROUTER)
    asked = [address_book.tests_due(5000.0 + second) for second in range(30)]
    assert sum(map(len, asked)) == 30 / CONFIG.test_pause_s
    assert max(map(len, asked)) == 1
    assert address_book.verified_count <= 64
    assert address_book.next_deadline() > 5000.0 or address_book.feeler(5000.0)


def test_two_identities_of_one_address_compete_for_its_place() -> None:
    address_book = book_with_verified(range(1, 2))
    second = peer(77, address(1, port=9))
    book_verified(address_book, second, 1000.0, source=ROUTER)
    assert address_book.why(second.key, 1000.0) is None
    for at in (1010.0, 1040.0):
        address_book.tests_due(at)
        book_failed(address_book, address(1), at)
    assert [each.key for each in address_book.peers()] == [second.key]
    assert len(address_book) == 1


# --- Feelers, anchors -----------------------------------------------------------------------------


def test_feelers_go_every_two_minutes_to_the_two_tables_in_turn() -> None:
    address_book = book_with_verified(range(1, 4))
    for number in range(10, 13):
        address_book.reported(address(number), ROUTER, 0)
    asked, now = [], 1.0
    for _ in range(6):
        endpoint = address_book.feeler(now)
        assert endpoint is not None
        assert address_book.feeler(now + CONFIG.feeler_interval_s - 1) is None
        assert address_book.next_deadline() == now + CONFIG.feeler_interval_s
        book_failed(address_book, endpoint, now)
        asked.append(endpoint)
        now += CONFIG.feeler_interval_s
    assert set(asked[::2]) == {address(number) for number in (1, 2, 3)}, (
        "each of the tried table once, the one verified longest ago first"
    )
    assert set(asked[1::2]) <= {address(number) for number in (10, 11, 12)}


def test_an_empty_book_sends_no_feelers() -> None:
    assert book().feeler(0) is None
    assert book().next_deadline() == float("inf")


def test_anchors_are_the_peers_known_for_longest_in_different_netgroups() -> None:
    address_book = book()
    in_one_16 = [make_endpoint(f"60.60.{n}.1", 1) for n in range(3)]
    for age, endpoint in enumerate([*in_one_16, address(1), address(2)]):
        book_verified(address_book, peer(age, endpoint), float(age), source=ROUTER)
    assert address_book.anchors() == [in_one_16[0], address(1)]
    book_failed(address_book, address(1), 100.0)
    assert address_book.anchors() == [in_one_16[0], address(2)]
    for again in (in_one_16[0], address(2)):
        who = next(each for each in address_book.peers() if each.endpoint == again)
        book_verified(address_book, who, 90_000.0, source=ROUTER)
    assert address_book.anchors() == [in_one_16[0], address(2)]
    assert book().anchors() == []


def test_a_snapshot_counts_the_tables_and_collisions() -> None:
    address_book = book_with_verified(range(1, 2), ONE_PLACE)
    book_verified(address_book, peer(2), 1000.0, source=ROUTER)
    shown = address_book.snapshot()
    assert (shown.new, shown.tried, shown.verified_in_run, shown.in_collision, shown.anchors) == (
        1,
        1,
        1,
        1,
        (address(1),),
    )
    again = book(ONE_PLACE)
    again.restore(address_book.export(1000.0), 0.0)
    shown = again.snapshot()
    assert (shown.new, shown.tried, shown.verified_in_run, shown.in_collision) == (1, 1, 0, 0)


def test_no_age_of_the_book_is_saved_as_negative() -> None:
    """A clock that went back: a line with a negative age could not be read again."""
    address_book = book_with_verified(range(1, 4))
    [*ages] = [
        (each.first_seen_s_ago, each.reported_s_ago, each.first_verified_s_ago, each.verified_s_ago)
        for each in address_book.export(-1e6).peers
    ]
    assert ages == [(0.0, 0.0, 0.0, 0.0)] * 3


# --- What the application gets --------------------------------------------------------------------


def test_selected_peers_were_verified_in_this_run_and_answered_their_last_query() -> None:
    address_book = book_with_verified(range(1, 6))
    address_book.reported(address(10), ROUTER, 0)
    book_failed(address_book, address(3), 5.0)
    selected = address_book.select(10, 10.0)
    assert {each.peer.endpoint for each in selected} == {address(number) for number in (1, 2, 4, 5)}
    assert {(each.verified_s_ago, each.rtt_s) for each in selected} == {(10.0, None)}
    assert len(address_book.select(2, 10.0)) == 2
    book_verified(address_book, peer(4), 95.0, source=ROUTER)
    assert [
        each.peer.endpoint for each in address_book.select(10, 100.0, verified_within_s=60.0)
    ] == [address(4)]


def test_peers_are_selected_by_the_name_of_a_service() -> None:
    address_book = book()
    for number in range(6):
        book_verified(
            address_book,
            peer(number, services={"eth": 30303} if number % 2 else {"fork": b"\xab\xcd"}),
            0.0,
            source=ROUTER,
        )
    eth = ServiceFilter({"eth": None})
    assert {each.peer.endpoint for each in address_book.select(9, 0.0, offering=eth)} == {
        address(number) for number in (1, 3, 5)
    }
    assert address_book.select(9, 0.0, offering=ServiceFilter({"http": None})) == []


def test_a_small_selection_is_of_many_netgroups() -> None:
    address_book = book()
    for number in range(30):
        book_verified(
            address_book, peer(number, make_endpoint(f"60.60.{number}.1", 1)), 0.0, source=ROUTER
        )
    for number in range(100, 103):
        book_verified(address_book, peer(number), 0.0, source=ROUTER)
    book_verified(
        address_book, peer(999, Endpoint(address(100)[:3] + b"\x63" + b"\0\1")), 0.0, source=ROUTER
    )
    for _ in range(20):
        assert len({each.peer.endpoint[:2] for each in address_book.select(4, 1.0)}) == 4
        more = address_book.select(20, 1.0)
        assert len(more) == 20
        assert len({each.peer.endpoint[:3] for each in more}) == 20


def test_bad_verdicts_hold_a_peer_back_for_a_time() -> None:
    address_book = book_with_verified(range(20))
    for number, verdict, lasts_s in (
        (1, "busy", CONFIG.busy_s),
        (2, "bad", CONFIG.bad_s),
        (3, "wrong-network", CONFIG.wrong_network_s),
    ):
        address_book.judge(peer(number).key, verdict, 100.0)  # type: ignore[arg-type]
        told = address_book.why(address(number), 100.0)
        assert told is not None
        assert (told.verdict, told.held_back_s) == (verdict, lasts_s)
        for now, expected in ((100.0 + lasts_s - 1, False), (100.0 + lasts_s, True)):
            assert (
                address(number)
                in [
                    each.peer.endpoint
                    for each in address_book.select(20, now, verified_within_s=FOREVER)
                ]
            ) == expected


def test_without_groups_all_nodes_of_one_subnet_have_places_and_are_selected() -> None:
    lab = replace(CoreConfig(), defences=replace(CoreConfig().defences, book_groups=False))
    for config, least, most in ((CoreConfig(), 1, 2), (lab, 90, 100)):
        address_book = book(config)
        for number in range(100):
            book_verified(
                address_book,
                peer(number, make_endpoint(f"60.60.60.{number + 1}", 1)),
                0.0,
                source=ROUTER,
            )
        assert least <= address_book.verified_count <= most
        assert least <= len(address_book.select(100, 1.0)) <= most


def test_private_addresses_count_alone() -> None:
    for allow_private, network, most in (
        (False, "127.0.0", 30),
        (True, "127.0.0", 30),
        (True, "45.2.3", 2),
    ):
        address_book = book(replace(CoreConfig(), allow_private=allow_private))
        for number in range(30):
            book_verified(
                address_book,
                peer(number, make_endpoint(f"{network}.{number + 1}", 6881)),
                0.0,
                source="lan",
            )
        assert most * 0.9 <= address_book.verified_count <= most
        assert len(address_book.select(30, 1.0)) == (
            address_book.verified_count if most == 30 else 1
        )
