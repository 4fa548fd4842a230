"""The contract of the core: what it answers, drops and counts, and how its operations end."""

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


def dropped(us: Dialogue) -> dict[str, int]:
    return us.node.counters.dropped


# --- What comes in --------------------------------------------------------------------------------


def test_queries_are_answered_and_counted_by_kind() -> None:
    us = Dialogue()
    for query in (
        Ping(b"1", 5),
        FindNode(b"2", 5, 7),
        GetPeers(b"3", 5, 7),
        AnnouncePeer(b"4", 5, 7, 80, b""),
        UnknownQuery(b"5", 5, b"dance", None),
    ):
        us.says(THERE, query)
    answers = us.hears()
    assert [(type(answer), answer.tid, where) for answer, where in answers] == [
        (Reply, b"1", THERE),
        (Reply, b"2", THERE),
        (Reply, b"3", THERE),
        (Error, b"4", THERE),
        (Error, b"5", THERE),
    ]
    assert us.node.counters.accepted == {
        f"query.{kind}": 1
        for kind in ("ping", "find_node", "get_peers", "announce_peer", "unknown")
    }
    assert us.node.counters.sent == 5


def test_what_is_dropped_is_counted_by_reason() -> None:
    us = Dialogue()
    us.node.receive(b"\xff" * 10, THERE, 0)
    us.node.receive(b"d" * 3000, THERE, 0)
    us.says(address6(1), Ping(b"1", 5))
    us.says(Endpoint(THERE[:4] + b"\0\0"), Ping(b"1", 5))
    us.says(THERE, Reply(b"zz", 5))
    us.says(THERE, Error(b"zz", 201, ""))
    assert us.hears() == []
    garbage = [
        reason
        for reason in dropped(us)
        if reason
        not in ("too-long", "wrong-family", "bad-source", "unmatched-reply", "unmatched-error")
    ]
    assert len(garbage) == 1
    assert set(dropped(us).values()) == {1}
    assert us.node.counters.received == 6 == sum(dropped(us).values())


def test_a_malformed_query_is_told_what_was_wrong() -> None:
    us = Dialogue()
    us.node.receive(b"d1:ad2:id3:fooe1:q4:ping1:t2:aa1:y1:qe", THERE, 0)
    ((error, where),) = us.hears()
    assert isinstance(error, Error)
    assert (error.tid, error.code, where) == (b"aa", 203, THERE)


def test_whoever_counts_beyond_64_bits_is_told_as_often_as_the_slow_decoder_is_to_be_had() -> None:
    us = Dialogue()
    burst, query = (
        int(CONFIG.serving.slow_decode_burst),
        b"d1:ad2:id20:abcdefghij01234567893:seqi9223372036854775808ee1:q3:put1:t2:aa1:y1:qe",
    )
    for number in range(burst + 5):
        us.node.receive(query, address(1, port=number + 1), 0)
    assert dropped(us) == {"int-range": burst, "slow-decode-budget": 5}
    sent = us.node.drain_outbox()
    assert len(sent) == burst
    for payload, _ in sent:
        error = krpc.decode(payload)
        assert isinstance(error, Error)
        assert (error.tid, error.code) == (b"aa", 203)
        assert len(payload) <= len(query), "its source may be forged"


UNSORTED = b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee"


def test_the_slow_decoder_is_rationed_by_network() -> None:
    us = Dialogue()
    burst = int(CONFIG.serving.slow_decode_burst)
    for number in range(burst + 5):
        us.node.receive(UNSORTED, address(1, port=number + 1), 0)
    assert dropped(us) == {"slow-decode-budget": 5}
    us.node.receive(UNSORTED, address(2), 0)
    assert us.node.counters.accepted == {"query.ping": burst + 1}, (
        "another network has a budget of its own"
    )


def test_an_unlimited_node_decodes_everything() -> None:
    us = Dialogue(replace(CONFIG, unlimited=True))
    for _ in range(200):
        us.node.receive(UNSORTED, THERE, 0)
    assert dropped(us) == {}


def test_a_read_only_node_answers_nobody_but_asks() -> None:
    us = Dialogue(replace(CONFIG, read_only=True))
    us.says(THERE, Ping(b"1", 5))
    us.node.receive(b"d1:ad2:id3:fooe1:q4:ping1:t2:aa1:y1:qe", THERE, 0)
    assert us.hears() == []
    assert dropped(us) == {"read-only": 1, "bad-id": 1}
    us.node.ping(THERE, 0)
    assert us.hears_queries()[0][0].read_only


# --- Pings ----------------------------------------------------------------------------------------


def test_a_ping_that_is_answered() -> None:
    us = Dialogue()
    operation = us.node.ping(THERE, us.now)
    ((query, where),) = us.hears_queries()
    assert (type(query), where, us.node.queries_in_flight) == (Ping, THERE, 1)
    us.now = 0.25
    us.says(THERE, Reply(query.tid, 5, seen_as=address(99), version=b"LT\1\2"))
    assert us.events() == [
        PingFinished(
            operation, Outcome.DONE, THERE, Contact(5, THERE), 0.25, b"LT\1\2", address(99)
        )
    ]
    assert (us.node.operations_in_flight, us.node.queries_in_flight) == (0, 0)


def test_a_ping_that_is_not_answered_is_sent_twice_and_fails_after_ten_seconds() -> None:
    us = Dialogue()
    operation = us.node.ping(THERE, us.now)
    us.waits(9.9)
    first, second = us.hears()
    assert first == second, "the same datagram once more"
    assert us.events() == []
    us.waits(0.2)
    assert us.events() == [PingFinished(operation, Outcome.NO_ANSWER, THERE)]
    assert us.node.counters.queries_sent == {"ping": 2}
    assert us.node.next_deadline() == float("inf"), "idle"


