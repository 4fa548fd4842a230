"""An address book that is full, as hearsay can fill it: no call of the core takes its whole length.
What a call may cost is counted in entries, not in seconds.
"""

from __future__ import annotations

import gc
import random
from collections import Counter
from collections.abc import Iterable

import pytest

from kadisc.config import GossipConfig
from kadisc.core.addressing.netgroup_sampling import SORTED_AT_MOST, spread_by_prefix
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.book.address_book import AddressBook
from kadisc.core.book.persistence import EXPORTED_AT_ONCE
from kadisc.core.contract.events import LookupKind, LookupResult, OperationId
from kadisc.core.contract.queries import RendezvousLookup
from kadisc.core.contract.saved_state import PackedPeers, SavedPeer
from kadisc.core.peers.challenger_scan import PAUSE_S, SLICE, ChallengerScan
from kadisc.core.peers.slot_ranking import Challenge
from kadisc.core.peers.view import GossipView
from kadisc.core.peers_assembly import book_for
from kadisc.endpoints import Endpoint, Family, make_endpoint
from tests.support.community import member, peer_network
from tests.support.peers import answering, book_verified, challengers, peer
from tests.support.world import CONFIG, World, address

SCOPES = AddressPolicy(False)


def full_book(entries: int = 1000) -> AddressBook:
    book = book_for(CONFIG, random.Random(1), bytes(32), SCOPES)
    number = 0
    while len(book) < entries:
        book.reported(address(number), address(20_000 + number % 900), 0.0)
        number += 1
    for other in range(60):
        book_verified(book, peer(30_000 + other), 1.0, source="operator")
    return book


class CountingView(GossipView):
    """How many addresses were ranked in each call."""

    ranked: list[int]

    def challenge(self) -> Challenge:
        challenge = super().challenge()
        offer, ranked = challenge.offer, self.ranked

        def counted(known: Iterable[Endpoint]) -> None:
            known = list(known)
            ranked.append(len(known))
            offer(known)

        challenge.offer = counted  # type: ignore[method-assign]
        return challenge


def counting_view() -> CountingView:
    view = CountingView(GossipConfig(), random.Random(2), SCOPES)
    view.ranked = []
    for number in range(300):
        view.offer(answering(peer(number), 0), 0)
    for _ in range(GossipConfig().reseed_every_rounds):
        view.round(0)
    return view


