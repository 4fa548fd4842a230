"""A lookup as a dialogue: it returns the peers to query, and is told the outcome of each query."""

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
    return ClosestLookup(TARGET, {OWN_ID}, config, rules, k)


def started(distances: Iterable[int], k: int = 3, **changes: int) -> ClosestLookup:
    found = lookup(k, replace(SMALL, **changes))
    found.start(map(at_distance, distances))
    return found


def answered(found: ClosestLookup, distance: int, *named: int) -> list[int]:
    """The node at that distance answers with the named ones; returns which are queried next."""
    each = at_distance(distance)
    return distances(found.answered(each.endpoint, each.id, map(at_distance, named)))


def stalled(found: ClosestLookup, distance: int) -> list[int]:
    return distances(found.stalled(address(distance)))


def failed(found: ClosestLookup, distance: int) -> list[int]:
    return distances(found.failed(address(distance)))


# --- Which peers it queries -----------------------------------------------------------------------


def test_the_closest_are_queried_first_a_few_at_a_time() -> None:
    assert distances(lookup().start(map(at_distance, (50, 10, 30, 20)))) == [10, 20]


def test_each_answer_frees_a_slot_for_the_closest_not_yet_queried() -> None:
    found = started((10, 20, 30))
    assert answered(found, 20, 5, 40) == [5]
    assert answered(found, 10, 4) == [4]


def test_a_lookup_ends_when_the_k_closest_have_answered() -> None:
    found = started((10, 20, 30, 40))
    assert answered(found, 10) == [30]
    assert answered(found, 20) == []
    assert not found.finished
    assert answered(found, 30) == []
    assert found.finished
    assert distances(found.closest()) == [10, 20, 30], (
        "40 was never queried: it is not among the 3 closest"
    )


def test_a_lookup_without_contacts_ends_at_once() -> None:
    found = lookup()
    assert found.start([]) == []
    assert found.finished
    assert found.closest() == []


def test_after_the_end_no_peer_is_queried() -> None:
    found = started((10, 20), k=1)
    assert answered(found, 10) == []
    assert found.finished
    assert (stalled(found, 20), answered(found, 20, 1), failed(found, 20)) == ([], [], [])
    assert found.finished
    assert distances(found.closest()) == [10]


def test_unknown_endpoints_and_repetitions_change_nothing() -> None:
    found = started((10, 20, 30))
    assert answered(found, 77, 1) == stalled(found, 77) == failed(found, 77) == []
    answered(found, 10)
    assert answered(found, 10, 1) == stalled(found, 10) == failed(found, 10) == []
    assert found.answered_count == 1


def test_the_own_contact_is_never_queried() -> None:
    found = started((10,))
    own = Contact(OWN_ID, address(99))
    assert distances(found.answered(address(10), at_distance(10).id, [own])) == []
    assert found.finished
    assert distances(found.closest()) == [10]


def test_a_peer_that_answers_with_the_own_id_is_not_in_the_result() -> None:
    found = started((10, 20))
    assert found.answered(address(10), OWN_ID, [at_distance(1)]) == []
    answered(found, 20)
    assert distances(found.closest()) == [20]


def test_slots_grow_while_answers_bring_no_closer_peer_and_shrink_when_they_do() -> None:
    found = started(range(10, 30), k=12)
    assert answered(found, 10) == [12, 13], "nothing closer: one slot more"
    assert answered(found, 11) == [14, 15]
    assert answered(found, 12) == [16], "no more than max_alpha"
    assert answered(found, 13, 1, 2, 3) == [], (
        "closer: one slot less, while four queries are in flight"
    )
    assert answered(found, 14) == [1, 2]


def test_one_query_per_host_at_a_time() -> None:
    """The second port of an address waits for the first."""
    found = lookup(config=replace(SMALL, alpha=4))
    first, second = (at_distance(distance, address(1, port=distance)) for distance in (10, 11))
    assert distances(found.start([first, second, at_distance(20)])) == [10, 20]
    assert distances(found.stalled(first.endpoint)) == [], "it may still answer"
    assert distances(found.failed(first.endpoint)) == [11]


# --- Stalls ---------------------------------------------------------------------------------------


def test_a_stalled_query_frees_its_slot_once() -> None:
    found = started((10, 20, 30, 40, 50), k=5, silent_retries=0)
    assert stalled(found, 10) == [30]
    assert stalled(found, 10) == [], "it is silent now, which frees no second slot"
    assert stalled(found, 10) == []
    assert failed(found, 10) == []
    assert answered(found, 20) == [40, 50]


