"""Processor time is charged, by fixed weights: those datagrams that take most of it use up the
budgets of time before those of numbers. Each flood takes too much with the defence off.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.core.core import Core
from kadisc.core.limits.costs import FIND_NODE_S, Costs
from kadisc.core.rpc import receiver
from kadisc.endpoints import Endpoint, Family, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.items import item_from
from kadisc.wire.messages import (
    AnnouncePeer,
    FindNode,
    Get,
    GetPeers,
    Message,
    Ping,
    Put,
    Query,
    SampleInfohashes,
)
from tests.support.world import CONFIG, address, without

ON_OFF = pytest.mark.parametrize("defended", [True, False])
COSTS = Costs()
SHARE, BURST_S = 0.005, 0.5
LIMITED = replace(
    CONFIG, limits=replace(CONFIG.limits, total_time_share=SHARE, time_burst_s=BURST_S)
)
ID = b"d1:ad2:id20:" + b"x" * 20
NESTED = ID + b"e1:bl" + b"le" * 950 + b"e1:q4:ping1:t4:aaaa1:y1:qe"
CROWDED = 99
FLOODS = {
    "nested": NESTED,
    "replies": b"d1:rd2:id20:" + b"x" * 20 + b"1:xl" + b"le" * 900 + b"ee1:t4:aaaa1:y1:re",
    "put": krpc.encode(Put(b"aaaa", 7, b"12345678", item_from({b"v": [[]] * 490}, b""))),
    "get": krpc.encode(Get(b"aaaa", 7, 5)),
    "get_peers": krpc.encode(GetPeers(b"aaaa", 7, CROWDED)),
    "announce": krpc.encode(AnnouncePeer(b"aaaa", 7, CROWDED, 80, b"12345678")),
    "sample": krpc.encode(SampleInfohashes(b"aaaa", 7, 5)),
}


class Meter:
    """Counts what the work of a node takes by the weights, whether it is charged or not."""

    def __init__(self, patch: pytest.MonkeyPatch, config: CoreConfig) -> None:
        self.node = Core(config, random.Random(1), {Family.IPV4: 1 << 150}, 0.0)
        self.work_s = 0.0
        decode, slowly = krpc.decode, krpc.decode_slowly
        responder = self.node._responder
        answer = responder.answer

        def decoding(payload: bytes, *, allow_slow: bool = True) -> Message:
            self.work_s += COSTS.decoding_s(payload)
            return decode(payload, allow_slow=allow_slow)

        def decoding_slowly(payload: bytes) -> Message:
            self.work_s += COSTS.slow_decoding_s(payload)
            return slowly(payload)

        def answering(query: Query, source: Endpoint, now: float) -> object:
            stored = 0
            if isinstance(query, GetPeers | AnnouncePeer):
                stored = responder.peers.count_of(query.info_hash)
            self.work_s += COSTS.answering_s(query, stored)
            return answer(query, source, now)

        patch.setattr(receiver.krpc, "decode", decoding)
        patch.setattr(receiver.krpc, "decode_slowly", decoding_slowly)
        patch.setattr(responder, "answer", answering)

    def crowd(self, count: int) -> None:
        for number in range(count):
            assert self.node._responder.peers.add(CROWDED, address(number), 0.0) is None

    def flood(self, payload: bytes, seconds: int, per_s: int = 2000) -> float:
        """Forged over all /24s. Returns the time that the work of it takes."""
        before = self.work_s
        for number in range(seconds * per_s):
            source = make_endpoint(f"{11 + number % 80}.{number // 80 % 250}.{number % 7}.7", 7)
            self.node.receive(payload, source, 10.0 + number / per_s)
        self.node.drain_outbox()
        return self.work_s - before


@ON_OFF
@pytest.mark.parametrize("flood", FLOODS)
def test_the_time_that_unproven_sources_take_is_limited_in_all(
    flood: str, defended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = LIMITED if defended else without("charged_time", config=LIMITED)
    meter = Meter(monkeypatch, config)
    meter.crowd(60)
    seconds = 2
    work_s = meter.flood(FLOODS[flood], seconds)
    most_s = SHARE * (BURST_S + seconds)
    if defended:
        assert work_s <= 1.01 * most_s
        assert work_s >= 0.5 * most_s, "and what is left is used"
        assert meter.node.counters.dropped["time.total"] > 0
    else:
        assert work_s > 1.1 * most_s


def test_queries_that_cost_no_more_than_a_find_node_are_not_charged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = replace(CONFIG, limits=replace(CONFIG.limits, total_time_share=1e-9))
    meter = Meter(monkeypatch, config)
    for payload in (
        krpc.encode(FindNode(b"aaaa", 7, 7)),
        krpc.encode(FindNode(b"aaaa", 7, 7, frozenset((b"n4", b"n6")))),
        krpc.encode(Ping(b"aaaa", 7)),
        krpc.encode(GetPeers(b"aaaa", 7, 7)),
    ):
        assert meter.flood(payload, 1, per_s=50) == 0.0
    assert not [each for each in meter.node.counters.dropped if each.startswith("time.")]


def test_an_awaited_answer_is_read_whoever_used_up_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = Meter(monkeypatch, LIMITED)
    meter.flood(NESTED, 1)
    node, there = meter.node, address(5)
    node.ping(there, 11.0)
    [(payload, _)] = node.drain_outbox()
    tid = krpc.decode(payload).tid
    answer = b"d1:rd2:id20:%b1:xl%bee1:t4:%b1:y1:re" % (b"x" * 20, b"le" * 900, tid)
    node.receive(answer, there, 11.0)
    assert node.counters.accepted["reply"] == 1
    node.receive(answer, there, 11.0)
    assert node.counters.accepted["reply"] == 1, "once"


def test_the_weights_are_in_order() -> None:
    """What is decoded slowly costs more than the same decoded fast, and all of it within reason."""
    assert COSTS.decoding_s(NESTED) > 5 * FIND_NODE_S
    assert COSTS.slow_decoding_s(NESTED) > 3 * COSTS.decoding_s(NESTED)
    assert COSTS.decoding_s(krpc.encode(FindNode(b"aaaa", 7, 7))) == 0.0
