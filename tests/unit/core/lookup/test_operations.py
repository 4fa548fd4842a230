"""Operations of callers: bounded in number, and each ends with exactly one terminal event."""

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
OWN_ENDPOINT = parse_endpoint("9.9.9.9:9")


def ping() -> PingOperation:
    return PingOperation(OPERATION, THERE)


def pending(ping: PingOperation) -> PendingQuery:
    return PendingQuery(SendQuery(THERE, None, Ping(b"", OWN_ID), ping), b"", 1.0, 2.0, 11.0, True)


def test_ids_are_never_used_twice() -> None:
    operations = Operations(3, 9)
    ids = []
    for _ in range(10):
        ids.append(operations.new_id())
        operations.started(ids[-1], ping())
        assert ids[-1] in operations
        operations.finished(Finished(ids[-1], Outcome.DONE))
        operations.finished(Finished(ids[-1], Outcome.DONE))
        assert ids[-1] not in operations
    assert len(set(ids)) == 10


def test_an_operation_beyond_the_bound_is_refused_at_its_start() -> None:
    operations = Operations(2, 9)
    first = operations.new_id()
    operations.started(first, ping())
    second = operations.new_id()
    operations.started(second, ping())
    with pytest.raises(Busy, match="2 operations"):
        operations.new_id()
    operations.finished(Finished(first, Outcome.DONE))
    operations.new_id()


def test_own_lookups_of_the_node_do_not_count_against_callers() -> None:
    operations = Operations(1, 9)
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


def test_the_paths_of_all_lookups_are_bounded_together() -> None:
    operations = Operations(100, 20)
    running = []
    for paths in (16, 1, 1):
        running.append(operations.new_id(paths=paths))
        operations.started(running[-1], ping())
    with pytest.raises(Busy, match=r"lookup of 16 paths.*at most 20"):
        operations.new_id(paths=16)
    for _ in range(2):
        operations.started(operations.new_id(), ping())
    with pytest.raises(Busy):
        operations.new_id()
    operations.started(operations.new_id(own=True), ping())
    operations.finished(Finished(running[0], Outcome.DONE))
    operations.started(operations.new_id(paths=16), ping())


def test_after_closing_no_operation_is_started() -> None:
    operations = Operations(5, 9)
    operations.close()
    for own in (True, False):
        with pytest.raises(Closed):
            operations.new_id(own=own)


def test_an_answered_ping_reports_contact_time_and_own_address() -> None:
    operation = ping()
    reply = Reply(b"", 5, seen_as=OWN_ENDPOINT, version=b"LT\1\2")
    assert operation.answered(pending(operation), reply, 1.25) == [
        PingFinished(
            OPERATION, Outcome.DONE, THERE, Contact(5, THERE), 0.25, b"LT\1\2", OWN_ENDPOINT
        ),
    ]


def test_a_ping_answered_with_an_error_reports_it() -> None:
    operation = ping()
    assert operation.failed(pending(operation).command, Error(b"", 202, "busy"), 2) == [
        PingFinished(OPERATION, Outcome.ERROR_ANSWER, THERE, code=202, text="busy"),
    ]


def test_a_ping_ends_once() -> None:
    operation = ping()
    assert operation.stalled(pending(operation), 2) == ()
    assert operation.failed(pending(operation).command, QueryFailure.TIMED_OUT, 11) == [
        PingFinished(OPERATION, Outcome.NO_ANSWER, THERE)
    ]
    assert operation.answered(pending(operation), Reply(b"", 5), 12) == ()
    assert operation.failed(pending(operation).command, Error(b"", 202, ""), 12) == ()
    assert operation.end(Outcome.CLOSED, 13) == ()
