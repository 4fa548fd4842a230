"""A lookup as a dialogue: it says whom to ask, it is told what became of that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kadisc.config import LookupConfig
from kadisc.contacts import Contact
from kadisc.core.lookup.closest import ClosestLookup, LookupRules
from kadisc.endpoints import make_endpoint
from tests.support.contacts import OWN_ID
from tests.support.lookups import RULES, SMALL, TARGET, at_distance, distances
from tests.support.world import address


def in_one_network(distance: int) -> Contact:
    return at_distance(distance, make_endpoint(f"99.9.9.{distance}", 1))


def lookup(k: int = 3, config: LookupConfig = SMALL, rules: LookupRules = RULES) -> ClosestLookup:
    return ClosestLookup(TARGET, OWN_ID, config, rules, k)


def started(distances: Iterable[int], k: int = 3, **changes: int) -> ClosestLookup:
    found = lookup(k, replace(SMALL, **changes))
    found.start(map(at_distance, distances))
    return found


def answered(found: ClosestLookup, distance: int, *named: int) -> list[int]:
    """The node at that distance answers, naming others; who is asked next."""
    each = at_distance(distance)
    return distances(found.answered(each.endpoint, each.id, map(at_distance, named)))


def stalled(found: ClosestLookup, distance: int) -> list[int]:
    return distances(found.stalled(address(distance)))


def failed(found: ClosestLookup, distance: int) -> list[int]:
    return distances(found.failed(address(distance)))


# --- Whom it asks ---------------------------------------------------------------------------------


def test_the_closest_are_asked_first_a_few_at_a_time() -> None:
    assert distances(lookup().start(map(at_distance, (50, 10, 30, 20)))) == [10, 20]


def test_each_answer_frees_a_slot_for_the_closest_not_yet_asked() -> None:
    found = started((10, 20, 30))
    assert answered(found, 20, 5, 40) == [5]
    assert answered(found, 10, 4) == [4]


def test_it_ends_when_the_k_closest_have_answered() -> None:
    found = started((10, 20, 30, 40))
    assert answered(found, 10) == [30]
    assert answered(found, 20) == []
    assert not found.finished
    assert answered(found, 30) == []
    assert found.finished
    assert distances(found.closest()) == [10, 20, 30], (
        "40 was never asked: it is none of the 3 closest"
    )


def test_with_nobody_to_ask_it_ends_at_once() -> None:
    found = lookup()
    assert found.start([]) == []
    assert found.finished
    assert found.closest() == []


def test_after_the_end_nobody_is_asked() -> None:
    found = started((10, 20), k=1)
    assert answered(found, 10) == []
    assert found.finished
    assert (stalled(found, 20), answered(found, 20, 1), failed(found, 20)) == ([], [], [])
    assert found.finished
    assert distances(found.closest()) == [10]


def test_strangers_and_repetitions_change_nothing() -> None:
    found = started((10, 20, 30))
    assert answered(found, 77, 1) == stalled(found, 77) == failed(found, 77) == []
    answered(found, 10)
    assert answered(found, 10, 1) == stalled(found, 10) == failed(found, 10) == []
    assert found.answered_count == 1


def test_nobody_is_asked_to_find_us() -> None:
    found = started((10,))
    me = Contact(OWN_ID, address(99))
    assert distances(found.answered(address(10), at_distance(10).id, [me])) == []
    assert found.finished
    assert distances(found.closest()) == [10]


def test_who_answers_with_our_own_id_is_ourselves_or_a_liar() -> None:
    found = started((10, 20))
    assert found.answered(address(10), OWN_ID, [at_distance(1)]) == []
    answered(found, 20)
    assert distances(found.closest()) == [20]


def test_slots_grow_while_answers_bring_nothing_closer_and_shrink_when_they_do() -> None:
    found = started(range(10, 30), k=12)
    assert answered(found, 10) == [12, 13], "nothing closer: one slot more"
    assert answered(found, 11) == [14, 15]
    assert answered(found, 12) == [16], "no more than max_alpha"
    assert answered(found, 13, 1, 2, 3) == [], (
        "closer: one slot less, which none of the four in flight gives up"
    )
    assert answered(found, 14) == [1, 2]


def test_one_query_per_host_at_a_time() -> None:
    """Two ports of one address: the second waits for the first."""
    found = lookup(config=replace(SMALL, alpha=4))
    first, second = (at_distance(distance, address(1, port=distance)) for distance in (10, 11))
    assert distances(found.start([first, second, at_distance(20)])) == [10, 20]
    assert distances(found.stalled(first.endpoint)) == [], "it may still answer"
    assert distances(found.failed(first.endpoint)) == [11]


# --- Stalls ---------------------------------------------------------------------------------------


def test_a_stalled_query_frees_its_slot_once() -> None:
    found = started((10, 20, 30, 40, 50), k=5, silent_retries=0)
    assert stalled(found, 10) == [30]
    assert stalled(found, 10) == [], "silent now, which frees no second slot"
    assert stalled(found, 10) == []
    assert failed(found, 10) == []
    assert answered(found, 20) == [40, 50]


def test_the_silent_no_longer_count_among_the_k() -> None:
    found = started((10, 20, 30, 40), k=2, silent_retries=0)
    assert stalled(found, 10) == [30], "the next in line is asked already"
    assert stalled(found, 10) == []
    answered(found, 20)
    assert not found.finished
    answered(found, 30)
    assert found.finished
    assert distances(found.closest()) == [20, 30]


def test_who_is_asked_in_place_of_a_stalled_one_is_not_waited_for_when_that_answers() -> None:
    found = started((10, 20, 30, 40), k=2)
    assert stalled(found, 10) == [30]
    answered(found, 20)
    answered(found, 10)
    assert found.finished
    assert distances(found.closest()) == [10, 20]


def test_a_silent_peer_that_would_be_among_the_k_has_a_last_chance() -> None:
    """Losses come in bursts: twice nothing is no proof of death."""
    found = started((10, 20, 30), k=2)
    answered(found, 20)
    stalled(found, 10)
    assert stalled(found, 10) == [10], "asked anew; 30 was asked when it stalled"
    answered(found, 30)
    assert not found.finished, "two have answered, but 10 may still"
    answered(found, 10)
    assert found.finished
    assert distances(found.closest()) == [10, 20]


def test_after_the_last_chance_nobody_waits() -> None:
    found = started((10, 20, 30), k=2)
    answered(found, 20)
    assert [stalled(found, 10) for _ in range(2)] == [[30], [10]]
    answered(found, 30)
    assert stalled(found, 10) == []
    assert not found.finished
    assert stalled(found, 10) == []
    assert found.finished
    assert distances(found.closest()) == [20, 30]


def test_last_chances_are_few_and_for_those_who_would_be_among_the_k() -> None:
    found = started((10, 20, 30, 40), k=2, silent_retries=1)
    answered(found, 20, 1, 2)
    stalled(found, 10)
    assert 10 not in stalled(found, 10), "1 and 2 are closer"
    assert [stalled(found, 1) for _ in range(2)][-1] == [1]
    stalled(found, 2)
    assert 2 not in stalled(found, 2), "the only chance was given to 1"


def test_a_late_answer_is_used() -> None:
    for stalls in (1, 2):
        found = started((10, 20), k=3)
        for _ in range(stalls):
            stalled(found, 10)
        assert answered(found, 10, 5) == [5]
        for distance in (20, 5):
            answered(found, distance)
        assert found.finished
        assert distances(found.closest()) == [5, 10, 20]


def test_with_no_answer_at_all_the_silent_are_waited_for() -> None:
    found = started((10,), silent_retries=0)
    stalled(found, 10)
    stalled(found, 10)
    assert not found.finished
    assert failed(found, 10) == []
    assert found.finished
    assert (found.closest(), found.answered_count) == ([], 0)


def test_with_other_answers_the_silent_are_not_waited_for() -> None:
    found = started((10, 20), k=2, silent_retries=0)
    stalled(found, 10)
    stalled(found, 10)
    answered(found, 20)
    assert found.finished


# --- One operator must not fill the k -------------------------------------------------------------


def test_one_answer_of_a_network_counts_and_its_siblings_wait() -> None:
    found = lookup(k=2)
    flood = [in_one_network(distance) for distance in range(1, 6)]
    asked = found.start([*flood, at_distance(50), at_distance(60)])
    assert distances(asked) == [1, 2]
    assert distances(found.answered(flood[0].endpoint, flood[0].id, [])) == []
    assert distances(found.answered(flood[1].endpoint, flood[1].id, [])) == [50], (
        "the others of the network became alternates"
    )
    answered(found, 50)
    assert found.finished
    assert distances(found.closest()) == [1, 50]


def test_alternates_are_used_when_nobody_else_is_left() -> None:
    found = lookup(k=4)
    flood = [in_one_network(distance) for distance in range(1, 6)]
    asked = found.start([*flood, at_distance(50)])
    order = []
    while asked:
        peer = asked.pop(0)
        order.append(peer.distance)
        asked += found.answered(peer.endpoint, peer.id or 0, [])
    assert found.finished
    assert order[-1] != 50, "after the honest one"
    assert distances(found.closest()) == [1, 2, 3, 50]


# --- Endpoints whose ID nobody told us ------------------------------------------------------------


HONEST_FROM = 20
"""In the tests below an ID nearer than this is made up."""
TIES = replace(RULES, bep42_valid=lambda node_id, endpoint: node_id ^ TARGET >= HONEST_FROM)


def beset(rules: LookupRules) -> ClosestLookup:
    """The four closest are looked for. Three honest nodes, and an attacker with six IDs beside the
    target.
    """
    found = lookup(4, rules=rules)
    asked = found.start(map(at_distance, (20, 30, 40, 1, 2, 3, 4, 5, 6)))
    while asked:
        asked = [
            further
            for peer in asked
            for further in found.answered(peer.endpoint, TARGET ^ peer.distance, ())
        ]
    assert found.finished
    return found


def test_ids_that_are_not_tied_hold_at_most_their_share_of_the_k() -> None:
    """The attack works where nobody asks whether an ID follows from its address: the honest are
    crowded out.
    """
    assert distances(beset(RULES).closest()) == [1, 2, 3, 4]
    assert distances(beset(TIES).closest()) == [1, 2, 20, 30]


def test_where_no_id_is_tied_they_hold_all_of_it() -> None:
    """A network of old clients: the lookup is one like any other."""
    none_tied = replace(RULES, bep42_valid=lambda node_id, endpoint: False)
    assert distances(beset(none_tied).closest()) == [1, 2, 3, 4]


def test_an_id_that_turns_out_to_be_another_is_judged_anew() -> None:
    found = lookup(2, rules=TIES)
    found.start(map(at_distance, (20, 30, 40)))
    found.answered(at_distance(20).endpoint, TARGET ^ 1, ())
    found.answered(at_distance(30).endpoint, TARGET ^ 2, ())
    assert not found.finished, "two made-up IDs, and one of those counts"
    found.answered(at_distance(40).endpoint, TARGET ^ 40, ())
    assert distances(found.closest()) == [1, 40]


def test_seeds_of_unknown_id_are_asked_before_anybody_else() -> None:
    found = lookup()
    asked = found.start([at_distance(10)], [address(500), address(501)])
    assert {peer.endpoint for peer in asked} == {address(500), address(501)}
    assert {peer.id for peer in asked} == {None}
    asked = found.answered(address(500), at_distance(5).id, [])
    assert distances(asked) == [10]
    assert distances(found.answered(address(10), at_distance(10).id, [])) == []
    assert not found.finished, "nobody knows how close the other seed is"
    found.failed(address(501))
    assert found.finished
    assert distances(found.closest()) == [5, 10]


def test_seeds_do_not_hold_up_a_lookup_that_has_its_k() -> None:
    found = lookup(k=1)
    found.start([at_distance(10)], [address(500)])
    answered(found, 10)
    assert found.finished


def test_a_seed_that_is_known_as_a_contact_is_asked_once() -> None:
    found = lookup()
    assert len(found.start([at_distance(10)], [address(10)])) == 1


def test_an_id_is_refuted_by_the_answer_not_the_node() -> None:
    found = started((10, 20), k=2)
    liar = at_distance(10).endpoint
    assert found.answered(liar, at_distance(30).id, map(at_distance, (25,))) != []
    answered(found, 20)
    answered(found, 25)
    assert found.finished
    assert distances(found.closest()) == [20, 25]
    assert found.answered_count == 3


# --- LookupFactory for peers ----------------------------------------------------------------------


def eager(k: int = 2, **changes: int) -> ClosestLookup:
    return ClosestLookup(TARGET, OWN_ID, replace(SMALL, **changes), RULES, k, eager=True)


def test_whoever_is_no_longer_among_the_closest_holds_no_slot_of_an_eager_lookup() -> None:
    background, hasty = lookup(2, replace(SMALL, alpha=3, max_alpha=3)), eager(alpha=3, max_alpha=3)
    asked = [
        distances(each.start(map(at_distance, (100, 110, 120)))) for each in (background, hasty)
    ]
    assert asked == [[100, 110], [100, 110]]
    assert [answered(each, 100, 10, 20, 30) for each in (background, hasty)] == [[10, 20], [10, 20]]
    assert [answered(each, 20, 1, 2) for each in (background, hasty)] == [[1], [1, 2]]


def test_a_settled_lookup_counts_all_that_are_in_flight() -> None:
    found = eager(alpha=3, max_alpha=3)
    found.start(map(at_distance, (100, 110)))
    answered(found, 100, 10, 20)
    found.settle()
    assert answered(found, 20, 1, 2) == [1]


def test_a_settled_lookup_asks_no_substitutes_and_nobody_once_more() -> None:
    for settles in (False, True):
        found = started((10, 20, 30, 40), k=2)
        if settles:
            found.settle()
        assert stalled(found, 10) == ([] if settles else [30])
        assert stalled(found, 10) == (
            [30] if settles else [10]
        )  # silent: the next one takes its place, or it gets a last chance


def test_a_settled_lookup_ends_when_those_that_count_have_answered_and_takes_a_late_answer() -> (
    None
):
    found = started((10, 20, 30), k=2)
    found.settle()
    stalled(found, 10)
    stalled(found, 10)
    answered(found, 20)
    assert not found.finished
    assert answered(found, 10) == []
    answered(found, 30)
    assert found.finished
    assert distances(found.closest()) == [10, 20]


# --- Bounds ---------------------------------------------------------------------------------------


def test_of_a_long_answer_the_closest_are_taken_and_the_rest_is_counted() -> None:
    found = started((100,), contacts_per_answer=3)
    answered(found, 100, *range(50, 0, -1))
    assert found.refused == {"answer-too-long": 47}
    assert found.known_count == 4


def test_the_contacts_that_a_lookup_keeps_are_bounded_and_the_farthest_go() -> None:
    found = started((1000,), max_known=5, contacts_per_answer=100)
    assert answered(found, 1000, *range(39, 19, -1)) == [20, 21]
    assert found.known_count == 5
    assert found.refused == {"too-many-known": 16}


def test_hops_tell_how_many_answers_it_took() -> None:
    found = started((30,), k=3)
    answered(found, 30, 20)
    answered(found, 20, 10)
    answered(found, 10)
    assert [peer.hops for peer in found.closest()] == [3, 2, 1]
