"""Joining waits for lookups of the application, for a bounded time, and for nothing else."""

from __future__ import annotations

from math import inf

from kadisc.core.contract.events import (
    JoinFinished,
    LookupFinished,
    LookupKind,
    OperationId,
    Outcome,
)
from kadisc.core.contract.queries import SendQuery
from kadisc.core.rpc.join_yield import JoinYield
from kadisc.endpoints import Endpoint, Family
from kadisc.wire.messages import FindNode, GetPeers, Query
from tests.support.contacts import OWN_ID, contact
from tests.support.dialogue import Dialogue, Listener
from tests.support.world import address

V4 = Family.IPV4
CONTACTS = [contact(i) for i in range(1, 9)]
THERE = CONTACTS[0].endpoint
LOOKUP, OTHER = OperationId(1), OperationId(2)
TARGET = CONTACTS[-1].id


def new_query(owner: Listener | None = None, *, background: bool = True) -> SendQuery:
    return SendQuery(
        address(1), None, FindNode(b"", OWN_ID, 7), owner or Listener(), background=background
    )


def under_way() -> JoinYield:
    """A join and a lookup of the application have begun at 0."""
    join_yield = JoinYield(3.0)
    assert not join_yield.must_wait(new_query(), 0)
    join_yield.searching(LOOKUP, 0, to_its_end=False)
    return join_yield


# --- The rule -------------------------------------------------------------------------------------


def test_the_first_query_of_a_node_does_not_wait() -> None:
    join_yield = JoinYield(3.0)
    join_yield.searching(LOOKUP, 0, to_its_end=False)
    assert not join_yield.must_wait(new_query(), 0)
    assert join_yield.must_wait(new_query(), 0)


def test_without_a_lookup_of_the_application_nothing_waits() -> None:
    join_yield = JoinYield(3.0)
    assert not any(join_yield.must_wait(new_query(), now) for now in (0, 1, 2))
    assert (len(join_yield), join_yield.next_deadline()) == (0, inf)


def test_without_a_join_the_rule_does_not_apply() -> None:
    join_yield = JoinYield(3.0)
    join_yield.searching(LOOKUP, 0, to_its_end=False)
    assert not join_yield.applies(1)


def test_only_queries_for_the_table_wait() -> None:
    join_yield = under_way()
    assert not join_yield.must_wait(new_query(background=False), 1)
    assert join_yield.must_wait(new_query(), 1)


def test_queries_wait_until_the_last_lookup_is_served() -> None:
    join_yield, background = under_way(), new_query()
    join_yield.searching(OTHER, 0, to_its_end=False)
    assert join_yield.must_wait(background, 1)
    join_yield.served(LOOKUP, 1, ended=False)
    join_yield.served(LOOKUP, 1, ended=False)
    assert join_yield.freed(1) == []
    join_yield.served(OTHER, 2, ended=False)
    assert join_yield.next_deadline() == 2
    assert join_yield.freed(2) == [background]
    assert (join_yield.freed(2), join_yield.next_deadline()) == ([], inf)


def test_queries_wait_to_the_end_of_a_lookup_that_wants_all_it_can_find() -> None:
    join_yield, background = JoinYield(3.0), new_query()
    assert not join_yield.must_wait(new_query(), 0)
    join_yield.searching(LOOKUP, 0, to_its_end=True)
    assert join_yield.must_wait(background, 1)
    join_yield.served(LOOKUP, 1, ended=False)
    assert join_yield.freed(1) == []
    join_yield.served(LOOKUP, 2, ended=True)
    assert join_yield.freed(2) == [background]


def test_queries_wait_for_a_bounded_time_however_many_lookups_begin() -> None:
    join_yield, background = under_way(), new_query()
    assert join_yield.must_wait(background, 2.5)
    join_yield.searching(OTHER, 2.9, to_its_end=False)
    assert join_yield.next_deadline() == 3
    assert join_yield.freed(3) == [background]
    join_yield.searching(OperationId(3), 3, to_its_end=False)
    assert not join_yield.must_wait(new_query(), 3)


def test_the_waiting_queries_of_an_ended_owner_are_dropped() -> None:
    join_yield, owner = under_way(), Listener()
    join_yield.must_wait(new_query(owner), 1)
    join_yield.must_wait(new_query(), 1)
    join_yield.drop(owner)
    assert len(join_yield) == 1
    join_yield.clear()
    assert len(join_yield) == 0


# --- In a core ------------------------------------------------------------------------------------


