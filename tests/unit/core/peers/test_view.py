"""The view: slots are ranked by address, hold one identity per address, are reseeded a few at a
time, and are given out when they are mature.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest

from kadisc.config import GossipConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.naive_view import NaiveView
from kadisc.core.peers.slot_ranking import FLAT, FROM_8, Seat, Standing
from kadisc.core.peers.view import GossipView, ViewRule
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.contacts import address6
from tests.support.peers import answering, challengers, peer, view_answered, view_failed
from tests.support.world import address

CONFIG = GossipConfig()
SLOTS = CONFIG.flat_slots + CONFIG.slots_from_8 + CONFIG.slots_from_16 + CONFIG.slots_from_24


def view(
    config: GossipConfig = CONFIG, seed: int = 1, *, allow_private: bool = False
) -> GossipView:
    return GossipView(config, random.Random(seed), AddressPolicy(allow_private))


def filled(numbers: Iterable[int], seed: int = 1) -> GossipView:
    gossip_view = view(seed=seed)
    for number in numbers:
        gossip_view.offer(answering(peer(number), 0), 0)
    return gossip_view


def slots_by_address(gossip_view: GossipView, numbers: Iterable[int]) -> list[int]:
    return [gossip_view.slots_of(address(number)) for number in numbers]


def failing(gossip_view: ViewRule) -> list[Endpoint]:
    """Peers of the view that left the last query unanswered."""
    return [seen.peer.endpoint for seen in gossip_view.snapshot(0).peers if seen.failures]


def rounds(gossip_view: ViewRule, count: int) -> None:
    for _ in range(count):
        gossip_view.round(0)


# --- which peer holds a slot ----------------------------------------------------------------------


def test_there_are_a_hundred_slots_half_of_them_flat() -> None:
    assert (SLOTS, CONFIG.flat_slots) == (100, 50)


def test_the_first_peer_holds_every_slot() -> None:
    gossip_view = view()
    assert gossip_view.would_win(address(1))
    assert gossip_view.offer(answering(peer(1), 0), 0) == SLOTS
    assert (len(gossip_view), gossip_view.slots_of(address(1))) == (1, SLOTS)


def test_the_slots_go_to_the_same_peers_in_any_order_and_however_often_they_come() -> None:
    orderly, shuffled = filled(range(200)), view()
    numbers = [*range(200), *range(50)]
    random.Random(7).shuffle(numbers)
    for number in numbers:
        shuffled.offer(answering(peer(number), 0), 0)
    # Not all of them the same: in the shuffled one some lost all their slots and came back.
    assert slots_by_address(orderly, range(200)) == slots_by_address(shuffled, range(200))
    assert sum(slots_by_address(orderly, range(200))) == SLOTS


def test_keys_play_no_part() -> None:
    one, other = view(), view()
    for number in range(100):
        one.offer(answering(peer(number), 0), 0)
        other.offer(answering(peer(number, key=5000 + number), 0), 0)
    assert slots_by_address(one, range(100)) == slots_by_address(other, range(100))


def test_each_seed_of_a_view_ranks_differently() -> None:
    assert slots_by_address(filled(range(100), seed=1), range(100)) != slots_by_address(
        filled(range(100), seed=2), range(100)
    )


def test_every_address_has_the_same_chance_at_flat_slots_and_every_network_at_the_others() -> None:
    """Of 1,000 addresses 900 are in one /8, in as few /24s as hold them; 100 are in /8s of their
    own.
    """
    crowd = [make_endpoint(f"60.60.{n // 250}.{n % 250 + 1}", 1) for n in range(900)]
    spread = [make_endpoint(f"{n + 61}.1.1.1", 1) for n in range(39)] + [
        make_endpoint(f"{n + 101 + (n > 24) * 3}.1.1.1", 1) for n in range(61)
    ]
    spread = [each for each in spread if AddressPolicy(False).of(each).value == "public"]
    flat = hierarchical = 0
    for seed in range(20):
        gossip_view = view(seed=seed)
        for number, endpoint in enumerate(crowd + spread):
            gossip_view.offer(answering(peer(number, endpoint), 0), 0)
        rounds(gossip_view, 0)
        for slot in gossip_view.slots:
            assert slot.holder is not None
            in_crowd = slot.holder.peer.endpoint[0] == 60
            flat += in_crowd and slot.seat.begins == FLAT
            hierarchical += in_crowd and slot.seat.begins == FROM_8
    assert 0.85 < flat / (20 * CONFIG.flat_slots) < 0.95, "nine of ten"
    assert hierarchical / (20 * CONFIG.slots_from_8) < 0.08, "one of a hundred"


def test_would_win_predicts_what_offer_does() -> None:
    gossip_view = filled(range(150))
    for number in range(150, 400):
        expected = gossip_view.would_win(address(number))
        assert (gossip_view.offer(answering(peer(number), 0), 0) > 0) == expected


def test_one_identity_per_address() -> None:
    gossip_view = filled(range(10))
    second = Endpoint(address(3)[:4] + b"\x00\x09")
    before = gossip_view.slots_of(address(3))
    assert before
    assert not gossip_view.would_win(second)
    assert gossip_view.offer(answering(peer(99, second), 0), 0) == 0
    assert (gossip_view.slots_of(second), gossip_view.slots_of(address(3))) == (0, before)
    view_failed(gossip_view, address(3), 1)
    gossip_view.offer(answering(peer(99, second), 2), 2)
    assert (gossip_view.slots_of(second), gossip_view.slots_of(address(3))) == (before, 0), (
        "the first one is silent: another peer may be there now"
    )


def test_one_identity_per_network_of_a_host_in_ipv6() -> None:
    gossip_view = view()
    gossip_view.offer(answering(peer(1, address6(1)), 0), 0)
    other = Endpoint(address6(1)[:15] + b"\x07" + address6(1)[16:])
    assert gossip_view.offer(answering(peer(2, other), 0), 0) == 0


def test_each_endpoint_that_is_not_public_counts_by_itself() -> None:
    public = [make_endpoint("45.2.3.4", port) for port in range(1, 31)]
    loopback = [make_endpoint("127.0.0.1", port) for port in range(1, 31)]
    for allow_private, ports, distinct in (
        (False, loopback, 25),
        (True, loopback, 25),
        (True, public, 1),
    ):
        gossip_view = view(allow_private=allow_private)
        for number, endpoint in enumerate(ports):
            gossip_view.offer(answering(peer(number, endpoint), 0), 0)
        assert min(len(gossip_view), 25) == distinct


def test_a_peer_that_moves_leaves_the_old_address_at_once() -> None:
    gossip_view = filled(range(10))
    assert gossip_view.offer(answering(peer(3, address(50), sequence=2), 5), 5) > 0
    assert gossip_view.slots_of(address(3)) == 0
    assert sum(entry.slots for entry in gossip_view.entries(5)) == SLOTS


def test_an_old_record_moves_no_peer_back() -> None:
    gossip_view = view()
    gossip_view.offer(answering(peer(1, address(50), sequence=2), 0), 0)
    assert gossip_view.offer(answering(peer(1, address(60), sequence=1), 1), 1) == 0
    assert gossip_view.slots_of(address(50)) == SLOTS


def test_a_node_with_an_address_in_each_family_keeps_both() -> None:
    gossip_view = view()
    gossip_view.offer(answering(peer(1), 0), 0)
    gossip_view.offer(answering(peer(1, address6(1)), 0), 0)
    assert len(gossip_view) == 2


# --- failures -------------------------------------------------------------------------------------


def test_a_peer_that_fails_twice_in_a_row_loses_its_slots_to_those_that_rank_next() -> None:
    gossip_view, without = filled(range(30)), view()
    for number in range(30):
        if number != 7:
            without.offer(answering(peer(number), 0), 0)
    view_failed(gossip_view, address(7), 1)
    assert failing(gossip_view) == [address(7)]
    view_answered(gossip_view, address(7), 2)
    view_failed(gossip_view, address(7), 3)
    assert gossip_view.slots_of(address(7)), "an answer in between"
    view_failed(gossip_view, address(7), 4)
    assert slots_by_address(gossip_view, range(30)) == slots_by_address(without, range(30))


def test_failures_of_unknown_endpoints_and_of_other_ports_change_nothing() -> None:
    gossip_view = filled(range(5))
    for _ in range(3):
        view_failed(gossip_view, address(77), 1)
        view_failed(gossip_view, Endpoint(address(3)[:4] + b"\x00\x09"), 1)
    assert len(gossip_view) == 5
    assert not failing(gossip_view)


def test_the_last_peer_may_be_removed() -> None:
    gossip_view = filled([1])
    gossip_view.remove(address(1))
    gossip_view.remove(address(1))
    assert (len(gossip_view), gossip_view.partner(0), gossip_view.entries(0)) == (0, None, [])
    assert gossip_view.offer(answering(peer(2), 0), 0) == SLOTS


# --- rounds, samples, partners --------------------------------------------------------------------


def test_reseeding_is_staggered_and_reaches_every_slot() -> None:
    gossip_view = filled(range(50))
    assert gossip_view.snapshot(0).mature == 0
    rounds(gossip_view, CONFIG.sample_age_rounds)
    # Four times five were reseeded in these 20 rounds.
    assert (
        gossip_view.snapshot(0).mature
        == SLOTS - CONFIG.sample_age_rounds // CONFIG.reseed_every_rounds * CONFIG.reseed_slots
    )
    seeds = [slot.seat.seed for slot in gossip_view.slots]
    for _ in range(SLOTS // CONFIG.reseed_slots):
        before = [slot.seat.seed for slot in gossip_view.slots]
        rounds(gossip_view, CONFIG.reseed_every_rounds)
        changed = sum(
            old != slot.seat.seed for old, slot in zip(before, gossip_view.slots, strict=True)
        )
        assert changed == CONFIG.reseed_slots
        assert gossip_view.snapshot(0).mature == 80
        assert gossip_view.snapshot(0).vacant == 0
    assert all(old != slot.seat.seed for old, slot in zip(seeds, gossip_view.slots, strict=True))


def test_reseeding_in_time_brings_in_peers_that_luck_had_left_out() -> None:
    gossip_view = filled(range(300))
    seen: set[Endpoint] = set()
    for _ in range(300):
        for number in range(gossip_view.snapshot(0).rounds % 10, 300, 10):
            gossip_view.offer(answering(peer(number), 0), 0)
        gossip_view.round(0)
        seen.update(each.endpoint for each in gossip_view.sample(SLOTS, 0))
    assert len(seen) >= 150


def test_a_remembered_peer_that_ranks_first_for_a_new_seed_is_a_challenger() -> None:
    gossip_view = filled(range(300))
    remembered = [address(number) for number in range(300)]
    assert challengers(gossip_view, [address(number) for number in range(20)]) == [], (
        "all of them were offered to these seeds"
    )
    rounds(gossip_view, CONFIG.reseed_every_rounds)
    found = challengers(gossip_view, remembered)
    assert 0 < len(found) <= CONFIG.reseed_slots
    assert all(
        gossip_view.would_win(each)
        and each not in {seen.peer.endpoint for seen in gossip_view.entries(0)}
        for each in found
    )
    for each in found:
        assert gossip_view.offer(answering(peer(remembered.index(each)), 0), 0) > 0
    assert challengers(gossip_view, remembered) == []


def test_samples_come_from_mature_slots_alone() -> None:
    gossip_view = filled(range(50))
    rounds(gossip_view, CONFIG.sample_age_rounds - 1)
    assert gossip_view.sample(10, 0) == []
    gossip_view.round(0)
    given = gossip_view.sample(10, 0)
    assert len(given) == len({each.endpoint for each in given}) == 10
    assert len(gossip_view.sample(1000, 0)) <= len(gossip_view)


def test_samples_can_come_from_one_kind_of_slot() -> None:
    gossip_view = filled(range(500))
    rounds(gossip_view, CONFIG.sample_age_rounds)
    both, flat, others = (
        {each.key for each in gossip_view.sample(SLOTS, 0, hierarchical=kind)}
        for kind in (None, False, True)
    )
    assert flat | others == both
    assert flat - others
    assert others - flat


def test_a_peer_that_failed_or_answered_long_ago_is_not_given_out() -> None:
    gossip_view = filled(range(3))
    rounds(gossip_view, CONFIG.sample_age_rounds)
    view_failed(gossip_view, address(1), 5)
    view_answered(gossip_view, address(2), 100)
    assert {each.endpoint for each in gossip_view.sample(10, 100)} == {address(0), address(2)}
    assert {each.endpoint for each in gossip_view.sample(10, 100, verified_within_s=60)} == {
        address(2)
    }
    assert {each.peer.endpoint for each in gossip_view.entries(100)} == {address(0), address(2)}


def test_every_peer_has_its_turn_as_partner_and_a_new_one_does_not_come_first() -> None:
    gossip_view = filled(range(20))
    here = len(gossip_view)
    first = [gossip_view.partner(0) for _ in range(here)]
    assert len({each.key for each in first if each}) == here
    gossip_view.partner(0)
    for number in range(1000, 1020):
        gossip_view.offer(answering(peer(number), 0), 0)
    drawn = [gossip_view.partner(0) for _ in range(here // 2)]
    assert any(each and each.endpoint in {address(n) for n in range(20)} for each in drawn)


def test_a_partner_can_be_refused() -> None:
    gossip_view = filled(range(3))
    assert {gossip_view.partner(0, lambda endpoint: endpoint == address(1)) for _ in range(5)} == {
        peer(1)
    }
    assert gossip_view.partner(0, lambda endpoint: False) is None


def test_a_view_without_slots_holds_no_peer() -> None:
    gossip_view = view(
        replace(CONFIG, flat_slots=0, slots_from_8=0, slots_from_16=0, slots_from_24=0)
    )
    assert not gossip_view.would_win(address(1))
    assert gossip_view.offer(answering(peer(1), 0), 0) == 0
    rounds(gossip_view, 10)
    assert len(gossip_view) == 0


# --- ranks ----------------------------------------------------------------------------------------


def test_a_slot_compares_the_first_prefix_that_differs() -> None:
    standing = Standing(b"k" * 16, AddressPolicy(False))
    here = standing.of(make_endpoint("9.1.1.1", 1))
    same_24 = standing.of(make_endpoint("9.1.1.2", 1))
    same_16 = standing.of(make_endpoint("9.1.2.1", 1))
    same_8 = standing.of(make_endpoint("9.2.1.1", 1))
    for other, shared in ((same_24, 3), (same_16, 2), (same_8, 1)):
        assert sum(a == b for a, b in zip(here, other, strict=True)) == shared
    for seed in (1, 3, 12345678901234567890123456789012345679):
        for one, other in ((here, same_24), (here, same_16), (here, same_8)):
            for begins in range(4):
                first, second = Seat(begins, seed, one), Seat(begins, seed, other)
                assert first.prefers(other) != second.prefers(one)
                assert not first.prefers(one)


def test_positions_depend_on_the_secret_and_not_on_the_port() -> None:
    one = Standing(b"1" * 16, AddressPolicy(False))
    other = Standing(b"2" * 16, AddressPolicy(False))
    assert one.of(address(1)) != other.of(address(1))
    assert one.of(address(1)) == one.of(address(1, port=9))
    assert len(set(one.of(address6(1)))) == 4, "IPv6 has no /8: its /32 stands for that as well"


def test_flat_slots_rank_an_ipv6_address_by_its_share_then_by_the_48_then_by_the_64() -> None:
    standing = Standing(b"k" * 16, AddressPolicy(False))
    here = standing.of(make_endpoint("2a00:1:0:1::1", 1))
    same_64 = standing.of(make_endpoint("2a00:1:0:1:9::1", 1))
    same_48 = standing.of(make_endpoint("2a00:1:0:2::1", 1))
    same_share = standing.of(make_endpoint("2a00:1:101:1::1", 1))
    same_32 = standing.of(make_endpoint("2a00:1:1:1::1", 1))
    assert here == same_64
    for other, equal in ((same_48, 2), (same_share, 1), (same_32, 0)):
        pairs = list(zip(here[FLAT:], other[FLAT:], strict=True))
        assert [a == b for a, b in pairs[:equal]] == [True] * equal
        assert all(a != b for a, b in pairs[equal:])
        first, second = Seat(FLAT, 12345678901, here), Seat(FLAT, 12345678901, other)
        assert first.prefers(other) != second.prefers(here)


def test_a_tunnel_ranks_like_the_ipv4_address_in_it() -> None:
    standing = Standing(b"k" * 16, AddressPolicy(False))
    assert standing.of(make_endpoint("2002:901:101::1", 1)) == standing.of(
        make_endpoint("9.1.1.1", 1)
    )


@pytest.mark.parametrize("chosen", [GossipView, NaiveView])
def test_both_views_keep_to_their_bound_and_have_the_same_methods(chosen: type) -> None:
    gossip_view: ViewRule = view() if chosen is GossipView else NaiveView(CONFIG, random.Random(1))
    assert gossip_view.partner(0) is None
    statuses = [answering(peer(number)) for number in range(500)]
    for status in statuses:
        gossip_view.offer(status, 0)
    assert 0 < len(gossip_view) <= SLOTS
    rounds(gossip_view, 20)
    [first, *_] = gossip_view.sample(3, 0)
    [status] = [each for each in statuses if each.peer is first]
    status.failed(0, 10)
    assert failing(gossip_view) == [first.endpoint]
    status.answered(9)
    assert not failing(gossip_view)
    gossip_view.remove(first.endpoint)
    assert gossip_view.slots_of(first.endpoint) == 0
    snapshot = gossip_view.snapshot(10)
    assert (snapshot.rounds, snapshot.slots, len(snapshot.peers)) == (20, SLOTS, len(gossip_view))
    left = gossip_view.entries(10)[0].peer.endpoint
    gossip_view.remove(left)
    assert gossip_view.slots_of(left) == 0
    assert gossip_view.partner(0, lambda endpoint: False) is None
