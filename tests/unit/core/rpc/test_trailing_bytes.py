"""Bytes after a message are ignored and counted, in queries and in replies."""

from __future__ import annotations

from kadisc.core.contract.events import Outcome, PingFinished
from kadisc.wire import krpc
from kadisc.wire.messages import Ping, Reply
from tests.support.world import World, address

AFTER = b"\r\n\0garbage"


def test_a_query_with_bytes_after_it_is_answered_as_without() -> None:
    world = World()
    world.sent = []
    host = world.add(address(1))
    world.join(host)
    world.run(1.0)
    query = krpc.encode(Ping(b"abcd", 5))
    world.sent.clear()
    world.inject(host, address(2), query + AFTER)
    world.inject(host, address(3), query)
    assert len(world.sent) >= 2
    answers = [
        krpc.decode(payload) for _, _, to, payload in world.sent if to in (address(2), address(3))
    ]
    assert [type(answer) for answer in answers[:2]] == [Reply, Reply]
    counters = host.node.counters
    assert counters.accepted["query.ping"] == 2
    assert counters.refused["trailing-data"] == 1
    assert counters.dropped == {}


def test_a_reply_with_bytes_after_it_ends_the_query() -> None:
    world = World()
    host = world.add(address(1))
    world.sent = []
    operation = world.ping(host, address(2))
    [(_, _, _, payload)] = world.sent
    query = krpc.decode(payload)
    world.inject(host, address(2), krpc.encode(Reply(query.tid, 7)) + AFTER)
    finished = world.result(host, operation)
    assert isinstance(finished, PingFinished)
    assert (finished.outcome, finished.contact.id if finished.contact else 0) == (Outcome.DONE, 7)
    assert host.node.counters.refused["trailing-data"] == 1
