"""One core, message by message: its lookups, and how contacts enter and leave its table."""

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


def dropped(dialogue: Dialogue) -> dict[str, int]:
    return dialogue.node.counters.dropped


# --- Lookups --------------------------------------------------------------------------------------

CONTACTS = [contact(number, index=number % 3) for number in range(6)]


def test_a_lookup_without_contacts_ends_at_once() -> None:
    dialogue = Dialogue()
    operation = dialogue.node.start_lookup(7, 0, family=V4)
    (event,) = dialogue.events()
    assert isinstance(event, LookupFinished)
    assert (event.operation, event.outcome, event.result.queries) == (
        operation,
        Outcome.NO_CONTACTS,
        0,
    )


@pytest.mark.parametrize("paths", [1, 2])
def test_a_lookup_finds_the_closest_nodes_and_fills_the_table(paths: int) -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    operation = dialogue.node.start_lookup(
        CONTACTS[3].id, dialogue.now, family=V4, k=3, paths=paths
    )
    dialogue.events()
    dialogue.hear_out(CONTACTS)
    dialogue.hear_out(CONTACTS)
    events = dialogue.events()
    assert of(events, NodeAnswered) != []
    (end,) = of(events, LookupFinished)
    assert isinstance(end, LookupFinished)
    assert (end.operation, end.outcome) == (operation, Outcome.DONE)
    assert [each.contact for each in end.result.closest] == sorted(
        CONTACTS, key=lambda each: each.id ^ CONTACTS[3].id
    )[:3]


def test_a_lookup_of_peers_reports_the_peers() -> None:
    dialogue = Dialogue()
    dialogue.node.start_lookup(
        7, 0, family=V4, kind=LookupKind.GET_PEERS, seeds=[THERE], first_value=True
    )
    ((query, where),) = dialogue.hears_queries()
    assert isinstance(query, GetPeers)
    dialogue.answers(query, where, contact(1).id, values=[address(500)])
    events = dialogue.events()
    assert [event.peers for event in events if isinstance(event, PeersFound)] == [(address(500),)]
    assert len(of(events, LookupFinished)) == 1


def test_retransmissions_count_among_the_queries_of_a_lookup() -> None:
    dialogue = Dialogue()
    dialogue.node.start_lookup(7, 0, family=V4, seeds=[THERE])
    dialogue.waits(11)
    (end,) = of(dialogue.events(), LookupFinished)
    assert isinstance(end, LookupFinished)
    assert (end.outcome, end.result.queries) == (Outcome.NO_ANSWER, 2)
    assert dialogue.node.counters.queries_sent == {"find_node": 2}
    assert dialogue.node.counters.checks_sent == 0


# --- The table ------------------------------------------------------------------------------------


def test_joining_adds_the_nodes_that_answer_and_reports_it_once() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    events = dialogue.events()
    assert {event.contact for event in events if isinstance(event, ContactAdded)} == set(CONTACTS)
    assert len(of(events, Joined)) == 1
    assert [event.outcome for event in events if isinstance(event, JoinFinished)] == [Outcome.DONE]
    dialogue.node.join([CONTACTS[0].endpoint], dialogue.now, family=V4)
    dialogue.hear_out(CONTACTS)
    dialogue.hear_out(CONTACTS)
    assert of(dialogue.events(), Joined) == []


def test_a_failed_join_is_repeated_when_a_contact_appears() -> None:
    dialogue = Dialogue()
    dialogue.node.join([THERE], dialogue.now, family=V4)
    dialogue.waits(11)
    assert [event.outcome for event in dialogue.events() if isinstance(event, JoinFinished)] == [
        Outcome.NO_ANSWER
    ]
    querier = contact(5)
    dialogue.says(querier.endpoint, Ping(b"1", querier.id))
    dialogue.hears()
    for _ in range(200):
        dialogue.waits(0.1)
        dialogue.hear_out([querier])
    assert len(of(dialogue.events(), Joined)) == 1