def test_challengers_are_sought_a_slice_at_a_time_and_none_is_missed() -> None:
    book, view = full_book(), counting_view()
    expected = challengers(view, [entry.endpoint for entry in book.entries()])
    view.ranked.clear()
    scan = ChallengerScan(view, book)
    scan.begin(10.0)
    found: list[Endpoint] = []
    steps = 0
    while scan.deadline < float("inf"):
        assert scan.deadline == pytest.approx(10.0 + steps * PAUSE_S)
        found += scan.step(scan.deadline)
        steps += 1
    assert found == expected != []
    assert steps == -(-len(book) // SLICE)
    assert max(view.ranked) == SLICE
    assert sum(view.ranked) == len(book)


def test_a_node_with_a_full_book_ranks_a_slice_of_it_in_a_tick() -> None:
    world = World(1)
    host = member(world, 1)
    network = peer_network(host)
    book = network.components.book
    for number in range(3000):
        book.reported(address(number), address(20_000 + number % 900), 0.0)
    assert len(book) > 4 * SLICE
    ranked: Counter[float] = Counter()
    challenge = network.components.view.challenge

    def counted() -> Challenge:
        made = challenge()
        offer = made.offer

        def count(known: Iterable[Endpoint]) -> None:
            known = list(known)
            ranked[world.now] += len(known)
            offer(known)

        made.offer = count  # type: ignore[method-assign]
        return made

    network.components.view.challenge = counted  # type: ignore[method-assign]
    world.flush(host)
    world.run(150.0)
    assert sum(ranked.values()) > 4 * SLICE
    assert max(ranked.values()) <= SLICE


def test_an_export_in_slices_is_the_same_as_one_at_once() -> None:
    book = full_book()
    export = book.begin_export()
    steps = 1
    while not export.step(50.0):
        steps += 1
    assert export.book() == book.export(50.0)
    assert steps == -(-len(book) // EXPORTED_AT_ONCE)


def test_what_changes_between_two_slices_leaves_a_consistent_book() -> None:
    """No entry twice, none that is gone, and all of them can be restored."""
    book = full_book()
    export = book.begin_export()
    rng = random.Random(3)
    gone: set[Endpoint] = set()
    now = 50.0
    while not export.step(now):
        now += 1.0
        for entry in rng.sample(list(book.entries()), 40):
            gone.add(entry.endpoint)
            book.drop(entry.endpoint)
        for number in range(40):
            book.reported(address(rng.randrange(9000)), address(20_000 + number), now)
            book_verified(book, peer(rng.randrange(2000)), now, source="operator")
    exported = export.book()
    endpoints = [saved.endpoint for saved in exported.peers]
    assert len(endpoints) == len(set(endpoints)) > 500
    here = {entry.endpoint for entry in book.entries()}
    assert set(endpoints) <= here
    again = book_for(CONFIG, random.Random(1), bytes(32), SCOPES)
    assert again.restore(exported, 0.0) == {}
    assert len(again) == len(endpoints)


def test_a_node_exports_in_slices_what_it_exports_at_once() -> None:
    world = World(1)
    host = member(world, 1)
    book = peer_network(host).components.book
    for number in range(600):
        book.reported(address(number), address(20_000 + number % 900), 0.0)
    export = host.node.begin_export()
    steps = 1
    while (state := export.step(9.0)) is None:
        steps += 1
    assert steps >= 2 + len(book) // EXPORTED_AT_ONCE
    assert state == host.node.export_state(9.0)


def test_an_export_makes_hardly_any_objects_for_the_garbage_collector() -> None:
    """An object for each entry, thousands at each save, makes it collect all generations, and the
    node stands still meanwhile.
    """
    book = full_book()
    gc.collect()
    before = len(gc.get_objects())
    export = book.begin_export()
    while not export.step(50.0):
        pass
    exported = export.book()
    gc.collect()
    assert len(gc.get_objects()) - before < 20
    assert len(exported.peers) == len(book) > 500


def test_packed_entries_are_read_as_they_were() -> None:
    book = full_book()
    exported = book.export(50.0).peers
    entries = list(book.entries())
    assert [saved.endpoint for saved in exported] == [entry.endpoint for entry in entries]
    assert [saved.peer for saved in exported] == [entry.peer for entry in entries]
    assert [saved.rtt_s for saved in exported] == [entry.rtt_s for entry in entries]
    assert any(saved.peer is None and saved.verified_s_ago is None for saved in exported)
    assert all(
        saved.verified_s_ago == 50.0 - entry.verified_at
        for saved, entry in zip(exported, entries, strict=True)
        if entry.peer is not None
    )
    packed = PackedPeers()
    met = peer(1)
    for saved in (
        SavedPeer(address(1), "operator", False, 1.5, 0.0, 1 << 30, 3),
        SavedPeer(met.endpoint, address(2), True, 9.0, 8.0, 2, 0, met, 7.0, 0.0, 0.25),
    ):
        packed.append(saved)
        assert packed[-1] == saved
    with pytest.raises(IndexError):
        packed[2]
    assert packed.only([1]) == (packed[1],)


@pytest.mark.parametrize("names", [20, 900, 10_000])
def test_a_tag_with_many_names_costs_a_bounded_number_of_reports(names: int) -> None:
    """One netgroup announces nearly all of them: each of the others is considered."""
    world = World(1)
    host = member(world, 1)
    network = peer_network(host)
    crowd = [
        make_endpoint(f"99.9.{number // 250}.{number % 250 + 1}", 7) for number in range(names)
    ]
    honest = [address(number) for number in range(8)]
    lookup = RendezvousLookup(Family.IPV4, 0, 5, announces=False, port=None, paths=4)
    result = LookupResult(
        5, LookupKind.GET_PEERS, Family.IPV4, (), (*crowd, *honest), 1, 1, 1, 1.0, {}, None
    )
    network.rendezvous.rendezvous_finished(lookup, OperationId(1), result, 1.0, stored=True)
    book = network.components.book
    known = {entry.endpoint for entry in book.entries()}
    assert 6 <= len(known) <= CONFIG.rendezvous.peers_per_lookup
    if names < SORTED_AT_MOST:
        assert len(known & set(honest)) >= 6, "places of the book may collide"


def test_a_spread_draw_has_one_of_each_prefix_before_a_second_of_any() -> None:
    endpoints = [make_endpoint(f"99.9.{number}.1", 7) for number in range(200)]
    others = [address(number) for number in range(10)]
    drawn = spread_by_prefix([*endpoints, *others], 20, SCOPES.netgroup, random.Random(1))
    assert len(drawn) == len(set(drawn)) == 20
    assert set(others) <= set(drawn)
    assert spread_by_prefix(others, 20, SCOPES.netgroup, random.Random(1)) != others
