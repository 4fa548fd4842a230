"""The pings of witnesses pass the limits on strangers while a test waits for them."""

from __future__ import annotations

from kadisc.core.limits.probe_lane import MAX_EXPECTED, ProbeLane
from kadisc.wire import krpc
from kadisc.wire.messages import Error, FindNode, Ping, Reply
from tests.support.world import World, address, without

NONCE = b"abcdefgh"
PING = krpc.encode(Ping(b"abcd", 1, NONCE))


def test_the_first_query_with_an_outstanding_nonce_passes_and_is_answered() -> None:
    lane = ProbeLane()
    assert not lane.admits(PING)
    assert not lane.answers(NONCE)
    lane.expect(NONCE)
    assert lane.admits(PING)
    assert not lane.admits(PING)
    assert lane.answers(NONCE)
    assert not lane.answers(NONCE)
    lane.forget(NONCE)
    lane.forget(NONCE)
    assert not lane.admits(PING)
    assert len(lane) == 0


def test_other_datagrams_do_not_pass() -> None:
    lane = ProbeLane()
    lane.expect(NONCE)
    for payload in (
        b"",
        b"abcd",
        krpc.encode(Reply(b"abcd", 1)),
        krpc.encode(Error(b"abcd", 201, "")),
        krpc.encode(Ping(b"abce", 1, NONCE)),
        krpc.encode(Ping(b"abcdefgh", 1, NONCE)),
    ):
        assert not lane.admits(payload)
    assert not lane.answers(b"abcdxxxx")
    assert not lane.answers(b"")
    assert lane.admits(PING)


def test_so_many_are_outstanding_and_no_more() -> None:
    lane = ProbeLane()
    for number in range(2 * MAX_EXPECTED):
        lane.expect(number.to_bytes(4, "big") + bytes(4))
    assert len(lane) == MAX_EXPECTED


def flooded(config_defences: tuple[str, ...]) -> tuple[bool, bool]:
    """Whether the ping of a witness is read, and answered, while a flood uses up all limits."""
    world = World()
    host = world.add(address(0), without(*config_defences))
    node = host.node
    node._probes.expect(NONCE)
    flood = krpc.encode(FindNode(b"aaaa", 1, 2))
    for number in range(6000):
        node.receive(flood, address(1000 + number), 0.0)
    node.drain_outbox()
    assert node.counters.dropped["limit.total"] > 1000
    before = node.counters.accepted.get("query.ping", 0)
    node.receive(PING, address(77), 0.0)
    answered = [payload for payload, to in node.drain_outbox() if to == address(77)]
    for _ in range(5):  # once alone
        node.receive(PING, address(77), 0.0)
        assert not node.drain_outbox()
    return node.counters.accepted.get("query.ping", 0) == before + 1, len(answered) == 1


def test_a_flood_does_not_keep_witnesses_out() -> None:
    assert flooded(("probe_lane",)) == (False, False)
    assert flooded(()) == (True, True)


def test_nor_does_a_flood_that_uses_up_what_may_be_answered() -> None:
    world = World()
    host = world.add(address(0))
    node = host.node
    node._probes.expect(NONCE)
    node._sender._traffic.replies.lacking((1, 2, 3), 1e9, 0.0)
    budget = node._sender._traffic.replies
    while not budget.lacking((1, 2, 3), 100.0, 0.0):
        pass
    node.receive(PING, address(77), 0.0)
    assert [to for _, to in node.drain_outbox()] == [address(77)]
