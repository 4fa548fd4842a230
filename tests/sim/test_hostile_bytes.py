"""Up to 200,000 hostile datagrams against one node: none raises, all are counted, memory does not
grow, and the node still answers.
"""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterator

import pytest

from kadisc.contacts import Contact
from kadisc.core.contract.events import Outcome
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.ids import random_id
from kadisc.wire import compact, decoding, krpc
from kadisc.wire.gossip import NamedPeer, pack_peers
from kadisc.wire.items import Item
from kadisc.wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    Gossip,
    Knock,
    Message,
    News,
    Ping,
    Put,
    Reach,
    ReachResult,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)
from tests.support.attack import handed_out
from tests.support.community import TAG, identity, knows, member, record_fields
from tests.support.world import World, address

BY_THE_CORE = {"unmatched-reply", "unmatched-error", "too-long", "bad-source", "wrong-family"}


def messages(rng: random.Random) -> Iterator[Message]:
    """Valid messages of all kinds, with usual and unusual values."""
    while True:
        tid, sender, key = rng.randbytes(rng.choice((0, 2, 4, 64))), random_id(rng), random_id(rng)
        nodes = [
            Contact(random_id(rng), address(rng.randrange(100_000), rng.randrange(1, 65536)))
            for _ in range(rng.randrange(20))
        ]
        want = rng.choice(
            (None, frozenset((b"n4",)), frozenset((b"n4", b"n6")), frozenset[bytes]())
        )
        yield Ping(tid, sender, version=rng.randbytes(4))
        yield FindNode(tid, sender, key, want, read_only=rng.random() < 0.3)
        yield GetPeers(tid, sender, key, want)
        yield AnnouncePeer(
            tid, sender, key, rng.randrange(1, 65536), rng.randbytes(8), rng.random() < 0.5
        )
        record = record_fields(
            identity(rng.randrange(1, 5)),
            nodes[0].endpoint if nodes else None,
            rng.randrange(1 << 40),
        )
        entries = [NamedPeer(node, rng.randrange(16), rng.randrange(16)) for node in nodes]
        token = rng.choice((None, rng.randbytes(8)))
        yield Gossip(
            tid,
            sender,
            rng.choice((TAG, rng.randbytes(20))),
            rng.randrange(17),
            token,
            rng.choice((None, record, {b"k": 5})),
            rng.choice((None, 300)),
        )
        yield Reply(
            tid,
            sender,
            token=rng.randbytes(8),
            news=News(rng.choice((None, record)), pack_peers(entries)),
        )
        nonce, far = rng.randbytes(8), address(rng.randrange(100_000))
        yield Ping(tid, sender, nonce=nonce)
        yield Reach(tid, sender, nonce, TAG, token, rng.choice((None, 6881)))
        yield Reach(tid, sender, nonce, TAG, token, record=record, tcp_port=30_303)
        yield Knock(tid, sender, nonce, TAG, far, token)
        yield Reply(tid, sender, token=nonce, reach=ReachResult(rng.random() < 0.5, far))
        yield Reply(tid, sender, reach=ReachResult(tcp=rng.randrange(3)))
        yield UnknownQuery(
            tid, sender, rng.choice((b"vote", b"", b"dance")), rng.choice((None, key))
        )
        item = rng.choice(
            (
                Item(b"4:spam"),
                Item(
                    b"d1:ai1e1:bl1:xee",
                    rng.randbytes(32),
                    b"salt",
                    rng.randrange(1 << 63),
                    rng.randbytes(64),
                ),
            )
        )
        yield Get(tid, sender, rng.choice((key, item.target)), rng.choice((None, 7)), want)
        yield Put(tid, sender, rng.randbytes(8), item, rng.choice((None, 7)))
        yield SampleInfohashes(tid, sender, key, want)
        yield Reply(tid, sender, token=rng.randbytes(8), held=item.fields())
        yield Reply(
            tid,
            sender,
            nodes=compact.pack_contacts(nodes),
            token=rng.randbytes(20),
            values=[node.endpoint for node in nodes],
        )
        yield Error(tid, rng.randrange(-9, 999), "nonsense")


UNSORTED = b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee"
PUT = b"d1:ad2:id20:abcdefghij0123456789%be1:q3:put1:t2:aa1:y1:qe"
GET = b"d1:ad2:id20:abcdefghij0123456789%b6:target20:mnopqrstuvwxyz123456e1:q3:get1:t2:aa1:y1:qe"
GOSSIP = b"d1:ad2:id20:abcdefghij0123456789%be1:q6:gossip1:t2:aa1:y1:qe"
REACH = b"d1:ad2:id20:abcdefghij0123456789%be1:q5:reach1:t2:aa1:y1:qe"
ANNOUNCE = (
    b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456%be"
    b"1:q13:announce_peer1:t2:aa1:y1:qe"
)

