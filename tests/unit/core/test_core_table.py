"""The core and its table: lookups, and how entries enter and leave the table."""

from __future__ import annotations

import pytest

from kadisc.contacts import Contact
from kadisc.core.contract.events import (
    CameOnline,
    ContactAdded,
    ContactRemoved,
    Event,
    Joined,
    JoinFinished,
    LookupFinished,
    LookupKind,
    NodeAnswered,
    Outcome,
    PeersFound,
    WentOffline,
)
from kadisc.endpoints import Endpoint, Family
from kadisc.wire.messages import Error, FindNode, GetPeers, Ping
from tests.support.contacts import OWN_ID, address6, contact, id_in_bucket
from tests.support.dialogue import Dialogue
from tests.support.world import address, without

THERE = address(1)
V4 = Family.IPV4


def of(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def dropped(us: Dialogue) -> dict[str, int]:
    return us.node.counters.dropped


# --- Lookups --------------------------------------------------------------------------------------

FRIENDS = [contact(number, index=number % 3) for number in range(6)]


def test_a_lookup_without_anybody_to_ask_ends_at_once() -> None:
    us = Dialogue()
    operation = us.node.start_lookup(7, 0, family=V4)
    (event,) = us.events()
    assert isinstance(event, LookupFinished)
    assert (event.operation, event.outcome, event.result.queries) == (
        operation,
        Outcome.NO_CONTACTS,
        0,
    )


@pytest.mark.parametrize("paths", [1, 2])
def test_a_lookup_finds_everybody_and_fills_the_table(paths: int) -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    operation = us.node.start_lookup(FRIENDS[3].id, us.now, family=V4, k=3, paths=paths)
    us.events()
    us.hear_out(FRIENDS)
    us.hear_out(FRIENDS)
    events = us.events()
    assert of(events, NodeAnswered) != []
    (end,) = of(events, LookupFinished)
    assert isinstance(end, LookupFinished)
    assert (end.operation, end.outcome) == (operation, Outcome.DONE)
    assert [each.contact for each in end.result.closest] == sorted(
        FRIENDS, key=lambda each: each.id ^ FRIENDS[3].id
    )[:3]


def test_a_lookup_of_peers_reports_them() -> None:
    us = Dialogue()
    us.node.start_lookup(
        7, 0, family=V4, kind=LookupKind.GET_PEERS, seeds=[THERE], first_value=True
    )
    ((query, where),) = us.hears_queries()
    assert isinstance(query, GetPeers)
    us.answers(query, where, contact(1).id, values=[address(500)])
    events = us.events()
    assert [event.peers for event in events if isinstance(event, PeersFound)] == [(address(500),)]
    assert len(of(events, LookupFinished)) == 1


def test_retransmissions_count_among_the_queries_of_a_lookup() -> None:
    us = Dialogue()
    us.node.start_lookup(7, 0, family=V4, seeds=[THERE])
    us.waits(11)
    (end,) = of(us.events(), LookupFinished)
    assert isinstance(end, LookupFinished)
    assert (end.outcome, end.result.queries) == (Outcome.NO_ANSWER, 2)
    assert us.node.counters.queries_sent == {"find_node": 2}
    assert us.node.counters.checks_sent == 0


# --- The table ------------------------------------------------------------------------------------


def test_joining_verifies_who_answers_and_says_so_once() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    events = us.events()
    assert {event.contact for event in events if isinstance(event, ContactAdded)} == set(FRIENDS)
    assert len(of(events, Joined)) == 1
    assert [event.outcome for event in events if isinstance(event, JoinFinished)] == [Outcome.DONE]
    us.node.join([FRIENDS[0].endpoint], us.now, family=V4)
    us.hear_out(FRIENDS)
    us.hear_out(FRIENDS)
    assert of(us.events(), Joined) == []


def test_a_join_that_fails_is_no_join_and_is_tried_again_when_somebody_turns_up() -> None:
    us = Dialogue()
    us.node.join([THERE], us.now, family=V4)
    us.waits(11)
    assert [event.outcome for event in us.events() if isinstance(event, JoinFinished)] == [
        Outcome.NO_ANSWER
    ]
    newcomer = contact(5)
    us.says(newcomer.endpoint, Ping(b"1", newcomer.id))
    us.hears()
    for _ in range(200):
        us.waits(0.1)
        us.hear_out([newcomer])
    assert len(of(us.events(), Joined)) == 1


def test_a_querier_is_checked_before_it_is_believed() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    newcomer = contact(50)
    us.says(newcomer.endpoint, FindNode(b"1", newcomer.id, 7))
    us.hears()
    checks = us.node.counters.checks_sent
    us.waits(0.3)  # four checks a second
    ((query, where),) = us.hears_queries()
    assert (type(query), where) == (FindNode, newcomer.endpoint)
    assert us.node.counters.checks_sent == checks + 1
    us.answers(query, where, newcomer.id)
    entry = us.dht.table.get(newcomer.id)
    assert entry is not None
    assert entry.inbound, "its answer may have come through the hole that its own query opened"


def test_a_read_only_querier_is_no_candidate() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    us.says(address(50), Ping(b"1", contact(50).id, read_only=True))
    us.says(address(51), Ping(b"1", contact(51).id))
    assert len(us.dht.parts.candidates) == 1


def test_a_silent_candidate_is_given_up() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    us.says(address(50), Ping(b"1", contact(50).id))
    us.hears()
    us.waits(11)
    assert us.dht.table.at(address(50)) is None
    us.says(address(50), Ping(b"1", contact(50).id))
    assert us.node.counters.refused["candidate-checked-lately"] == 1


def test_without_verified_admission_a_query_is_enough() -> None:
    us = Dialogue(without("verified_admission"))
    us.says(THERE, Ping(b"1", contact(1).id))
    assert us.dht.table.get(contact(1).id) is not None


def test_hearsay_of_unusable_addresses_is_left_out_and_counted() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    us.node.start_lookup(7, us.now, family=V4)
    (query, where), *_ = us.hears_queries()
    bad = [
        Contact(1, Endpoint(b"\x7f\0\0\1\0\1")),
        Contact(2, Endpoint(b"\xe0\0\0\1\0\1")),
        Contact(3, Endpoint(THERE[:4] + b"\0\0")),
    ]
    us.answers(query, where, next(each.id for each in FRIENDS if each.endpoint == where), bad)
    assert us.node.counters.refused["reported-contact-unusable"] == 3


def keep_company(us: Dialogue, seconds: int, friends: list[Contact]) -> None:
    for _ in range(seconds):
        us.waits(1.0)
        us.hear_out(friends)


def test_a_contact_that_falls_silent_is_dropped_after_two_spaced_failures() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    us.events()
    gone, rest = FRIENDS[0], FRIENDS[1:]
    keep_company(us, 200, rest)
    assert [
        (event.contact, event.reason) for event in us.events() if isinstance(event, ContactRemoved)
    ] == [(gone, "silent")]
    assert {entry.contact for entry in us.dht.table} == set(rest)


def test_who_left_a_check_unanswered_is_sent_the_next_one_once() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    entry = us.dht.table.at(FRIENDS[0].endpoint)
    assert entry is not None
    assert us.dht._check(entry.contact, entry).retransmit
    entry.failures = 1
    assert not us.dht._check(entry.contact, entry).retransmit


@pytest.mark.parametrize("refusal", ["error", "unsendable"])
def test_no_contact_is_forgotten_by_revalidation(refusal: str) -> None:
    """Neither one that answers checks with errors, nor one that nothing can be sent to."""
    us = Dialogue()
    us.meets(FRIENDS)
    for _ in range(150):
        us.waits(1.0)
        for query, where in us.hears_queries():
            if where != FRIENDS[0].endpoint:
                us.answers(
                    query,
                    where,
                    next(each.id for each in FRIENDS if each.endpoint == where),
                    FRIENDS,
                )
            elif refusal == "error":
                us.says(where, Error(query.tid, 202, "not today"))
            else:
                us.node.send_failed(where, us.now)
        assert len(us.dht.parts.revalidation) == len(us.dht.table)


def test_a_contact_that_answers_its_checks_stays() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    us.events()
    keep_company(us, 300, FRIENDS)
    assert of(us.events(), ContactRemoved) == []
    assert all(us.now - entry.verified_at < 250 for entry in us.dht.table)


def test_a_restarted_contact_is_replaced_by_its_new_self() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    us.events()
    old, new = FRIENDS[0], Contact(id_in_bucket(2, 99), FRIENDS[0].endpoint)
    keep_company(us, 200, [new, *FRIENDS[1:]])
    events = us.events()
    assert [
        (event.contact, event.reason) for event in events if isinstance(event, ContactRemoved)
    ] == [(old, "replaced")]
    assert us.dht.table.at(new.endpoint) is us.dht.table.get(new.id) is not None


def test_cut_off_we_blame_nobody_and_notice_our_return() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    us.events()
    us.waits(400)
    assert len(of(us.events(), WentOffline)) == 1
    us.hears()
    keep_company(us, 60, FRIENDS)
    events = us.events()
    assert len(of(events, CameOnline)) == 1
    assert of(events, ContactRemoved) == []
    assert {entry.contact for entry in us.dht.table} == set(FRIENDS)


def test_on_another_network_we_look_around_at_once() -> None:
    us = Dialogue()
    us.meets(FRIENDS)
    us.node.network_changed(us.now)
    us.hears()
    us.waits(0.01)
    assert any(
        isinstance(query, FindNode) and query.target == OWN_ID for query, _ in us.hears_queries()
    )


# --- Both families, and the picture ---------------------------------------------------------------


def test_each_family_has_its_own_table() -> None:
    us = Dialogue(families=tuple(Family))
    four, six = contact(1), Contact(id_in_bucket(0, 2), address6(2))
    for each in (four, six):
        us.node.join([each.endpoint], us.now, family=each.family)
    for query, where in us.hears_queries():
        us.answers(query, where, four.id if where == four.endpoint else six.id)
    tables = {
        family: [entry.contact for entry in dht.table] for family, dht in us.node.dhts.items()
    }
    assert tables == {Family.IPV4: [four], Family.IPV6: [six]}
    assert us.node.own_ids == dict.fromkeys(Family, OWN_ID)


def test_the_snapshot_shows_it_all_in_ages() -> None:
    us = Dialogue(now=1000.0)
    us.meets(FRIENDS)
    us.now += 5
    ping = us.node.ping(address(70), us.now)
    lookup = us.node.start_lookup(7, us.now, family=V4)
    join = us.node.join([address(71)], us.now, family=V4)
    picture = us.node.snapshot(us.now)
    (dht,) = picture.dhts
    assert (dht.family, dht.own_id, dht.joined, dht.online, dht.contacts) == (
        V4,
        OWN_ID,
        True,
        True,
        6,
    )
    entries = [entry for bucket in dht.buckets for entry in bucket.entries]
    assert {entry.contact for entry in entries} == set(FRIENDS)
    assert all(
        5 <= entry.verified_s_ago <= entry.age_s < 30 and entry.failures == 0 for entry in entries
    )
    assert all(
        bucket.touched_s_ago >= 5 and bucket.replacements == 0 and bucket.capacity in (128, 64, 32)
        for bucket in dht.buckets
    )
    shown = {
        operation.operation: (operation.what, operation.target) for operation in picture.operations
    }
    assert shown[ping] == ("ping", None)
    assert shown[lookup] == ("find_node", 7)
    assert join not in shown, "shown as its lookup"
    assert ("find_node", OWN_ID) in shown.values()
    assert picture.queries_in_flight == us.node.queries_in_flight > 0
    assert picture.counters == us.node.counters.as_dict()
    assert picture.peers_stored == 0
