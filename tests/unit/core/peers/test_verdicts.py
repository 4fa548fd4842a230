"""A verdict of the application counts for every source of peers, for its whole time, also after
rounds of gossip, a restart and new lookups; and it is told to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from kadisc.config import BookConfig
from kadisc.core.book.verdicts import FEW, MAX_JUDGED, VerdictBounds, Verdicts
from kadisc.core.contract.saved_state import SavedBook, SavedVerdict, Verdict
from kadisc.core.contract.times import FOREVER
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.community import (
    identity,
    introduce,
    knows,
    member,
    of_both_families,
    peer_network,
    pull,
    record_fields,
    stranger,
)
from tests.support.peers import peer
from tests.support.world import CONFIG, Host, World, address

MEMBERS = 6
THERE = make_endpoint("2c0f:1:1:1::1", 6881)
BAD_S, WRONG_NETWORK_S = 400.0, 1600.0
BOOK = BookConfig(bad_s=BAD_S, wrong_network_s=WRONG_NETWORK_S)
"""With short pauses: a day of a network takes a minute."""
SHORT = replace(CONFIG, book=BOOK)


def network(world: World, size: int = MEMBERS) -> list[Host]:
    """Members that know each other."""
    hosts = [member(world, number, config=SHORT) for number in range(1, size + 1)]
    for host in hosts:
        world.join(host, hosts[:1])
        peer_network(host).report([hosts[0].endpoint], "operator", world.now)
        world.run(1.0)
    world.run(40.0)
    return hosts


def given(host: Host, world: World, *, ever: bool = False) -> set[Endpoint]:
    """What the application is given, as many as there are."""
    within_s = FOREVER if ever else None
    peers = peer_network(host).peers(64, world.now, verified_within_s=within_s)
    return {peer.endpoint for peer in peers}


def rounds_of(host: Host, world: World) -> int:
    return peer_network(host).snapshot(world.now).view.rounds


def run_rounds(host: Host, world: World, rounds: int) -> None:
    end = rounds_of(host, world) + rounds
    world.run(130.0 * rounds, until=lambda: rounds_of(host, world) >= end)
    assert rounds_of(host, world) == end


def endpoints(hosts: Iterable[Host]) -> set[Endpoint]:
    return {host.endpoint for host in hosts}


def test_a_verdict_holds_after_25_rounds_when_its_peer_holds_mature_slots() -> None:
    world = World(1)
    one, judged, *others = network(world)
    assert given(one, world) == endpoints([judged, *others])
    assert peer_network(one).feedback(identity(3).public_key, "wrong-network", world.now)
    for _ in range(25):
        run_rounds(one, world, 1)
        assert given(one, world, ever=True) == endpoints(others)
    mature = {each.endpoint for each in peer_network(one).sample_slots(99, world.now)}
    assert judged.endpoint in mature, "else this shows nothing"
    why = peer_network(one).why(judged.endpoint, world.now)
    assert why is not None
    assert (why.verdict, why.held_back_s > 0) == ("wrong-network", True)


def test_a_verdict_ends_with_its_time() -> None:
    world = World(2)
    one, judged, *others = network(world)
    peer_network(one).feedback(judged.endpoint, "bad", world.now)
    until = world.now + BAD_S
    world.run(BAD_S - 10.0)
    assert given(one, world, ever=True) == endpoints(others)
    world.run(until - world.now + 1.0)
    assert given(one, world, ever=True) == endpoints([judged, *others])


def test_a_verdict_is_saved_and_holds_when_the_peer_comes_back_by_lookups() -> None:
    world = World(3)
    one, judged, *others = network(world)
    peer_network(one).feedback(identity(3).public_key, "wrong-network", world.now)
    world.run(600.0)
    saved = peer_network(one).export(world.now)
    assert [each.verdict for each in saved.verdicts] == ["wrong-network"]
    # The book is lost: what is known of peers comes from lookups and gossip alone.
    saved = replace(saved, book=SavedBook())
    world.kill(one)
    again = member(world, 1, config=SHORT)
    peer_network(again).restore(saved, world.now)
    world.join(again, [others[0]])
    introduce(world, again, judged.endpoint, others[0].endpoint)
    world.run(300.0)
    assert judged.endpoint in knows(again)
    assert given(again, world, ever=True) == endpoints(others)
    world.run(WRONG_NETWORK_S - 1000.0)
    assert given(again, world, ever=True) == endpoints(others)
    world.run(800.0)
    assert judged.endpoint in given(again, world, ever=True)


def test_a_verdict_holds_when_the_peer_was_lost_and_comes_back() -> None:
    world = World(4)
    one, judged, *others = network(world)
    [found] = peer_network(one).match(judged.endpoint).peers
    world.cut_off.add(judged.endpoint)
    world.run(900.0)
    assert judged.endpoint not in knows(one)
    assert peer_network(one).feedback(found, "wrong-network", world.now), "it was given before"
    world.cut_off.clear()
    introduce(world, one, judged.endpoint)
    world.run(200.0)
    assert judged.endpoint in knows(one)
    assert given(one, world, ever=True) == endpoints(others)


@pytest.mark.parametrize(
    ("verdict", "is_named"),
    [("good", True), ("busy", True), ("bad", False), ("wrong-network", False)],
)
def test_only_a_peer_that_was_judged_bad_is_not_named_to_others(
    verdict: Verdict, is_named: bool
) -> None:
    world = World(5)
    one, judged, *_ = network(world)
    peer_network(one).feedback(judged.endpoint, verdict, world.now)
    asker = stranger(world, 60)
    world.run(2.0)
    named = {each.contact for each in pull(world, asker, one)}
    assert named, "the others are named"
    assert (judged.contact in named) == is_named
    if not is_named:
        world.run(WRONG_NETWORK_S if verdict == "wrong-network" else BAD_S)
        assert judged.contact in {each.contact for each in pull(world, asker, one)}


def test_a_verdict_on_a_proven_key_holds_where_the_key_is_proven_later() -> None:
    world = World(6)
    host = of_both_families(world)
    owner = identity(77)
    first = stranger(world, 2, record=record_fields(owner, address(2)), signs_as=owner)
    introduce(world, host, first.endpoint)
    peer_network(host).feedback(owner.public_key, "bad", world.now)
    second = stranger(world, 3, at=THERE, record=first.record, signs_as=owner)
    moved = make_endpoint("77.7.7.7", 7)
    stranger(world, 4, at=moved, record=record_fields(owner, moved, 2), signs_as=owner)
    introduce(world, host, second.endpoint, moved)
    assert knows(host) == {THERE, moved}
    assert given(host, world) == set()


def test_a_verdict_on_an_unproven_peer_holds_there_also_when_it_has_proven_its_key() -> None:
    world = World(7)
    host = member(world, 1)
    older = stranger(world, 2, proves=False)
    introduce(world, host, older.endpoint)
    assert given(host, world) == {older.endpoint}
    peer_network(host).feedback(older.endpoint, "bad", world.now)
    older.proves = True
    introduce(world, host, older.endpoint)
    world.run(120.0)
    [known] = peer_network(host).verifier.known
    assert known.endpoint == older.endpoint
    assert given(host, world) == set()


# --- the table of verdicts ------------------------------------------------------------------------


def verdicts() -> Verdicts:
    return Verdicts(VerdictBounds(BOOK))


def held(table: Verdicts, numbers: Iterable[int], now: float = 1.0) -> list[int]:
    return [number for number in numbers if table.holds_back(peer(number), now)]


def test_the_last_verdict_counts() -> None:
    table = verdicts()
    table.judge(peer(1).mark, "wrong-network", 0.0)
    table.judge(peer(1).mark, "busy", 0.0)
    assert held(table, [1], WRONG_NETWORK_S - 1.0) == [1], "a shorter pause does not end a longer"
    table.judge(peer(1).mark, "good", 1.0)
    assert held(table, [1]) == []
    assert table.weight(peer(1), 1.0) == 1.25


def test_half_of_the_known_peers_may_be_held_back_and_peers_that_left_do_not_count() -> None:
    table, known = verdicts(), {peer(number).key for number in range(40)}
    for number in range(100, 200):
        table.judge(peer(number).mark, "wrong-network", 0.0, known)
    for number in range(30):
        table.judge(peer(number).mark, "bad", 0.0, known)
    assert held(table, range(40)) == [*range(10, 30)], "the ones judged last"
    assert held(table, range(100, 200)) == [*range(100, 200)]
    few = verdicts()
    for number in range(FEW):
        few.judge(peer(number).mark, "bad", 0.0, {peer(each).key for each in range(FEW)})
    assert held(few, range(FEW)) == [*range(FEW)]


def test_the_table_is_bounded_and_forgets_what_has_no_effect_any_more_first() -> None:
    table = verdicts()
    now = 0.0
    for number in range(MAX_JUDGED):
        table.judge(peer(number).mark, "wrong-network" if number < 9 else "busy", now)
    now = BOOK.busy_s + 1.0
    table.judge(peer(50_000).mark, "bad", now)
    assert len(table) == 10
    for number in range(60_000, 60_000 + MAX_JUDGED):
        table.judge(peer(number).mark, "bad", now)
    assert len(table) == MAX_JUDGED


def test_saved_verdicts_are_checked() -> None:
    table = verdicts()
    key = bytes(32)
    good = SavedVerdict(key, "good", 2, 0.0)
    place = SavedVerdict(key + address(1), "bad", 0, 9.0)
    unsound = [
        SavedVerdict(key[1:], "good", 2, 0.0),
        SavedVerdict(key + b"1234567", "good", 2, 0.0),
        replace(good, verdict="ugly"),  # type: ignore[arg-type]
        replace(good, good=-1),
        replace(place, held_back_s=-1.0),
        replace(place, held_back_s=float("nan")),
        replace(place, held_back_s=float("inf")),
    ]
    assert table.restore([good, *unsound, place], 5.0) == len(unsound)
    assert table.export(5.0) == (good, place)
    assert table.export(100.0) == (good,)
    table.restore([replace(place, held_back_s=1e8)], 5.0)
    assert table.export(5.0)[-1].held_back_s == BAD_S, "no longer than a new verdict"
