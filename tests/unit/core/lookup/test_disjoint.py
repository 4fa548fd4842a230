"""Disjoint paths share no responder, and a last lookup merges their results."""

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
    return DisjointLookup(TARGET, {OWN_ID}, SMALL, RULES, k, paths)


def run(
    found: DisjointLookup, queried: list[Peer], names: Callable[[Peer], list[Contact]]
) -> list[Endpoint]:
    """All queried peers answer at once; returns which were queried, in order."""
    order = []
    while queried:
        peer = queried.pop(0)
        order.append(peer.endpoint)
        queried += found.answered(
            peer.endpoint, TARGET ^ (peer.distance if peer.id is not None else 400), names(peer)
        )
    return order


def test_the_paths_take_the_contacts_in_turn() -> None:
    queried = disjoint().start(map(at_distance, (10, 20, 30, 40, 50, 60)))
    assert sorted(distances(queried)) == [10, 20, 30, 40], "two slots for each path"


def test_no_peer_is_queried_twice_and_the_closest_of_all_paths_are_the_result() -> None:
    found = disjoint()
    contacts = [at_distance(distance) for distance in range(1, 40)]
    order = run(found, found.start(contacts[-4:]), lambda peer: contacts)
    assert found.finished
    assert len(order) == len(set(order))
    assert distances(found.closest()) == [1, 2, 3, 4]
    assert found.answered_count == len(order)


def test_a_captured_path_hides_nothing() -> None:
    """One of the two seeds names only colluders, far from the target; the other is honest."""
    colluders = [at_distance(distance) for distance in range(1000, 1030)]
    honest = [at_distance(distance) for distance in range(1, 30)]
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


def test_a_last_lookup_queries_the_peers_that_no_path_has_queried() -> None:
    """Each path ends with its share; the last lookup queries the reported peers beyond it."""
    found = disjoint(k=4, paths=2)
    queried = found.start([at_distance(10), at_distance(20)])
    for seed, named in ((10, (1, 2, 3)), (20, (4, 5, 6))):
        queried += found.answered(address(seed), at_distance(seed).id, map(at_distance, named))
    run(found, [peer for peer in queried if peer.distance not in (10, 20)], lambda peer: [])
    assert found.finished
    assert distances(found.closest()) == [1, 2, 3, 4]


def test_stalls_and_failures_go_to_the_path_of_the_query() -> None:
    found = disjoint(k=2)
    found.start([at_distance(10), at_distance(20), at_distance(30), at_distance(40)])
    assert distances(found.stalled(address(10))) == [30], (
        "10 may be dead: the path queries its next peer"
    )
    assert distances(found.stalled(address(10))) == [10], "its last chance"
    assert [found.stalled(address(10)) for _ in range(2)] == [[], []]
    assert distances(found.failed(address(20))) == [40]
    assert found.answered_count == 0
    assert distances(found.closest()) == []
    for result in (
        found.answered(address(77), 5, []),
        found.stalled(address(77)),
        found.failed(address(77)),
    ):
        assert result == []
    for distance in (30, 40):
        found.answered(address(distance), at_distance(distance).id, [])
    assert found.finished
    assert distances(found.closest()) == [30, 40]


def test_in_the_last_lookup_stalls_failures_and_late_answers_count_too() -> None:
    found = disjoint(k=3, paths=2)
    queried = found.start([at_distance(10), at_distance(20)])
    queried = found.answered(address(10), at_distance(10).id, map(at_distance, (1, 2, 3)))
    assert distances(queried) == [1, 2]
    for distance in (1, 2):
        queried = found.answered(address(distance), at_distance(distance).id, [])
    queried = found.answered(address(20), at_distance(20).id, [])
    assert distances(queried) == [3], "only now all paths have finished"
    assert found.stalled(address(3)) == []
    assert distances(found.stalled(address(3))) == [3]
    assert found.stalled(address(3)) == []
    assert not found.finished
    assert found.stalled(address(3)) == []
    assert found.finished, "the lookup does not wait for silent peers after their last chance"
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


def test_a_lookup_without_contacts_ends_at_once() -> None:
    found = disjoint()
    assert found.start([]) == []
    assert found.finished
    assert found.closest() == []


def test_a_single_seed_is_enough_for_all_paths() -> None:
    found = disjoint(k=4, paths=3)
    contacts = [at_distance(distance) for distance in range(1, 20)]
    order = run(found, found.start([], [address(400)]), lambda peer: contacts)
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
            [at_distance(distance + offset) for offset in range(1, 31)],
        )
    assert found.refused == {"answer-too-long": 2 * (30 - SMALL.contacts_per_answer)}


def test_an_answer_to_a_finished_path_is_used() -> None:
    """Otherwise the last lookup would wait for it for ever."""
    found = disjoint(k=2, paths=2)
    queried = found.start([at_distance(10), at_distance(20), at_distance(30), at_distance(40)])
    assert distances(queried) == [10, 20]
    assert distances(found.stalled(address(10))) == [30]
    assert distances(found.stalled(address(10))) == [10]
    found.answered(address(30), at_distance(30).id, [])
    assert not found.finished, "the other path has not finished"
    found.answered(address(10), at_distance(10).id, [])
    found.answered(address(20), at_distance(20).id, [])
    assert found.finished
    assert distances(found.closest()) == [10, 20]


def test_all_paths_settle() -> None:
    found = disjoint(k=2)
    found.start(map(at_distance, (10, 20, 30, 40)))
    found.settle()
    assert distances(found.stalled(address(10))) == []
    assert distances(found.stalled(address(10))) == [30]  # and not 10 again