def join_and_lookup() -> tuple[Dialogue, OperationId, list[tuple[Query, Endpoint]]]:
    """A join and a lookup query the only contact; returns both queries."""
    dialogue = Dialogue()
    dialogue.node.join([THERE], 0, family=V4)
    operation = dialogue.node.start_lookup(
        TARGET, 0, family=V4, kind=LookupKind.GET_PEERS, for_peers=True, seeds=[THERE]
    )
    queries = dialogue.hears_queries()
    assert [type(query) for query, _ in queries] == [FindNode, GetPeers]
    return dialogue, operation, queries


def test_joining_waits_until_the_first_peer_is_found() -> None:
    dialogue, _, ((join, _), (lookup, _)) = join_and_lookup()
    dialogue.answers(join, THERE, CONTACTS[0].id, CONTACTS)
    assert dialogue.hears_queries() == []
    dialogue.answers(lookup, THERE, CONTACTS[0].id, CONTACTS)
    asked = dialogue.hears_queries()
    assert {type(query) for query, _ in asked} == {GetPeers}
    query, where = asked[0]
    dialogue.answers(
        query,
        where,
        next(each.id for each in CONTACTS if each.endpoint == where),
        values=[address(500)],
    )
    dialogue.waits(0.01)
    assert FindNode in {type(query) for query, _ in dialogue.hears_queries()}


def test_joining_waits_at_most_a_few_seconds_for_a_lookup_that_finds_nothing() -> None:
    dialogue, _, ((join, _), _) = join_and_lookup()
    dialogue.answers(join, THERE, CONTACTS[0].id, CONTACTS)
    dialogue.waits(2.9)
    assert FindNode not in {type(query) for query, _ in dialogue.hears_queries()}
    dialogue.waits(0.2)
    assert FindNode in {type(query) for query, _ in dialogue.hears_queries()}


def test_joining_resumes_when_the_lookup_is_cancelled() -> None:
    dialogue, operation, ((join, _), _) = join_and_lookup()
    dialogue.answers(join, THERE, CONTACTS[0].id, CONTACTS)
    dialogue.hears()
    dialogue.node.cancel(operation, dialogue.now)
    for _ in range(30):
        dialogue.waits(0.1)
        dialogue.hear_out(CONTACTS)
    assert [event.outcome for event in dialogue.events() if isinstance(event, JoinFinished)] == [
        Outcome.DONE
    ]
    assert len(dialogue.dht.table) == len(CONTACTS)


def test_a_node_that_is_closed_while_joining_waits_sends_nothing_more() -> None:
    dialogue, _, ((join, _), _) = join_and_lookup()
    dialogue.answers(join, THERE, CONTACTS[0].id, CONTACTS)
    dialogue.hears()
    dialogue.node.close(dialogue.now)
    dialogue.waits(5)
    assert dialogue.hears() == []
    assert dialogue.node.queries_in_flight == 0


def test_the_answer_to_the_join_reveals_a_lost_query_of_the_lookup() -> None:
    dialogue, _, ((join, _), (lookup, _)) = join_and_lookup()
    dialogue.waits(0.1)
    dialogue.answers(join, THERE, CONTACTS[0].id, CONTACTS)
    dialogue.waits(0.05)
    assert dialogue.hears_queries() == []
    dialogue.waits(0.03)
    assert dialogue.hears_queries() == [(lookup, THERE)]  # instead of after first_stall_s


# --- After the first peer -------------------------------------------------------------------------


def test_after_the_first_peer_no_query_is_repeated_and_late_answers_are_used() -> None:
    sent = {}
    for for_peers in (False, True):
        dialogue, seeds = Dialogue(), [each.endpoint for each in CONTACTS[:2]]
        dialogue.node.start_lookup(
            TARGET, 0, family=V4, kind=LookupKind.GET_PEERS, for_peers=for_peers, seeds=seeds
        )
        (first, there), (second, elsewhere) = dialogue.hears_queries()
        dialogue.answers(first, there, CONTACTS[0].id, values=[address(500)])
        dialogue.waits(1)  # longer than the first stall, shorter than the second
        sent[for_peers] = len(dialogue.hears_queries())
        dialogue.answers(second, elsewhere, CONTACTS[1].id, values=[address(501)])
        (end,) = [event for event in dialogue.events() if isinstance(event, LookupFinished)]
        assert end.result.peers == (address(500), address(501))
    assert sent == {False: 1, True: 0}
