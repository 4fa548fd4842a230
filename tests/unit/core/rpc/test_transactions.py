"""Transactions: answers are matched exactly, and each query has its deadlines."""

from __future__ import annotations

import random
from itertools import pairwise

from kadisc.config import QueryConfig
from kadisc.core.baselines.rpc import TrustingTransactions
from kadisc.core.contract.queries import PendingQuery, SendQuery
from kadisc.core.rpc.transactions import Overdue, Transactions
from kadisc.endpoints import Endpoint
from kadisc.wire.messages import Ping
from tests.support.contacts import OWN_ID, address6
from tests.support.dialogue import Listener
from tests.support.world import address

THERE = address(1)


def pending_to(
    endpoint: Endpoint = THERE,
    *,
    sent_at: float = 0.0,
    stall_s: float = 1.0,
    timeout_s: float = 10.0,
) -> PendingQuery:
    owner = Listener()
    return PendingQuery(
        SendQuery(endpoint, None, Ping(b"", OWN_ID), owner),
        b"",
        sent_at,
        sent_at + stall_s,
        sent_at + timeout_s,
        proves_reachability=True,
    )


def transactions() -> Transactions:
    return Transactions(QueryConfig(), random.Random(1))


def opened(outstanding: Transactions, pending: PendingQuery) -> bytes:
    tid = outstanding.new_id("ping")
    outstanding.open(pending, tid)
    return tid


def overdue(outstanding: Transactions, now: float) -> list[Overdue]:
    return [what for _, what in outstanding.due(now)]


# --- Matching -------------------------------------------------------------------------------------


def test_an_answer_matches_once() -> None:
    outstanding, pending = transactions(), pending_to()
    tid = opened(outstanding, pending)
    assert outstanding.match(tid, THERE, 1) is pending
    assert outstanding.match(tid, THERE, 1) is None
    assert len(outstanding) == 0


def test_one_datagram_for_each_query_passes_the_limits() -> None:
    """And does not end the query: it may be no answer."""
    outstanding, pending = transactions(), pending_to()
    tid = opened(outstanding, pending)
    assert not outstanding.admits(tid, address(2))
    assert [outstanding.admits(tid, THERE) for _ in range(3)] == [True, False, False]
    assert outstanding.match(tid, THERE, 1) is pending


def test_an_answer_from_another_address_matches_nothing_and_the_query_stays() -> None:
    outstanding, pending = transactions(), pending_to()
    tid = opened(outstanding, pending)
    mapped = Endpoint(bytes(10) + b"\xff\xff" + THERE)
    for wrong_source in (address(2), address(1, port=1), address6(1), mapped):
        assert outstanding.match(tid, wrong_source, 1) is None
    for wrong_tid in (b"", tid[:3], tid + b"\0", bytes(b ^ 1 for b in tid)):
        assert outstanding.match(wrong_tid, THERE, 1) is None
    assert outstanding.match(tid, THERE, 1) is pending


def test_ids_are_four_random_bytes_and_unique() -> None:
    outstanding = transactions()
    ids = [opened(outstanding, pending_to()) for _ in range(2000)]
    assert {len(tid) for tid in ids} == {4}
    assert len(set(ids)) == 2000
    steps = {int.from_bytes(b, "big") - int.from_bytes(a, "big") for a, b in pairwise(ids)}
    assert len(steps) > 1990, "they do not count up"


def test_an_id_in_use_is_not_drawn_again() -> None:
    class Repeating(random.Random):
        draws = iter([7, 7, 7, 8])

        def getrandbits(self, k: int, /) -> int:
            return next(self.draws)

    outstanding = Transactions(QueryConfig(), Repeating())
    assert [opened(outstanding, pending_to()), opened(outstanding, pending_to())] == [
        b"\0\0\0\7",
        b"\0\0\0\x08",
    ]


# --- Time -----------------------------------------------------------------------------------------


def test_a_query_stalls_twice_and_then_expires() -> None:
    outstanding, pending = transactions(), pending_to()
    opened(outstanding, pending)
    assert (outstanding.next_deadline(), overdue(outstanding, 0.9)) == (1, [])
    assert overdue(outstanding, 1) == [Overdue.STALLED]
    assert overdue(outstanding, 1) == []
    again = outstanding.next_deadline()
    assert 1.5 < again < 4, "about as long again"
    assert overdue(outstanding, again) == [Overdue.STALLED_AGAIN]
    assert (outstanding.next_deadline(), overdue(outstanding, 9.9)) == (10, [])
    assert overdue(outstanding, 10) == [Overdue.EXPIRED]
    assert (outstanding.next_deadline(), len(outstanding)) == (float("inf"), 0)


