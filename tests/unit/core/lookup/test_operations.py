"""What callers wait for: bounded in number, each ends in exactly one terminal event."""

from __future__ import annotations

import pytest

from kadisc.contacts import Contact
from kadisc.core.contract.events import Finished, OperationId, Outcome, PingFinished
from kadisc.core.contract.queries import PendingQuery, QueryFailure, SendQuery
from kadisc.core.lookup.operations import Operations, PingOperation
from kadisc.endpoints import parse_endpoint
from kadisc.errors import Busy, Closed
from kadisc.wire.messages import Error, Ping, Reply
from tests.support.contacts import OWN_ID
from tests.support.world import address

OPERATION, THERE = OperationId(7), address(1)
US = parse_endpoint("9.9.9.9:9")


def ping() -> PingOperation:
    return PingOperation(OPERATION, THERE)


def pending(ping: PingOperation) -> PendingQuery:
    return PendingQuery(SendQuery(THERE, None, Ping(b"", OWN_ID), ping), b"", 1.0, 2.0, 11.0, True)


def test_ids_are_never_used_twice() -> None:
    operations = Operations(3)
    ids = []
    for _ in range(10):
        ids.append(operations.new_id())
        operations.started(ids[-1], ping())
        assert ids[-1] in operations
        operations.finished(Finished(ids[-1], Outcome.DONE))
        operations.finished(Finished(ids[-1], Outcome.DONE))
        assert ids[-1] not in operations
    assert len(set(ids)) == 10


def test_one_too_many_is_refused_at_its_start() -> None:
    operations = Operations(2)
    first, second = operations.new_id(), None
    operations.started(first, ping())
    second = operations.new_id()
    operations.started(second, ping())
    with pytest.raises(Busy, match="2 operations"):
        operations.new_id()
    operations.finished(Finished(first, Outcome.DONE))
    operations.new_id()


def test_the_nodes_own_walks_do_not_count_against_callers() -> None:
    operations = Operations(1)
    for _ in range(3):
        own = operations.new_id(own=True)
        operations.started(own, ping())
    operations.started(operations.new_id(), ping())
    with pytest.raises(Busy):
        operations.new_id()
    operations.finished(Finished(own, Outcome.DONE))
    with pytest.raises(Busy):
        operations.new_id()
    assert (len(operations), len(operations.items())) == (3, 3)


def test_after_the_end_nothing_is_started() -> None:
    operations = Operations(5)
    operations.close()
    for own in (True, False):
        with pytest.raises(Closed):
            operations.new_id(own=own)


def test_a_ping_that_is_answered_tells_what_it_learned() -> None:
    asked = ping()
    reply = Reply(b"", 5, seen_as=US, version=b"LT\1\2")
    assert asked.answered(pending(asked), reply, 1.25) == [
        PingFinished(OPERATION, Outcome.DONE, THERE, Contact(5, THERE), 0.25, b"LT\1\2", US),
    ]


def test_a_ping_that_is_answered_with_an_error_tells_which() -> None:
    asked = ping()
    assert asked.failed(pending(asked).command, Error(b"", 202, "busy"), 2) == [
        PingFinished(OPERATION, Outcome.ERROR_ANSWER, THERE, code=202, text="busy"),
    ]


def test_a_ping_ends_once_whatever_comes_after() -> None:
    asked = ping()
    assert asked.stalled(pending(asked), 2) == ()
    assert asked.failed(pending(asked).command, QueryFailure.TIMED_OUT, 11) == [
        PingFinished(OPERATION, Outcome.NO_ANSWER, THERE)
    ]
    assert asked.answered(pending(asked), Reply(b"", 5), 12) == ()
    assert asked.failed(pending(asked).command, Error(b"", 202, ""), 12) == ()
    assert asked.end(Outcome.CLOSED, 13) == ()
