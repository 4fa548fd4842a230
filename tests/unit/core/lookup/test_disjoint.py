"""Disjoint paths: they share no responder, and a last lookup puts together what they found."""

from __future__ import annotations

from collections.abc import Callable

from kadisc.contacts import Contact
from kadisc.core.lookup.disjoint import DisjointLookup
from kadisc.core.lookup.peer import Peer
from kadisc.endpoints import Endpoint
from tests.support.contacts import OWN_ID
from tests.support.lookups import RULES, SMALL, TARGET, at_distance, distances
from tests.support.world import address


def disjoint(k: int = 4, paths: int = 2) -> DisjointLookup:
    return DisjointLookup(TARGET, OWN_ID, SMALL, RULES, k, paths)


def run(
    found: DisjointLookup, asked: list[Peer], names: Callable[[Peer], list[Contact]]
) -> list[Endpoint]:
    """All that are asked answer at once; whom it asked, in order."""
    order = []
    while asked:
        peer = asked.pop(0)
        order.append(peer.endpoint)
        asked += found.answered(
            peer.endpoint, TARGET ^ (peer.distance if peer.id is not None else 400), names(peer)
        )
    return order


def test_contacts_are_dealt_to_the_paths_in_turn() -> None:
    asked = disjoint().start(map(at_distance, (10, 20, 30, 40, 50, 60)))
    assert sorted(distances(asked)) == [10, 20, 30, 40], "two slots for each path"


def test_nobody_is_asked_twice_and_the_closest_of_all_paths_are_the_result() -> None:
    found = disjoint()
    everybody = [at_distance(distance) for distance in range(1, 40)]
    order = run(found, found.start(everybody[-4:]), lambda peer: everybody)
    assert found.finished
    assert len(order) == len(set(order))
    assert distances(found.closest()) == [1, 2, 3, 4]
    assert found.answered_count == len(order)


def test_a_captured_path_hides_nothing() -> None:
    """One of the two seeds returns colluders far from the target; the other is honest."""
    colluders, honest = (
        [at_distance(distance) for distance in range(1000, 1030)],
        [at_distance(distance) for distance in range(1, 30)],
    )
    bad, good = at_distance(5000), at_distance(5001)
    found = disjoint()
    run(
        found,
        found.start([bad, good]),
        lambda peer: (
            colluders if peer.distance >= 1000 and peer.endpoint != good.endpoint else honest
        ),
    )
    assert distances(found.closest()) == [1, 2, 3, 4]


def test_a_last_lookup_asks_those_that_no_path_came_to() -> None:
    """Each path is content with its share; what they heard of beyond that is asked in the end."""
    found = disjoint(k=4, paths=2)
    asked = found.start([at_distance(10), at_distance(20)])
    for seed, named in ((10, (1, 2, 3)), (20, (4, 5, 6))):
        asked += found.answered(address(seed), at_distance(seed).id, map(at_distance, named))
    run(found, [peer for peer in asked if peer.distance not in (10, 20)], lambda peer: [])
    assert found.finished
    assert distances(found.closest()) == [1, 2, 3, 4]


def test_stalls_and_failures_go_to_the_path_whose_they_are() -> None:
    found = disjoint(k=2)
    found.start([at_distance(10), at_distance(20), at_distance(30), at_distance(40)])
    assert distances(found.stalled(address(10))) == [30], (
        "10 may be dead: the path goes on to its next"
    )
    assert distances(found.stalled(address(10))) == [10], "its last chance"
    assert [found.stalled(address(10)) for _ in range(2)] == [[], []]
    assert distances(found.failed(address(20))) == [40]
    assert found.answered_count == 0
    assert distances(found.closest()) == []
    for stranger in (
        found.answered(address(77), 5, []),
        found.stalled(address(77)),
        found.failed(address(77)),
    ):
        assert stranger == []
    for distance in (30, 40):
        found.answered(address(distance), at_distance(distance).id, [])
    assert found.finished
    assert distances(found.closest()) == [30, 40]


def test_in_the_last_lookup_stalls_failures_and_late_answers_count_too() -> None:
    found = disjoint(k=3, paths=2)
    asked = found.start([at_distance(10), at_distance(20)])
    asked = found.answered(address(10), at_distance(10).id, map(at_distance, (1, 2, 3)))
    assert distances(asked) == [1, 2]
    for distance in (1, 2):
        asked = found.answered(address(distance), at_distance(distance).id, [])
    asked = found.answered(address(20), at_distance(20).id, [])
    assert distances(asked) == [3], "only now all paths have arrived"
    assert found.stalled(address(3)) == []
    assert distances(found.stalled(address(3))) == [3]
    assert found.stalled(address(3)) == []
    assert not found.finished
    assert found.stalled(address(3)) == []
    assert found.finished, "the silent are not waited for when their last chance is over"
    assert distances(found.closest()) == [1, 2, 10]


def test_a_failure_in_the_last_lookup_ends_it() -> None:
    found = disjoint(k=3, paths=2)
    found.start([at_distance(10), at_distance(20)])
    found.answered(address(10), at_distance(10).id, map(at_distance, (1, 2, 3)))
    for distance in (1, 2, 20):
        found.answered(address(distance), at_distance(distance).id, [])
    assert not found.finished
    assert found.failed(address(3)) == []
    assert found.finished


def test_with_nobody_to_ask_it_ends_at_once() -> None:
    found = disjoint()
    assert found.start([]) == []
    assert found.finished
    assert found.closest() == []


def test_a_single_seed_is_enough_for_all_paths() -> None:
    found = disjoint(k=4, paths=3)
    everybody = [at_distance(distance) for distance in range(1, 20)]
    order = run(found, found.start([], [address(400)]), lambda peer: everybody)
    assert found.finished
    assert len(order) == len(set(order))
    assert distances(found.closest()) == [1, 2, 3, 4]


def test_refusals_of_all_paths_are_counted_together() -> None:
    found = disjoint()
    found.start([at_distance(100), at_distance(200)])
    for distance in (100, 200):
        found.answered(
            address(distance),
            at_distance(distance).id,
            [at_distance(distance + command) for command in range(1, 31)],
        )
    assert found.refused == {"answer-too-long": 2 * (30 - SMALL.contacts_per_answer)}


def test_an_answer_to_a_path_that_has_ended_is_not_lost() -> None:
    """Or the last lookup would wait for it for ever."""
    found = disjoint(k=2, paths=2)
    asked = found.start([at_distance(10), at_distance(20), at_distance(30), at_distance(40)])
    assert distances(asked) == [10, 20]
    assert distances(found.stalled(address(10))) == [30]
    assert distances(found.stalled(address(10))) == [10]
    found.answered(address(30), at_distance(30).id, [])
    assert not found.finished, "the other path is still under way"
    found.answered(address(10), at_distance(10).id, [])
    found.answered(address(20), at_distance(20).id, [])
    assert found.finished
    assert distances(found.closest()) == [10, 20]


def test_all_paths_settle() -> None:
    found = disjoint(k=2)
    found.start(map(at_distance, (10, 20, 30, 40)))
    found.settle()
    assert distances(found.stalled(address(10))) == []
    assert distances(found.stalled(address(10))) == [30]  # and not itself once more
