"""The way of a query to its datagram: transaction IDs, deadlines, and the queue of the pacer."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.core.baselines.rpc import NoReceivedTokens
from kadisc.core.contract.conduct import Conduct
from kadisc.core.contract.queries import Priority, SendQuery
from kadisc.core.rpc.endpoint_spacing import EndpointSpacing
from kadisc.core.rpc.pacer import Pacer
from kadisc.core.rpc.send_queue import SendQueue
from kadisc.core.rpc.transactions import Overdue, Transactions
from kadisc.endpoints import Endpoint, Family, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import FindNode, Ping
from tests.support.contacts import OWN_ID
from tests.support.dialogue import Listener
from tests.support.world import CONFIG, address

SLOW = replace(
    CONFIG,
    query=replace(
        CONFIG.query, new_address_rate=10.0, new_address_burst=2.0, max_waiting=5, max_outstanding=5
    ),
)


def send_queue(config: CoreConfig = SLOW) -> SendQueue:
    transactions = Transactions(config.query, random.Random(1))
    return SendQueue(
        config,
        transactions,
        Pacer(config.query),
        EndpointSpacing(10.0),
        NoReceivedTokens(),
        {family: Conduct(read_only=config.read_only) for family in Family},
    )


def query_to(endpoint: Endpoint, owner: Listener | None = None) -> SendQuery:
    return SendQuery(endpoint, None, FindNode(b"", OWN_ID, 7), owner or Listener())


def send(
    queue: SendQueue,
    endpoint: Endpoint,
    now: float = 0,
    *,
    known_rtt_s: float | None = None,
    owner: Listener | None = None,
) -> bytes:
    return queue.send(
        query_to(endpoint, owner), now, known_rtt_s=known_rtt_s, proves_reachability=True
    )


def test_a_query_gets_its_transaction_id_and_version_when_it_is_sent() -> None:
    queue = send_queue()
    query = krpc.decode(send(queue, address(1)))
    assert isinstance(query, FindNode)
    assert (query.sender, query.target, query.read_only, len(query.tid)) == (OWN_ID, 7, False, 4)
    assert query.version is not None
    assert query.version.startswith(b"KD")
    pending = queue.transactions.match(query.tid, address(1), 1)
    assert pending is not None
    assert (pending.sent_at, pending.expires_at) == (0, CONFIG.query.timeout_s)


def test_a_read_only_node_marks_its_queries() -> None:
    query = krpc.decode(send(send_queue(replace(SLOW, read_only=True)), address(1)))
    assert isinstance(query, FindNode)
    assert query.read_only


def test_a_query_without_retransmission_is_sent_once() -> None:
    """So are checks of a contact that left its last check unanswered: that one was sent twice."""
    queue = send_queue()
    query = replace(query_to(address(1)), retransmit=False)
    queue.send(query, 0, known_rtt_s=0.1, proves_reachability=True)
    assert queue.next_deadline() == CONFIG.query.timeout_s
    [(pending, overdue)] = queue.transactions.due(CONFIG.query.timeout_s)
    assert (overdue, pending.transmissions) == (Overdue.EXPIRED, 1)


def test_a_known_round_trip_time_makes_the_stall_come_sooner() -> None:
    queue = send_queue()
    send(queue, address(1))
    assert queue.next_deadline() == CONFIG.query.first_stall_s
    send(queue, address(2), known_rtt_s=0.05)
    assert queue.next_deadline() == pytest.approx(0.17)


def test_queries_to_new_addresses_beyond_the_burst_wait_in_order() -> None:
    queue = send_queue()
    waiting = [
        queue.must_wait(query_to(address(number)), 0, nat_mapping_open=False) for number in range(5)
    ]
    assert waiting == [False, False, True, True, True]
    assert len(queue) == 3
    assert queue.next_deadline() == pytest.approx(0.1, abs=1e-3)
    assert list(queue.released(0.05)) == []
    assert [each.endpoint for each in queue.released(queue.next_deadline())] == [address(2)]
    assert [each.endpoint for each in queue.released(1.0)] == [address(3), address(4)]
    assert queue.next_deadline() == float("inf")


def test_no_query_overtakes_a_waiting_one() -> None:
    queue = send_queue()
    for number in range(3):
        queue.must_wait(query_to(address(number)), 0, nat_mapping_open=False)
    assert queue.must_wait(query_to(address(9)), 60, nat_mapping_open=False), (
        "although the token bucket is full again"
    )


def test_queries_with_an_open_nat_mapping_or_to_loopback_do_not_wait() -> None:
    queue = send_queue()
    for number in range(4):
        queue.must_wait(query_to(address(number)), 0, nat_mapping_open=False)
    assert not queue.must_wait(query_to(address(9)), 0, nat_mapping_open=True)
    assert not queue.must_wait(query_to(make_endpoint("127.0.0.1", 1)), 0, nat_mapping_open=False)
    assert queue.must_wait(query_to(make_endpoint("192.168.1.1", 1)), 0, nat_mapping_open=False)


def test_both_queues_are_bounded() -> None:
    all_for_lookups = replace(SLOW, limits=replace(SLOW.limits, reserved_share=0.0))
    queue = send_queue(all_for_lookups)
    for number in range(5):
        assert not queue.is_full(query_to(address(9)))
        send(queue, address(number))
    assert queue.is_full(query_to(address(9)))
    queue = send_queue(all_for_lookups)
    for number in range(7):
        assert not queue.is_full(query_to(address(9)))
        queue.must_wait(query_to(address(number)), 0, nat_mapping_open=False)
    assert queue.is_full(query_to(address(9)))


def test_lookups_leave_places_for_checks() -> None:
    queue = send_queue(replace(SLOW, limits=replace(SLOW.limits, reserved_share=0.4)))
    check = SendQuery(
        address(8),
        None,
        FindNode(b"", OWN_ID, 7),
        Listener(),
        priority=Priority.MAINTENANCE,
    )
    for number in range(3):
        send(queue, address(number))
    assert queue.is_full(query_to(address(9)))
    for number in range(2):
        assert not queue.is_full(check)
        send(queue, address(10 + number))
    assert queue.is_full(check)


def test_a_query_of_a_forgotten_owner_is_neither_sent_nor_matched() -> None:
    queue, mine, other = send_queue(), Listener(), Listener()
    sent = krpc.decode(send(queue, address(1), owner=mine))
    for number, owner in enumerate((other, other, mine, other)):
        queue.must_wait(query_to(address(number), owner), 0, nat_mapping_open=False)
    queue.forget(mine)
    assert queue.transactions.match(sent.tid, address(1), 0) is None
    assert [each.owner for each in queue.released(10)] == [other]


def test_a_ping_is_sent_as_a_ping() -> None:
    payload = send_queue().send(
        SendQuery(address(1), None, Ping(b"", OWN_ID), Listener()),
        0,
        known_rtt_s=None,
        proves_reachability=True,
    )
    assert isinstance(krpc.decode(payload), Ping)


@pytest.mark.parametrize("defended", [True, False])
def test_a_hundred_lookups_do_not_starve_the_checks(defended: bool) -> None:
    """Otherwise many lookups (of a caller, or prolonged by an attacker) would keep dead contacts in
    the table.
    """
    config = replace(CONFIG, defences=replace(CONFIG.defences, separate_queues=defended))
    queue = send_queue(config)
    for number in range(1000):
        queue.must_wait(query_to(address(number)), 0, nat_mapping_open=False)
    checks = [
        SendQuery(
            address(2000 + number),
            None,
            FindNode(b"", OWN_ID, 7),
            Listener(),
            priority=Priority.MAINTENANCE,
        )
        for number in range(20)
    ]
    waiting = [each for each in checks if queue.must_wait(each, 0, nat_mapping_open=False)]
    assert waiting == checks
    released = [each for step in range(1, 82) for each in queue.released(step / 40 + 1e-6)]
    assert 80 <= len(released) <= 81, "the pace of all queries together stays the same"
    assert sum(each in checks for each in released) == (20 if defended else 0)
