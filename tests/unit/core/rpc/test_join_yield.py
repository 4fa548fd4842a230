"""Joining gives way to what the application asks, for a bounded time, and to nobody else."""

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
FRIENDS = [contact(i) for i in range(1, 9)]
THERE = FRIENDS[0].endpoint
SEARCH, OTHER = OperationId(1), OperationId(2)
TARGET = FRIENDS[-1].id


def ask(owner: Listener | None = None, *, background: bool = True) -> SendQuery:
    return SendQuery(
        address(1), None, FindNode(b"", OWN_ID, 7), owner or Listener(), background=background
    )


def under_way() -> JoinYield:
    """Joining began at 0, and a search is under way."""
    way = JoinYield(3.0)
    assert not way.must_wait(ask(), 0)
    way.searching(SEARCH, 0)
    return way


# --- The rule -------------------------------------------------------------------------------------


def test_the_first_query_of_all_does_not_wait() -> None:
    way = JoinYield(3.0)
    way.searching(SEARCH, 0)
    assert not way.must_wait(ask(), 0)
    assert way.must_wait(ask(), 0)


def test_where_nobody_searches_nothing_waits() -> None:
    way = JoinYield(3.0)
    assert not any(way.must_wait(ask(), now) for now in (0, 1, 2))
    assert (len(way), way.next_deadline()) == (0, inf)


def test_without_joining_there_is_nothing_to_give_way_to() -> None:
    way = JoinYield(3.0)
    way.searching(SEARCH, 0)
    assert not way.applies(1)


def test_only_what_is_for_the_table_waits() -> None:
    way = under_way()
    assert not way.must_wait(ask(background=False), 1)
    assert way.must_wait(ask(), 1)


def test_they_wait_until_the_last_of_the_searches_is_served() -> None:
    way, background = under_way(), ask()
    way.searching(OTHER, 0)
    assert way.must_wait(background, 1)
    way.served(SEARCH, 1)
    way.served(SEARCH, 1)
    assert way.freed(1) == []
    way.served(OTHER, 2)
    assert way.next_deadline() == 2
    assert way.freed(2) == [background]
    assert (way.freed(2), way.next_deadline()) == ([], inf)


def test_they_wait_for_a_bounded_time_however_many_searches_there_are() -> None:
    way, background = under_way(), ask()
    assert way.must_wait(background, 2.5)
    way.searching(OTHER, 2.9)
    assert way.next_deadline() == 3
    assert way.freed(3) == [background]
    way.searching(OperationId(3), 3)
    assert not way.must_wait(ask(), 3)


def test_whoever_has_ended_does_not_ask_any_more() -> None:
    way, owner = under_way(), Listener()
    way.must_wait(ask(owner), 1)
    way.must_wait(ask(), 1)
    way.drop(owner)
    assert len(way) == 1
    way.clear()
    assert len(way) == 0


# --- In a node ------------------------------------------------------------------------------------


def joining_and_searching() -> tuple[Dialogue, OperationId, list[tuple[Query, Endpoint]]]:
    """Both ask the one contact that is known; the two queries."""
    us = Dialogue()
    us.node.join([THERE], 0, family=V4)
    operation = us.node.start_lookup(
        TARGET, 0, family=V4, kind=LookupKind.GET_PEERS, for_peers=True, seeds=[THERE]
    )
    queries = us.hears_queries()
    assert [type(query) for query, _ in queries] == [FindNode, GetPeers]
    return us, operation, queries


def test_joining_waits_until_the_first_peer_is_found() -> None:
    us, _, ((join, _), (search, _)) = joining_and_searching()
    us.answers(join, THERE, FRIENDS[0].id, FRIENDS)
    assert us.hears_queries() == []
    us.answers(search, THERE, FRIENDS[0].id, FRIENDS)
    asked = us.hears_queries()
    assert {type(query) for query, _ in asked} == {GetPeers}
    query, where = asked[0]
    us.answers(
        query,
        where,
        next(each.id for each in FRIENDS if each.endpoint == where),
        values=[address(500)],
    )
    us.waits(0.01)
    assert FindNode in {type(query) for query, _ in us.hears_queries()}


def test_joining_waits_no_longer_than_a_few_seconds_for_a_search_that_finds_nothing() -> None:
    us, _, ((join, _), _) = joining_and_searching()
    us.answers(join, THERE, FRIENDS[0].id, FRIENDS)
    us.waits(2.9)
    assert FindNode not in {type(query) for query, _ in us.hears_queries()}
    us.waits(0.2)
    assert FindNode in {type(query) for query, _ in us.hears_queries()}


def test_joining_goes_on_when_the_search_is_cancelled() -> None:
    us, operation, ((join, _), _) = joining_and_searching()
    us.answers(join, THERE, FRIENDS[0].id, FRIENDS)
    us.hears()
    us.node.cancel(operation, us.now)
    for _ in range(30):
        us.waits(0.1)
        us.hear_out(FRIENDS)
    assert [event.outcome for event in us.events() if isinstance(event, JoinFinished)] == [
        Outcome.DONE
    ]
    assert len(us.dht.table) == len(FRIENDS)


def test_a_node_that_is_closed_while_joining_waits_asks_nothing_more() -> None:
    us, _, ((join, _), _) = joining_and_searching()
    us.answers(join, THERE, FRIENDS[0].id, FRIENDS)
    us.hears()
    us.node.close(us.now)
    us.waits(5)
    assert us.hears() == []
    assert us.node.queries_in_flight == 0


def test_a_lost_query_of_the_search_is_noticed_by_the_answer_to_the_other() -> None:
    us, _, ((join, _), (search, _)) = joining_and_searching()
    us.waits(0.1)
    us.answers(join, THERE, FRIENDS[0].id, FRIENDS)
    us.waits(0.05)
    assert us.hears_queries() == []
    us.waits(0.03)
    assert us.hears_queries() == [(search, THERE)]  # instead of after first_stall_s


# --- The silent -----------------------------------------------------------------------------------


def test_after_the_first_peer_the_silent_are_not_asked_again_and_are_heard_all_the_same() -> None:
    sent = {}
    for for_peers in (False, True):
        us, seeds = Dialogue(), [each.endpoint for each in FRIENDS[:2]]
        us.node.start_lookup(
            TARGET, 0, family=V4, kind=LookupKind.GET_PEERS, for_peers=for_peers, seeds=seeds
        )
        (first, there), (second, elsewhere) = us.hears_queries()
        us.answers(first, there, FRIENDS[0].id, values=[address(500)])
        us.waits(1)  # longer than the first stall, shorter than the second
        sent[for_peers] = len(us.hears_queries())
        us.answers(second, elsewhere, FRIENDS[1].id, values=[address(501)])
        (end,) = [event for event in us.events() if isinstance(event, LookupFinished)]
        assert end.result.peers == (address(500), address(501))
    assert sent == {False: 1, True: 0}