def test_after_a_long_pause_a_query_expires_without_stalls() -> None:
    outstanding = transactions()
    tid = opened(outstanding, pending_to())
    assert overdue(outstanding, 1000) == [Overdue.EXPIRED]
    assert outstanding.match(tid, THERE, 1000) is None


def test_a_late_answer_still_matches_after_both_stalls() -> None:
    outstanding, pending = transactions(), pending_to()
    tid = opened(outstanding, pending)
    assert [overdue(outstanding, 1), overdue(outstanding, 4)] == [
        [Overdue.STALLED],
        [Overdue.STALLED_AGAIN],
    ]
    assert outstanding.match(tid, THERE, 9.9) is pending
    assert overdue(outstanding, 10) == []


def test_a_retransmission_gives_no_round_trip_time() -> None:
    """Karn's algorithm: an answer does not tell which of the two datagrams it is to."""
    outstanding, pending = transactions(), pending_to()
    opened(outstanding, pending)
    assert pending.rtt_s(0.5) == 0.5
    list(outstanding.due(1))
    assert pending.rtt_s(1.5) == 1.5  # it was not sent again yet
    pending.transmissions += 1
    assert (pending.transmissions, pending.rtt_s(1.5)) == (2, None)


def test_a_hurried_query_stalls_earlier_and_as_often() -> None:
    outstanding, pending, elsewhere = transactions(), pending_to(), pending_to(address(2))
    opened(outstanding, pending)
    opened(outstanding, elsewhere)
    outstanding.hurry(THERE, 0.25, 0.125)
    assert outstanding.next_deadline() == 0.25
    assert overdue(outstanding, 0.25) == [Overdue.STALLED]
    assert overdue(outstanding, 0.5) == [Overdue.STALLED_AGAIN]
    # The other query stalls at its usual time.
    assert [each for each, _ in outstanding.due(1)] == [elsewhere]


def test_a_query_is_never_hurried_to_a_later_time_nor_after_its_stall() -> None:
    outstanding, pending = transactions(), pending_to()
    opened(outstanding, pending)
    outstanding.hurry(THERE, 2, 0.5)
    assert outstanding.next_deadline() == 1
    outstanding.hurry(THERE, 0.25, 0.5)
    assert overdue(outstanding, 0.5) == [Overdue.STALLED]
    outstanding.hurry(THERE, 0.25, 0.5)
    assert outstanding.next_deadline() == 1


def test_an_answered_query_has_no_deadline() -> None:
    outstanding = transactions()
    first = opened(outstanding, pending_to())
    second = opened(outstanding, pending_to(stall_s=2))
    outstanding.match(first, THERE, 0.5)
    assert outstanding.next_deadline() == 2
    outstanding.match(second, THERE, 0.5)
    assert outstanding.next_deadline() == float("inf")


def test_a_query_that_is_forgotten_while_others_come_due_does_not_stall() -> None:
    """An owner that is told of one stall may cancel the rest."""
    outstanding = transactions()
    for _ in range(3):
        opened(outstanding, pending_to())
    came_due = []
    for pending, what in outstanding.due(1):
        came_due.append(what)
        outstanding.forget(lambda other, stalled=pending: other is not stalled)  # type: ignore[misc]
    assert came_due == [Overdue.STALLED]


def test_forgotten_queries_match_nothing() -> None:
    outstanding, mine, other = transactions(), pending_to(), pending_to(address(2))
    tid, other_tid = opened(outstanding, mine), opened(outstanding, other)
    assert outstanding.forget(lambda pending: pending.endpoint == THERE) == [mine]
    assert outstanding.match(tid, THERE, 0) is None
    assert outstanding.match(other_tid, address(2), 0) is other


# --- Without exact matching -----------------------------------------------------------------------


def test_without_exact_matching_an_answer_from_any_source_with_any_id_is_accepted() -> None:
    """The baseline of the defence: transaction IDs count up, and forged answers are accepted."""
    no_owner = Listener()
    trusting = TrustingTransactions(QueryConfig(), random.Random(1), no_owner, OWN_ID)
    pending = pending_to()
    assert [opened(trusting, pending), trusting.new_id("ping")] == [b"\0\1", b"\0\2"]
    for tid in (b"\0\1", b"unasked"):
        accepted = trusting.match(tid, address(66), 1)
        assert accepted is not None
        assert (accepted.owner, accepted.endpoint) == (no_owner, address(66))
    assert trusting.match(b"\0\1", THERE, 1) is pending, (
        "the node that was queried may still answer"
    )
