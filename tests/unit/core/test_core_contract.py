"""One core, message by message: what it answers, drops and counts, and how its operations end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.contacts import Contact
from kadisc.core.contract.events import (
    Event,
    Finished,
    JoinFinished,
    LookupFinished,
    Outcome,
    PingFinished,
)
from kadisc.endpoints import Endpoint, Family
from kadisc.errors import Busy, Closed
from kadisc.wire import krpc
from kadisc.wire.messages import AnnouncePeer, Error, FindNode, GetPeers, Ping, Reply, UnknownQuery
from tests.support.contacts import address6
from tests.support.dialogue import Dialogue
from tests.support.world import CONFIG, address

THERE = address(1)
V4 = Family.IPV4


def of(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def dropped(dialogue: Dialogue) -> dict[str, int]:
    return dialogue.node.counters.dropped


# --- Incoming datagrams ---------------------------------------------------------------------------


def test_queries_are_answered_and_counted_by_kind() -> None:
    dialogue = Dialogue()
    for query in (
        Ping(b"1", 5),
        FindNode(b"2", 5, 7),
        GetPeers(b"3", 5, 7),
        AnnouncePeer(b"4", 5, 7, 80, b""),
        UnknownQuery(b"5", 5, b"dance", None),
    ):
        dialogue.says(THERE, query)
    answers = dialogue.hears()
    assert {where for _, where in answers} == {THERE}
    assert [(type(answer), answer.tid) for answer, _ in answers] == [
        (Reply, b"1"),
        (Reply, b"2"),
        (Reply, b"3"),
        (Error, b"4"),
        (Error, b"5"),
    ]
    assert dialogue.node.counters.accepted == {
        f"query.{kind}": 1
        for kind in ("ping", "find_node", "get_peers", "announce_peer", "unknown")
    }
    assert dialogue.node.counters.sent == 5


def test_dropped_datagrams_are_counted_by_reason() -> None:
    dialogue = Dialogue()
    dialogue.node.receive(b"\xff" * 10, THERE, 0)
    dialogue.node.receive(b"d" * 3000, THERE, 0)
    dialogue.says(address6(1), Ping(b"1", 5))
    dialogue.says(Endpoint(THERE[:4] + b"\0\0"), Ping(b"1", 5))
    dialogue.says(THERE, Reply(b"zz", 5))
    dialogue.says(THERE, Error(b"zz", 201, ""))
    assert dialogue.hears() == []
    garbage = [
        reason
        for reason in dropped(dialogue)
        if reason
        not in ("too-long", "wrong-family", "bad-source", "unmatched-reply", "unmatched-error")
    ]
    assert len(garbage) == 1
    assert set(dropped(dialogue).values()) == {1}
    assert dialogue.node.counters.received == 6 == sum(dropped(dialogue).values())


def test_a_malformed_query_is_answered_with_its_error() -> None:
    dialogue = Dialogue()
    dialogue.node.receive(b"d1:ad2:id3:fooe1:q4:ping1:t2:aa1:y1:qe", THERE, 0)
    ((error, where),) = dialogue.hears()
    assert isinstance(error, Error)
    assert (error.tid, error.code, where) == (b"aa", 203, THERE)


def test_an_int_beyond_64_bits_is_refused_with_an_error_within_the_slow_decoder_budget() -> None:
    dialogue = Dialogue()
    burst = int(CONFIG.serving.slow_decode_burst)
    query = b"d1:ad2:id20:abcdefghij01234567893:seqi9223372036854775808ee1:q3:put1:t2:aa1:y1:qe"
    for number in range(burst + 5):
        dialogue.node.receive(query, address(1, port=number + 1), 0)
    assert dropped(dialogue) == {"int-range": burst, "slow-decode-budget": 5}
    sent = dialogue.node.drain_outbox()
    assert len(sent) == burst
    for payload, _ in sent:
        error = krpc.decode(payload)
        assert isinstance(error, Error)
        assert (error.tid, error.code) == (b"aa", 203)
        assert len(payload) <= len(query), "its source may be forged"


UNSORTED = b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee"


def test_the_slow_decoder_has_a_budget_for_each_subnet() -> None:
    dialogue = Dialogue()
    burst = int(CONFIG.serving.slow_decode_burst)
    for number in range(burst + 5):
        dialogue.node.receive(UNSORTED, address(1, port=number + 1), 0)
    assert dropped(dialogue) == {"slow-decode-budget": 5}
    dialogue.node.receive(UNSORTED, address(2), 0)
    assert dialogue.node.counters.accepted == {"query.ping": burst + 1}, (
        "another subnet has a budget of its own"
    )


def test_an_unlimited_node_decodes_everything() -> None:
    dialogue = Dialogue(replace(CONFIG, unlimited=True))
    for _ in range(200):
        dialogue.node.receive(UNSORTED, THERE, 0)
    assert dropped(dialogue) == {}


def test_a_read_only_node_sends_queries_and_no_answers() -> None:
    dialogue = Dialogue(replace(CONFIG, read_only=True))
    dialogue.says(THERE, Ping(b"1", 5))
    dialogue.node.receive(b"d1:ad2:id3:fooe1:q4:ping1:t2:aa1:y1:qe", THERE, 0)
    assert dialogue.hears() == []
    assert dropped(dialogue) == {"read-only": 1, "bad-id": 1}
    dialogue.node.ping(THERE, 0)
    assert dialogue.hears_queries()[0][0].read_only


# --- Pings ----------------------------------------------------------------------------------------


def test_an_answered_ping_reports_its_details() -> None:
    dialogue = Dialogue()
    operation = dialogue.node.ping(THERE, dialogue.now)
    ((query, where),) = dialogue.hears_queries()
    assert (type(query), where, dialogue.node.queries_in_flight) == (Ping, THERE, 1)
    dialogue.now = 0.25
    dialogue.says(THERE, Reply(query.tid, 5, seen_as=address(99), version=b"LT\1\2"))
    assert dialogue.events() == [
        PingFinished(
            operation, Outcome.DONE, THERE, Contact(5, THERE), 0.25, b"LT\1\2", address(99)
        )
    ]
    assert (dialogue.node.operations_in_flight, dialogue.node.queries_in_flight) == (0, 0)


def test_an_unanswered_ping_is_sent_twice_and_fails_after_ten_seconds() -> None:
    dialogue = Dialogue()
    operation = dialogue.node.ping(THERE, dialogue.now)
    dialogue.waits(9.9)
    first, second = dialogue.hears()
    assert first == second, "the same datagram again"
    assert dialogue.events() == []
    dialogue.waits(0.2)
    assert dialogue.events() == [PingFinished(operation, Outcome.NO_ANSWER, THERE)]
    assert dialogue.node.counters.queries_sent == {"ping": 2}
    assert dialogue.node.next_deadline() == float("inf"), "idle"


def test_a_ping_answered_after_a_retransmission_has_no_round_trip_time() -> None:
    dialogue = Dialogue()
    dialogue.node.ping(THERE, dialogue.now)
    dialogue.waits(5)
    (query, _), _ = dialogue.hears_queries()
    dialogue.says(THERE, Reply(query.tid, 5))
    (event,) = dialogue.events()
    assert isinstance(event, PingFinished)
    assert (event.outcome, event.rtt_s) == (Outcome.DONE, None)


def test_a_ping_answered_with_an_error_reports_it() -> None:
    dialogue = Dialogue()
    dialogue.node.ping(THERE, dialogue.now)
    ((query, _),) = dialogue.hears_queries()
    dialogue.says(THERE, Error(query.tid, 202, "busy"))
    (event,) = dialogue.events()
    assert isinstance(event, PingFinished)
    assert (event.outcome, event.code, event.text) == (Outcome.ERROR_ANSWER, 202, "busy")
    assert dialogue.node.counters.accepted == {"error": 1}


def test_a_ping_that_the_system_refuses_to_send_ends() -> None:
    dialogue = Dialogue()
    operation = dialogue.node.ping(THERE, dialogue.now)
    dialogue.node.send_failed(THERE, dialogue.now)
    dialogue.node.send_failed(THERE, dialogue.now)
    assert dialogue.events() == [PingFinished(operation, Outcome.NO_ANSWER, THERE)]
    assert dialogue.node.counters.refused == {"send-failed": 1}


def test_a_ping_to_a_family_that_the_node_does_not_have_ends_at_once() -> None:
    dialogue = Dialogue()
    operation = dialogue.node.ping(address6(1), dialogue.now)
    assert dialogue.events() == [PingFinished(operation, Outcome.NO_CONTACTS, address6(1))]
    assert dialogue.hears() == []


def test_an_operation_beyond_the_bound_of_queries_ends_at_once() -> None:
    dialogue = Dialogue(replace(CONFIG, query=replace(CONFIG.query, max_outstanding=2)))
    for number in range(3):
        dialogue.node.ping(address(number), dialogue.now)
    (event,) = dialogue.events()
    assert isinstance(event, PingFinished)
    assert (event.endpoint, event.outcome) == (address(2), Outcome.NO_ANSWER)
    assert dialogue.node.counters.refused == {"too-many-queries": 1}


def test_queries_to_new_addresses_beyond_the_burst_are_sent_later() -> None:
    dialogue = Dialogue()
    for number in range(80):
        dialogue.node.ping(address(number), dialogue.now)
    assert len(dialogue.hears()) == CONFIG.query.new_address_burst
    dialogue.waits(0.55)
    assert len({where for _, where in dialogue.hears()}) == 20
    assert dialogue.node.queries_in_flight == 80


# --- The end of operations ------------------------------------------------------------------------


def test_a_cancelled_operation_ends_once_and_sends_nothing_more() -> None:
    dialogue = Dialogue()
    operation = dialogue.node.start_lookup(7, dialogue.now, family=V4, seeds=[THERE])
    ping = dialogue.node.ping(THERE, dialogue.now)
    for _ in range(2):
        dialogue.node.cancel(operation, dialogue.now)
        dialogue.node.cancel(ping, dialogue.now)
    ended = [
        (event.operation, event.outcome)
        for event in dialogue.events()
        if isinstance(event, Finished)
    ]
    assert ended == [(operation, Outcome.CANCELLED), (ping, Outcome.CANCELLED)]
    dialogue.hears()
    dialogue.waits(60)
    assert (dialogue.hears(), dialogue.events()) == ([], [])


def test_a_cancelled_join_ends_itself_and_its_lookup() -> None:
    dialogue = Dialogue()
    operation = dialogue.node.join([THERE], dialogue.now, family=V4)
    dialogue.node.cancel(operation, dialogue.now)
    events = dialogue.events()
    assert of(events, JoinFinished) == [JoinFinished(operation, Outcome.CANCELLED, V4, 0)]
    assert len(of(events, LookupFinished)) == 1
    assert (dialogue.node.operations_in_flight, dialogue.node.queries_in_flight) == (0, 0)


def test_closing_ends_every_operation_and_drops_all_datagrams() -> None:
    dialogue = Dialogue()
    operations = [
        dialogue.node.ping(THERE, 0),
        dialogue.node.start_lookup(7, 0, family=V4, seeds=[address(2)]),
        dialogue.node.join([address(3)], 0, family=V4),
    ]
    dialogue.hears()
    dialogue.node.close(1)
    ended = [event for event in dialogue.events() if isinstance(event, Finished)]
    assert {event.outcome for event in ended} == {Outcome.CLOSED}
    assert sorted(event.operation for event in ended if event.operation in operations) == operations
    assert dialogue.node.next_deadline() == float("inf")
    dialogue.node.tick(2)
    dialogue.says(THERE, Ping(b"1", 5))
    dialogue.node.close(3)
    assert (dialogue.hears(), dialogue.events()) == ([], [])
    assert dropped(dialogue) == {"closed": 1}
    for start in (
        lambda: dialogue.node.ping(THERE, 4),
        lambda: dialogue.node.start_lookup(7, 4, family=V4),
        lambda: dialogue.node.join([THERE], 4, family=V4),
    ):
        with pytest.raises(Closed):
            start()


def test_operations_in_flight_are_bounded() -> None:
    dialogue = Dialogue(replace(CONFIG, lookup=replace(CONFIG.lookup, max_operations=2)))
    for number in range(2):
        dialogue.node.ping(address(number), 0)
    for start in (
        lambda: dialogue.node.ping(THERE, 0),
        lambda: dialogue.node.start_lookup(7, 0, family=V4),
        lambda: dialogue.node.join([THERE], 0, family=V4),
    ):
        with pytest.raises(Busy):
            start()
    dialogue.waits(11)
    dialogue.node.ping(THERE, dialogue.now)