def test_a_querier_is_checked_before_it_is_admitted() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    querier = contact(50)
    dialogue.says(querier.endpoint, FindNode(b"1", querier.id, 7))
    dialogue.hears()
    checks = dialogue.node.counters.checks_sent
    dialogue.waits(0.3)  # four checks a second
    ((query, where),) = dialogue.hears_queries()
    assert (type(query), where) == (FindNode, querier.endpoint)
    assert dialogue.node.counters.checks_sent == checks + 1
    dialogue.answers(query, where, querier.id)
    entry = dialogue.dht.table.get(querier.id)
    assert entry is not None
    assert entry.inbound, "its answer may have come through the NAT mapping of its own query"


def test_a_read_only_querier_is_no_candidate() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    dialogue.says(address(50), Ping(b"1", contact(50).id, read_only=True))
    dialogue.says(address(51), Ping(b"1", contact(51).id))
    assert len(dialogue.dht.parts.candidates) == 1


def test_a_silent_candidate_is_dropped() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    dialogue.says(address(50), Ping(b"1", contact(50).id))
    dialogue.hears()
    dialogue.waits(11)
    assert dialogue.dht.table.at(address(50)) is None
    dialogue.says(address(50), Ping(b"1", contact(50).id))
    assert dialogue.node.counters.refused["candidate-checked-lately"] == 1


def test_without_verified_admission_a_query_adds_its_sender() -> None:
    dialogue = Dialogue(without("verified_admission"))
    dialogue.says(THERE, Ping(b"1", contact(1).id))
    assert dialogue.dht.table.get(contact(1).id) is not None


def test_reported_contacts_with_unusable_addresses_are_ignored_and_counted() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    dialogue.node.start_lookup(7, dialogue.now, family=V4)
    (query, where), *_ = dialogue.hears_queries()
    bad = [
        Contact(1, Endpoint(b"\x7f\0\0\1\0\1")),
        Contact(2, Endpoint(b"\xe0\0\0\1\0\1")),
        Contact(3, Endpoint(THERE[:4] + b"\0\0")),
    ]
    dialogue.answers(
        query, where, next(each.id for each in CONTACTS if each.endpoint == where), bad
    )
    assert dialogue.node.counters.refused["reported-contact-unusable"] == 3


def answer_for(dialogue: Dialogue, seconds: int, contacts: list[Contact]) -> None:
    for _ in range(seconds):
        dialogue.waits(1.0)
        dialogue.hear_out(contacts)


def test_a_silent_contact_is_removed_after_two_spaced_failures() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    dialogue.events()
    gone, rest = CONTACTS[0], CONTACTS[1:]
    answer_for(dialogue, 200, rest)
    assert [
        (event.contact, event.reason)
        for event in dialogue.events()
        if isinstance(event, ContactRemoved)
    ] == [(gone, "silent")]
    assert {entry.contact for entry in dialogue.dht.table} == set(rest)


def test_after_an_unanswered_check_the_next_one_is_sent_only_once() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    entry = dialogue.dht.table.at(CONTACTS[0].endpoint)
    assert entry is not None
    assert dialogue.dht._check(entry.contact, entry).retransmit
    entry.failures = 1
    assert not dialogue.dht._check(entry.contact, entry).retransmit


@pytest.mark.parametrize("refusal", ["error", "unsendable"])
def test_every_contact_stays_planned_for_revalidation(refusal: str) -> None:
    """So does a contact that answers checks with errors, and one that nothing can be sent to."""
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    for _ in range(150):
        dialogue.waits(1.0)
        for query, where in dialogue.hears_queries():
            if where != CONTACTS[0].endpoint:
                dialogue.answers(
                    query,
                    where,
                    next(each.id for each in CONTACTS if each.endpoint == where),
                    CONTACTS,
                )
            elif refusal == "error":
                dialogue.says(where, Error(query.tid, 202, "not today"))
            else:
                dialogue.node.send_failed(where, dialogue.now)
        assert len(dialogue.dht.parts.revalidation) == len(dialogue.dht.table)


