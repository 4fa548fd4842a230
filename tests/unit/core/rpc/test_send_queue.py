"""From the wish to ask to the datagram: ids, deadlines, and the pacer's queue."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.core.contract.queries import Priority, SendQuery
from kadisc.core.rpc.pacer import Pacer
from kadisc.core.rpc.send_queue import SendQueue
from kadisc.core.rpc.transactions import Overdue, Transactions
from kadisc.endpoints import Endpoint, make_endpoint
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


def outgoing(config: CoreConfig = SLOW) -> SendQueue:
    return SendQueue(config, Transactions(config.query, random.Random(1)), Pacer(config.query))


def ask(endpoint: Endpoint, owner: Listener | None = None) -> SendQuery:
    return SendQuery(endpoint, None, FindNode(b"", OWN_ID, 7), owner or Listener())


def send(
    us: SendQueue,
    endpoint: Endpoint,
    now: float = 0,
    *,
    known_rtt_s: float | None = None,
    owner: Listener | None = None,
) -> bytes:
    return us.send(ask(endpoint, owner), now, known_rtt_s=known_rtt_s, proves_reachability=True)


def test_a_query_gets_its_id_and_our_version_when_it_is_sent() -> None:
    us = outgoing()
    query = krpc.decode(send(us, address(1)))
    assert isinstance(query, FindNode)
    assert (query.sender, query.target, query.read_only, len(query.tid)) == (OWN_ID, 7, False, 4)
    assert query.version is not None
    assert query.version.startswith(b"KD")
    pending = us.transactions.match(query.tid, address(1), 1)
    assert pending is not None
    assert (pending.sent_at, pending.expires_at) == (0, CONFIG.query.timeout_s)


def test_a_read_only_node_says_so() -> None:
    query = krpc.decode(send(outgoing(replace(SLOW, read_only=True)), address(1)))
    assert isinstance(query, FindNode)
    assert query.read_only


def test_who_left_the_last_question_unanswered_is_asked_once() -> None:
    """A second copy would only guard against the loss of this one, and the first question was sent
    twice already.
    """
    us = outgoing()
    query = replace(ask(address(1)), retransmit=False)
    us.send(query, 0, known_rtt_s=0.1, proves_reachability=True)
    assert us.next_deadline() == CONFIG.query.timeout_s
    [(pending, overdue)] = us.transactions.due(CONFIG.query.timeout_s)
    assert (overdue, pending.transmissions) == (Overdue.EXPIRED, 1)


def test_a_known_round_trip_time_makes_the_stall_come_sooner() -> None:
    us = outgoing()
    send(us, address(1))
    assert us.next_deadline() == CONFIG.query.first_stall_s
    send(us, address(2), known_rtt_s=0.05)
    assert us.next_deadline() == pytest.approx(0.17)


def test_beyond_the_burst_strangers_wait_their_turn_in_order() -> None:
    us = outgoing()
    waiting = [us.must_wait(ask(address(number)), 0, nat_mapping_open=False) for number in range(5)]
    assert waiting == [False, False, True, True, True]
    assert len(us) == 3
    assert us.next_deadline() == pytest.approx(0.1, abs=1e-3)
    assert list(us.released(0.05)) == []
    assert [each.endpoint for each in us.released(us.next_deadline())] == [address(2)]
    assert [each.endpoint for each in us.released(1.0)] == [address(3), address(4)]
    assert us.next_deadline() == float("inf")


def test_nobody_overtakes_who_waits() -> None:
    us = outgoing()
    for number in range(3):
        us.must_wait(ask(address(number)), 0, nat_mapping_open=False)
    assert us.must_wait(ask(address(9)), 60, nat_mapping_open=False), (
        "although the bucket is full again"
    )


def test_the_familiar_and_the_loopback_do_not_wait() -> None:
    us = outgoing()
    for number in range(4):
        us.must_wait(ask(address(number)), 0, nat_mapping_open=False)
    assert not us.must_wait(ask(address(9)), 0, nat_mapping_open=True)
    assert not us.must_wait(ask(make_endpoint("127.0.0.1", 1)), 0, nat_mapping_open=False)
    assert us.must_wait(ask(make_endpoint("192.168.1.1", 1)), 0, nat_mapping_open=False)


def test_both_queues_are_bounded() -> None:
    all_for_lookups = replace(SLOW, limits=replace(SLOW.limits, reserved_share=0.0))
    us = outgoing(all_for_lookups)
    for number in range(5):
        assert not us.is_full(ask(address(9)))
        send(us, address(number))
    assert us.is_full(ask(address(9)))
    us = outgoing(all_for_lookups)
    for number in range(7):
        assert not us.is_full(ask(address(9)))
        us.must_wait(ask(address(number)), 0, nat_mapping_open=False)
    assert us.is_full(ask(address(9)))


def test_lookups_leave_places_to_checks() -> None:
    us = outgoing(replace(SLOW, limits=replace(SLOW.limits, reserved_share=0.4)))
    check = SendQuery(
        address(8),
        None,
        FindNode(b"", OWN_ID, 7),
        Listener(),
        priority=Priority.MAINTENANCE,
    )
    for number in range(3):
        send(us, address(number))
    assert us.is_full(ask(address(9)))
    for number in range(2):
        assert not us.is_full(check)
        send(us, address(10 + number))
    assert us.is_full(check)


def test_what_is_forgotten_is_neither_sent_nor_matched() -> None:
    us, mine, other = outgoing(), Listener(), Listener()
    sent = krpc.decode(send(us, address(1), owner=mine))
    for number, owner in enumerate((other, other, mine, other)):
        us.must_wait(ask(address(number), owner), 0, nat_mapping_open=False)
    us.forget(mine)
    assert us.transactions.match(sent.tid, address(1), 0) is None
    assert [each.owner for each in us.released(10)] == [other]


def test_a_ping_is_sent_as_a_ping() -> None:
    payload = outgoing().send(
        SendQuery(address(1), None, Ping(b"", OWN_ID), Listener()),
        0,
        known_rtt_s=None,
        proves_reachability=True,
    )
    assert isinstance(krpc.decode(payload), Ping)


@pytest.mark.parametrize("defended", [True, False])
def test_a_hundred_lookups_do_not_starve_the_checks(defended: bool) -> None:
    """Whoever can make us look up much (a caller, a search that others prolong) would else keep
    dead contacts in the table.
    """
    config = replace(CONFIG, defences=replace(CONFIG.defences, separate_queues=defended))
    us = outgoing(config)
    for number in range(1000):
        us.must_wait(ask(address(number)), 0, nat_mapping_open=False)
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
    waiting = [each for each in checks if us.must_wait(each, 0, nat_mapping_open=False)]
    assert waiting == checks
    released = [each for command in range(1, 82) for each in us.released(command / 40 + 1e-6)]
    assert 80 <= len(released) <= 81, "what is sent in all is the pacer's business, as before"
    assert sum(each in checks for each in released) == (20 if defended else 0)