def test_a_ping_that_is_answered_late_counts_without_a_round_trip_time() -> None:
    us = Dialogue()
    us.node.ping(THERE, us.now)
    us.waits(5)
    (query, _), _ = us.hears_queries()
    us.says(THERE, Reply(query.tid, 5))
    (event,) = us.events()
    assert isinstance(event, PingFinished)
    assert (event.outcome, event.rtt_s) == (Outcome.DONE, None)


def test_a_ping_that_is_answered_with_an_error() -> None:
    us = Dialogue()
    us.node.ping(THERE, us.now)
    ((query, _),) = us.hears_queries()
    us.says(THERE, Error(query.tid, 202, "busy"))
    (event,) = us.events()
    assert isinstance(event, PingFinished)
    assert (event.outcome, event.code, event.text) == (Outcome.ERROR_ANSWER, 202, "busy")
    assert us.node.counters.accepted == {"error": 1}


def test_a_ping_that_the_system_would_not_send() -> None:
    us = Dialogue()
    operation = us.node.ping(THERE, us.now)
    us.node.send_failed(THERE, us.now)
    us.node.send_failed(THERE, us.now)
    assert us.events() == [PingFinished(operation, Outcome.NO_ANSWER, THERE)]
    assert us.node.counters.refused == {"send-failed": 1}


def test_a_ping_to_a_family_that_we_do_not_speak_ends_at_once() -> None:
    us = Dialogue()
    operation = us.node.ping(address6(1), us.now)
    assert us.events() == [PingFinished(operation, Outcome.NO_CONTACTS, address6(1))]
    assert us.hears() == []


def test_too_many_queries_end_an_operation_at_once() -> None:
    us = Dialogue(replace(CONFIG, query=replace(CONFIG.query, max_outstanding=2)))
    for number in range(3):
        us.node.ping(address(number), us.now)
    (event,) = us.events()
    assert isinstance(event, PingFinished)
    assert (event.endpoint, event.outcome) == (address(2), Outcome.NO_ANSWER)
    assert us.node.counters.refused == {"too-many-queries": 1}


def test_strangers_beyond_the_burst_are_asked_a_little_later() -> None:
    us = Dialogue()
    for number in range(80):
        us.node.ping(address(number), us.now)
    assert len(us.hears()) == CONFIG.query.new_address_burst
    us.waits(0.55)
    assert len({where for _, where in us.hears()}) == 20
    assert us.node.queries_in_flight == 80


# --- The end of operations ------------------------------------------------------------------------


def test_a_cancelled_operation_ends_once_and_asks_nobody_more() -> None:
    us = Dialogue()
    operation = us.node.start_lookup(7, us.now, family=V4, seeds=[THERE])
    ping = us.node.ping(THERE, us.now)
    for _ in range(2):
        us.node.cancel(operation, us.now)
        us.node.cancel(ping, us.now)
    ended = [
        (event.operation, event.outcome) for event in us.events() if isinstance(event, Finished)
    ]
    assert ended == [(operation, Outcome.CANCELLED), (ping, Outcome.CANCELLED)]
    us.hears()
    us.waits(60)
    assert (us.hears(), us.events()) == ([], [])


def test_a_cancelled_join_ends_itself_and_its_lookup() -> None:
    us = Dialogue()
    operation = us.node.join([THERE], us.now, family=V4)
    us.node.cancel(operation, us.now)
    events = us.events()
    assert of(events, JoinFinished) == [JoinFinished(operation, Outcome.CANCELLED, V4, 0)]
    assert len(of(events, LookupFinished)) == 1
    assert (us.node.operations_in_flight, us.node.queries_in_flight) == (0, 0)


def test_closing_ends_every_operation_and_takes_nothing_more() -> None:
    us = Dialogue()
    operations = [
        us.node.ping(THERE, 0),
        us.node.start_lookup(7, 0, family=V4, seeds=[address(2)]),
        us.node.join([address(3)], 0, family=V4),
    ]
    us.hears()
    us.node.close(1)
    ended = [event for event in us.events() if isinstance(event, Finished)]
    assert {event.outcome for event in ended} == {Outcome.CLOSED}
    assert sorted(event.operation for event in ended if event.operation in operations) == operations
    assert us.node.next_deadline() == float("inf")
    us.node.tick(2)
    us.says(THERE, Ping(b"1", 5))
    us.node.close(3)
    assert (us.hears(), us.events()) == ([], [])
    assert dropped(us) == {"closed": 1}
    for start in (
        lambda: us.node.ping(THERE, 4),
        lambda: us.node.start_lookup(7, 4, family=V4),
        lambda: us.node.join([THERE], 4, family=V4),
    ):
        with pytest.raises(Closed):
            start()


def test_operations_in_flight_are_bounded() -> None:
    us = Dialogue(replace(CONFIG, lookup=replace(CONFIG.lookup, max_operations=2)))
    for number in range(2):
        us.node.ping(address(number), 0)
    for start in (
        lambda: us.node.ping(THERE, 0),
        lambda: us.node.start_lookup(7, 0, family=V4),
        lambda: us.node.join([THERE], 0, family=V4),
    ):
        with pytest.raises(Busy):
            start()
    us.waits(11)
    us.node.ping(THERE, us.now)