def test_a_contact_that_answers_its_checks_stays() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    dialogue.events()
    answer_for(dialogue, 300, CONTACTS)
    assert of(dialogue.events(), ContactRemoved) == []
    assert all(dialogue.now - entry.verified_at < 250 for entry in dialogue.dht.table)


def test_a_restarted_contact_is_replaced_by_its_new_id() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    dialogue.events()
    old, new = CONTACTS[0], Contact(id_in_bucket(2, 99), CONTACTS[0].endpoint)
    answer_for(dialogue, 200, [new, *CONTACTS[1:]])
    events = dialogue.events()
    assert [
        (event.contact, event.reason) for event in events if isinstance(event, ContactRemoved)
    ] == [(old, "replaced")]
    assert dialogue.dht.table.at(new.endpoint) is dialogue.dht.table.get(new.id) is not None


def test_an_offline_node_removes_no_contact_and_notices_when_it_is_online() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    dialogue.events()
    dialogue.waits(400)
    assert len(of(dialogue.events(), WentOffline)) == 1
    dialogue.hears()
    answer_for(dialogue, 60, CONTACTS)
    events = dialogue.events()
    assert len(of(events, CameOnline)) == 1
    assert of(events, ContactRemoved) == []
    assert {entry.contact for entry in dialogue.dht.table} == set(CONTACTS)


def test_after_a_change_of_network_the_own_id_is_looked_up_at_once() -> None:
    dialogue = Dialogue()
    dialogue.meets(CONTACTS)
    dialogue.node.network_changed(dialogue.now)
    dialogue.hears()
    dialogue.waits(0.01)
    assert any(
        isinstance(query, FindNode) and query.target == OWN_ID
        for query, _ in dialogue.hears_queries()
    )


# --- Both families, and the snapshot --------------------------------------------------------------


def test_each_family_has_its_own_table() -> None:
    dialogue = Dialogue(families=tuple(Family))
    four, six = contact(1), Contact(id_in_bucket(0, 2), address6(2))
    for each in (four, six):
        dialogue.node.join([each.endpoint], dialogue.now, family=each.family)
    for query, where in dialogue.hears_queries():
        dialogue.answers(query, where, four.id if where == four.endpoint else six.id)
    tables = {
        family: [entry.contact for entry in dht.table] for family, dht in dialogue.node.dhts.items()
    }
    assert tables == {Family.IPV4: [four], Family.IPV6: [six]}
    assert dialogue.node.own_ids == dict.fromkeys(Family, OWN_ID)


def test_the_snapshot_has_tables_operations_and_counters() -> None:
    dialogue = Dialogue(now=1000.0)
    dialogue.meets(CONTACTS)
    dialogue.now += 5
    ping = dialogue.node.ping(address(70), dialogue.now)
    lookup = dialogue.node.start_lookup(7, dialogue.now, family=V4)
    join = dialogue.node.join([address(71)], dialogue.now, family=V4)
    snapshot = dialogue.node.snapshot(dialogue.now)
    (dht,) = snapshot.dhts
    assert (dht.family, dht.own_id, dht.joined, dht.online, dht.contacts) == (
        V4,
        OWN_ID,
        True,
        True,
        6,
    )
    entries = [entry for bucket in dht.buckets for entry in bucket.entries]
    assert {entry.contact for entry in entries} == set(CONTACTS)
    assert all(
        5 <= entry.verified_s_ago <= entry.age_s < 30 and entry.failures == 0 for entry in entries
    )
    assert all(
        bucket.touched_s_ago >= 5 and bucket.replacements == 0 and bucket.capacity in (128, 64, 32)
        for bucket in dht.buckets
    )
    shown = {
        operation.operation: (operation.what, operation.target) for operation in snapshot.operations
    }
    assert shown[ping] == ("ping", None)
    assert shown[lookup] == ("find_node", 7)
    assert join not in shown, "it appears as its lookup"
    assert ("find_node", OWN_ID) in shown.values()
    assert snapshot.queries_in_flight == dialogue.node.queries_in_flight > 0
    assert snapshot.counters == dialogue.node.counters.as_dict()
    assert snapshot.peers_stored == 0