def test_silent_peers_no_longer_count_among_the_k() -> None:
    found = started((10, 20, 30, 40), k=2, silent_retries=0)
    assert stalled(found, 10) == [30], "the next in line is queried already"
    assert stalled(found, 10) == []
    answered(found, 20)
    assert not found.finished
    answered(found, 30)
    assert found.finished
    assert distances(found.closest()) == [20, 30]


def test_a_lookup_does_not_wait_for_a_substitute_when_the_stalled_peer_answers() -> None:
    found = started((10, 20, 30, 40), k=2)
    assert stalled(found, 10) == [30]
    answered(found, 20)
    answered(found, 10)
    assert found.finished
    assert distances(found.closest()) == [10, 20]


def test_a_silent_peer_that_would_be_among_the_k_has_a_last_chance() -> None:
    """Losses come in bursts: two missing answers are no proof that a peer is dead."""
    found = started((10, 20, 30), k=2)
    answered(found, 20)
    stalled(found, 10)
    assert stalled(found, 10) == [10], "queried again; 30 was queried when it stalled"
    answered(found, 30)
    assert not found.finished, "two have answered, but 10 may still"
    answered(found, 10)
    assert found.finished
    assert distances(found.closest()) == [10, 20]


def test_after_its_last_chance_a_lookup_does_not_wait_for_a_peer() -> None:
    found = started((10, 20, 30), k=2)
    answered(found, 20)
    assert [stalled(found, 10) for _ in range(2)] == [[30], [10]]
    answered(found, 30)
    assert stalled(found, 10) == []
    assert not found.finished
    assert stalled(found, 10) == []
    assert found.finished
    assert distances(found.closest()) == [20, 30]


def test_last_chances_are_few_and_for_peers_that_would_be_among_the_k() -> None:
    found = started((10, 20, 30, 40), k=2, silent_retries=1)
    answered(found, 20, 1, 2)
    stalled(found, 10)
    assert 10 not in stalled(found, 10), "1 and 2 are closer"
    assert [stalled(found, 1) for _ in range(2)][-1] == [1]
    stalled(found, 2)
    assert 2 not in stalled(found, 2), "the only last chance was given to 1"


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


def test_a_lookup_without_any_answer_waits_for_silent_peers() -> None:
    found = started((10,), silent_retries=0)
    stalled(found, 10)
    stalled(found, 10)
    assert not found.finished
    assert failed(found, 10) == []
    assert found.finished
    assert (found.closest(), found.answered_count) == ([], 0)


def test_a_lookup_with_other_answers_does_not_wait_for_silent_peers() -> None:
    found = started((10, 20), k=2, silent_retries=0)
    stalled(found, 10)
    stalled(found, 10)
    answered(found, 20)
    assert found.finished


# --- One operator must not fill the k -------------------------------------------------------------


def test_one_answer_of_a_subnet_counts_and_its_other_peers_wait() -> None:
    found = lookup(k=2)
    flood = [in_one_network(distance) for distance in range(1, 6)]
    asked = found.start([*flood, at_distance(50), at_distance(60)])
    assert distances(asked) == [1, 2]
    assert distances(found.answered(flood[0].endpoint, flood[0].id, [])) == []
    assert distances(found.answered(flood[1].endpoint, flood[1].id, [])) == [50], (
        "the others of the subnet became alternates"
    )
    answered(found, 50)
    assert found.finished
    assert distances(found.closest()) == [1, 50]


def test_alternates_are_used_when_no_other_peer_is_left() -> None:
    found = lookup(k=4)
    flood = [in_one_network(distance) for distance in range(1, 6)]
    asked = found.start([*flood, at_distance(50)])
    order = []
    while asked:
        peer = asked.pop(0)
        order.append(peer.distance)
        asked += found.answered(peer.endpoint, peer.id or 0, [])
    assert found.finished
    assert order[-1] != 50, "the honest peer comes first"
    assert distances(found.closest()) == [1, 2, 3, 50]


# --- Invalid IDs, unknown IDs ---------------------------------------------------------------------


HONEST_FROM = 20
"""In the tests below an ID nearer than this is forged, and invalid by BEP 42."""
BEP42_RULES = replace(RULES, bep42_valid=lambda node_id, endpoint: node_id ^ TARGET >= HONEST_FROM)