MALFORMED = (
    b"",
    b"x",
    b"i5e",
    b"le",
    b"de",
    b"d0:0:-5:",
    b"i+5e",
    b"i5_0e",
    b"d1:t2:aa1:y1:qe",
    b"d1:t1000:aae",
    b"01:a",
    b"d1:ai1e1:ai2ee",
    b"di1e1:ae",
    b"i99999999999999999999999e",
    b"l" * 11 + b"e" * 11,
    b"d1:t2:aa1:y1:ze",
    b"d1:q4:ping1:t2:aa1:y1:qe",
    b"d1:rd2:id3:abce1:t2:aa1:y1:re",
    b"d1:r1:x1:t2:aa1:y1:re",
    b"d1:e1:x1:t2:aa1:y1:ee",
    b"d1:t65:" + b"a" * 65 + b"1:y1:qe",
    b"d1:ad2:id20:abcdefghij0123456789e1:qi1e1:t2:aa1:y1:qe",
    b"d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t2:aa1:y1:qe",
    b"d1:ad2:id20:abcdefghij0123456789e1:q9:get_peers1:t2:aa1:y1:qe",
    ANNOUNCE % b"",
    ANNOUNCE % b"4:porti80e",
    b"d1:rd2:id20:abcdefghij01234567895:nodes5:aaaaae1:t2:aa1:y1:re",
    b"d1:rd2:id20:abcdefghij01234567896:values1:ae1:t2:aa1:y1:re",
    GOSSIP % b"3:net3:abc4:wanti0e",
    GOSSIP % b"3:net20:abcdefghij01234567894:wanti17e",
    GOSSIP % b"3:net20:abcdefghij01234567893:reci5e4:wanti0e",
    b"d1:rd2:id20:abcdefghij01234567895:peers5:aaaaa5:token1:xe1:t2:aa1:y1:re",
    GET % b"3:seqi-1e",
    b"d1:ad2:id20:abcdefghij01234567895:token1:xe1:q3:put1:t2:aa1:y1:qe",
    PUT % b"1:k2:ab5:token1:x1:vi1e",
    PUT % b"4:salti1e5:token1:x1:vi1e",
    PUT % (b"4:salt65:" + bytes(65) + b"5:token1:x1:vi1e"),
    PUT % (b"5:token1:x1:v1000:" + bytes(1000)),
    PUT % b"5:token1:x1:vd1:b0:1:a0:e",
    REACH % b"1:n8:abcdefgh3:net20:abcdefghij01234567891:pi80e",
    b"d1:rd2:id20:abcdefghij01234567892:oki5ee1:t2:aa1:y1:re",
    UNSORTED,
    b"d1:t2:aae1:x",
    b"a" * 2049,
)


def hostile(rng: random.Random) -> Iterator[tuple[bytes, Endpoint]]:
    for number, message in enumerate(messages(rng)):
        payload = bytearray(krpc.encode(message))
        kind = number % 8
        if kind < 2:
            payload[rng.randrange(len(payload))] = rng.randrange(256)
        elif kind == 2:
            payload = bytearray(rng.choice(MALFORMED))
        source = address(rng.randrange(60_000), rng.randrange(1, 65536))
        if kind == 3 and number % 16 < 8:
            # One network sends more messages for the slow decoder than its limit allows.
            payload, source = bytearray(UNSORTED), address(50_001, rng.randrange(1, 65536))
        elif number % 500 == 0:
            source = rng.choice(
                (
                    make_endpoint("224.0.0.1", 5),
                    make_endpoint("2001:4860::1", 5),
                    Endpoint(b"\x0b\1\1\1\0\0"),
                )
            )
        yield bytes(payload), source


@pytest.mark.parametrize("datagrams", [40_000, pytest.param(200_000, marks=pytest.mark.real)])
def test_many_datagrams_do_no_harm(datagrams: int) -> None:
    world = World(seed=9)
    victim, *others = [member(world, number) for number in range(20)]
    for host in (victim, *others):
        world.join(host, [victim])
        world.run(0.2)
    world.run(30.0)
    counters, blocks = victim.node.counters, list[int]()
    for number, (payload, source) in enumerate(hostile(random.Random(99)), start=1):
        victim.node.receive(payload, source, world.now)
        if number % 200 == 0:
            world.flush(victim)
            victim.events.clear()
            world.run(0.1)
        if number % 50_000 == 0:
            gc.collect()
            blocks.append(sys.getallocatedblocks())
        if number == datagrams:
            break
    assert counters.received == sum(counters.accepted.values()) + sum(counters.dropped.values())
    assert counters.received >= datagrams
    decoded = sum(counters.accepted.values()) + sum(
        counters.dropped[reason] for reason in ("unmatched-reply", "unmatched-error")
    )
    assert decoded >= datagrams / 2
    ignored = {"trailing-data"}  # if the message before them is sound, it is taken
    assert counters.dropped.keys() >= {*decoding.DROP_REASONS, *BY_THE_CORE} - ignored
    if blocks:  # the short run ends before every bound is full
        assert blocks[-1] < blocks[0] * 1.1, f"memory grows: {blocks}"
    assert len(knows(victim)) >= 15
    assert handed_out(world, victim, targets=5)
    assert world.result(others[-1], world.ping(others[-1], victim.endpoint)).outcome is Outcome.DONE