def attacked_lookup(rules: LookupRules) -> ClosestLookup:
    """A lookup of the four closest among three honest nodes and six forged IDs of an attacker
    beside the target.
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


def test_ids_invalid_by_bep_42_hold_at_most_their_share_of_the_k() -> None:
    """Without the check of IDs the attack succeeds: forged IDs replace honest nodes."""
    assert distances(attacked_lookup(RULES).closest()) == [1, 2, 3, 4]
    assert distances(attacked_lookup(BEP42_RULES).closest()) == [1, 2, 20, 30]


def test_if_no_id_is_valid_by_bep_42_the_lookup_is_a_plain_one() -> None:
    """A network of old clients."""
    none_valid = replace(RULES, bep42_valid=lambda node_id, endpoint: False)
    assert distances(attacked_lookup(none_valid).closest()) == [1, 2, 3, 4]


def test_a_corrected_id_is_checked_again() -> None:
    found = lookup(2, rules=BEP42_RULES)
    found.start(map(at_distance, (20, 30, 40)))
    found.answered(at_distance(20).endpoint, TARGET ^ 1, ())
    found.answered(at_distance(30).endpoint, TARGET ^ 2, ())
    assert not found.finished, "of two forged IDs one counts"
    found.answered(at_distance(40).endpoint, TARGET ^ 40, ())
    assert distances(found.closest()) == [1, 40]


def test_seeds_of_unknown_id_are_queried_first() -> None:
    found = lookup()
    asked = found.start([at_distance(10)], [address(500), address(501)])
    assert {peer.endpoint for peer in asked} == {address(500), address(501)}
    assert {peer.id for peer in asked} == {None}
    asked = found.answered(address(500), at_distance(5).id, [])
    assert distances(asked) == [10]
    assert distances(found.answered(address(10), at_distance(10).id, [])) == []
    assert not found.finished, "the distance of the other seed is unknown"
    found.failed(address(501))
    assert found.finished
    assert distances(found.closest()) == [5, 10]


def test_seeds_do_not_delay_a_lookup_that_has_its_k() -> None:
    found = lookup(k=1)
    found.start([at_distance(10)], [address(500)])
    answered(found, 10)
    assert found.finished


def test_a_seed_that_is_also_a_contact_is_queried_once() -> None:
    found = lookup()
    assert len(found.start([at_distance(10)], [address(10)])) == 1


def test_a_wrong_id_is_corrected_by_the_answer() -> None:
    found = started((10, 20), k=2)
    liar = at_distance(10).endpoint
    assert found.answered(liar, at_distance(30).id, map(at_distance, (25,))) != []
    answered(found, 20)
    answered(found, 25)
    assert found.finished
    assert distances(found.closest()) == [20, 25]
    assert found.answered_count == 3


# --- Lookups for peers ----------------------------------------------------------------------------


def eager(k: int = 2, **changes: int) -> ClosestLookup:
    return ClosestLookup(TARGET, {OWN_ID}, replace(SMALL, **changes), RULES, k, eager=True)


def test_a_query_to_a_peer_that_is_no_longer_among_the_closest_holds_no_slot_when_eager() -> None:
    plain = lookup(2, replace(SMALL, alpha=3, max_alpha=3))
    hasty = eager(alpha=3, max_alpha=3)
    asked = [distances(each.start(map(at_distance, (100, 110, 120)))) for each in (plain, hasty)]
    assert asked == [[100, 110], [100, 110]]
    assert [answered(each, 100, 10, 20, 30) for each in (plain, hasty)] == [[10, 20], [10, 20]]
    assert [answered(each, 20, 1, 2) for each in (plain, hasty)] == [[1], [1, 2]]


def test_a_settled_lookup_counts_all_that_are_in_flight() -> None:
    found = eager(alpha=3, max_alpha=3)
    found.start(map(at_distance, (100, 110)))
    answered(found, 100, 10, 20)
    found.settle()
    assert answered(found, 20, 1, 2) == [1]


def test_a_settled_lookup_queries_no_substitutes_and_no_peer_again() -> None:
    for settles in (False, True):
        found = started((10, 20, 30, 40), k=2)
        if settles:
            found.settle()
        assert stalled(found, 10) == ([] if settles else [30])
        # Silent: the next one takes its place, or it gets a last chance.
        assert stalled(found, 10) == ([30] if settles else [10])


def test_a_settled_lookup_waits_for_the_peers_that_count_and_uses_late_answers() -> None:
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


def test_of_a_long_answer_the_closest_are_used_and_the_rest_is_counted() -> None:
    found = started((100,), contacts_per_answer=3)
    answered(found, 100, *range(50, 0, -1))
    assert found.refused == {"answer-too-long": 47}
    assert found.known_count == 4


def test_the_contacts_of_a_lookup_are_bounded_and_the_farthest_are_dropped() -> None:
    found = started((1000,), max_known=5, contacts_per_answer=100)
    assert answered(found, 1000, *range(39, 19, -1)) == [20, 21]
    assert found.known_count == 5
    assert found.refused == {"too-many-known": 16}


def test_hops_count_the_answers_on_the_way_to_a_peer() -> None:
    found = started((30,), k=3)
    answered(found, 30, 20)
    answered(found, 20, 10)
    answered(found, 10)
    assert [peer.hops for peer in found.closest()] == [3, 2, 1]
