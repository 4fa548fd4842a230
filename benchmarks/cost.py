"""What one datagram of each kind costs a node, beside the weight that it is charged with.

``python benchmarks/cost.py [--check] [--json FILE]``

A node whose stores, table and known peers are full takes datagrams of each kind in memory, without
sockets. Printed are the microseconds of the fastest of some rounds, that time and the weight
(`kadisc/core/limits/costs.py`) as multiples of those of a find_node, and how many times the one is
the other. With ``--check`` the exit code is 1 if a weight is less than half or more than twice what
was measured. Absolute times depend on the machine and on whether the core is compiled; multiples
do so less.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kadisc.core.contract.identity import Identity, signed_item
from kadisc.core.limits import costs
from kadisc.core.peers.own_record import Membership
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.errors import DecodeError
from kadisc.wire import bencode, krpc
from kadisc.wire.items import item_from
from kadisc.wire.messages import (
    AnnouncePeer,
    FindNode,
    Get,
    GetPeers,
    Gossip,
    Ping,
    Put,
    Query,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)
from tests.support.community import NETWORK, TAG, identity, introduce, stranger
from tests.support.world import CONFIG, Host, World, address, synthetic

ROUNDS: Final = 9
DATAGRAMS: Final = 256
SOURCES: Final = 64
PEERS: Final = 500
KNOWN: Final = 300
CROWDED: Final = 99
"""The info-hash that has as many peers as are stored for one."""
MIN_SHARE, MAX_SHARE = 0.5, 2.0
BOTH: Final = frozenset((b"n4", b"n6"))
COUNTED: Final = replace(CONFIG, unlimited=True)


def source(number: int) -> Endpoint:
    return make_endpoint(f"{91 + number % SOURCES}.7.7.7", 7)


class Subject:
    """A node with a full table, 500 peers of one info-hash, 2,000 info-hashes, an item of 900
    bytes, and 300 known peers of its own network.
    """

    def __init__(self) -> None:
        self.world = World(3, one_way_s=0.001)
        hosts = synthetic(self.world, 600, COUNTED)
        who = identity(1)
        self.host: Host = self.world.add(
            address(40_000), COUNTED, membership=Membership(who, NETWORK)
        )
        dht = self.host.node.dhts[self.host.family]
        for host in hosts:
            dht.table.offer(host.contact, self.world.now)
        self.rng = random.Random(1)
        for first in range(0, KNOWN, 20):
            strangers = [stranger(self.world, 1000 + first + at) for at in range(20)]
            introduce(self.world, self.host, *(each.endpoint for each in strangers))
        for number in range(PEERS):
            self._announce(CROWDED, make_endpoint(f"{11 + number % 70}.{number // 70}.9.9", 700))
        for number in range(300):
            where = make_endpoint(f"{11 + number % 70}.{20 + number // 70}.9.9", 700)
            self._announce(number << 140 | 1, where)
        self.key = Identity(bytes(32))
        self.sequence = 0
        self.tokens: dict[Endpoint, bytes] = {}

    def ask(self, query: Query, where: Endpoint) -> Reply:
        self.host.node.receive(krpc.encode(query), where, self.world.now)
        for payload, destination in self.host.node.drain_outbox():
            reply = krpc.decode(payload)
            if destination == where and isinstance(reply, Reply):
                return reply
        raise AssertionError("no answer")

    def _announce(self, info_hash: int, where: Endpoint) -> None:
        token = self.ask(GetPeers(b"aa", 7, info_hash), where).token
        assert token is not None
        self.host.node.receive(
            krpc.encode(AnnouncePeer(b"aa", 7, info_hash, 80, token)), where, self.world.now
        )
        self.host.node.drain_outbox()

    def some_id(self) -> int:
        return self.rng.getrandbits(160)

    # --- the kinds --------------------------------------------------------------------------------

    def find_node(self, number: int) -> bytes:
        return krpc.encode(FindNode(b"aaaa", 7, self.some_id()))

    def ping(self, number: int) -> bytes:
        return krpc.encode(Ping(b"aaaa", 7))

    def find_node_of_both(self, number: int) -> bytes:
        return krpc.encode(FindNode(b"aaaa", 7, self.some_id(), BOTH))

    def with_asker_token(self, number: int) -> bytes:
        return krpc.encode(FindNode(b"aaaa", 7, self.some_id(), asker_token=bytes(8)))

    def get_peers(self, number: int) -> bytes:
        return krpc.encode(GetPeers(b"aaaa", 7, self.some_id()))

    def get_peers_of_500(self, number: int) -> bytes:
        return krpc.encode(GetPeers(b"aaaa", 7, CROWDED))

    def announce(self, number: int) -> bytes:
        """Of one more peer, to an info-hash that has as many as are stored."""
        where = source(number)
        if where not in self.tokens:
            token = self.ask(GetPeers(b"aa", 7, CROWDED), where).token
            assert token is not None
            self.tokens[where] = token
        port = 1 + number
        return krpc.encode(AnnouncePeer(b"aaaa", 7, CROWDED, port, self.tokens[where]))

    def get(self, number: int) -> bytes:
        return krpc.encode(Get(b"aaaa", 7, self.some_id()))

    def put_without_token(self, number: int) -> bytes:
        value = bencode.encode(b"x" * 900)
        item = signed_item(self.key, value, 1)
        return krpc.encode(Put(b"aaaa", 7, b"12345678", item))

    def put_of_many_values(self, number: int) -> bytes:
        item = item_from({b"v": [[]] * 490}, b"")
        return krpc.encode(Put(b"aaaa", 7, b"12345678", item))

    def put_of_too_many_values(self, number: int) -> bytes:
        values = b"l%be" % (b"le" * 900)
        return b"d1:ad2:id20:%b5:token8:123456781:v%be1:q3:put1:t4:aaaa1:y1:qe" % (
            b"x" * 20,
            values,
        )

    def sample_infohashes(self, number: int) -> bytes:
        return krpc.encode(SampleInfohashes(b"aaaa", 7, self.some_id()))

    def unknown(self, number: int) -> bytes:
        return krpc.encode(UnknownQuery(b"aaaa", 7, b"foo", self.some_id()))

    def gossip_without_token(self, number: int) -> bytes:
        return krpc.encode(Gossip(b"aaaa", 7, TAG, 0, pad=400))

    def gossip(self, number: int) -> bytes:
        where = source(number)
        token = self.ask(Gossip(b"aa", 7, TAG, 0, pad=400), where).token
        assert token is not None
        return krpc.encode(Gossip(b"aaaa", 7, TAG, 16, token=token))

    def nested(self, number: int) -> bytes:
        inner = b"le" * 950
        return b"d1:ad2:id20:%be1:bl%be1:q4:ping1:t4:aaaa1:y1:qe" % (b"x" * 20, inner)

    def slow(self, number: int) -> bytes:
        return b"d1:y1:q1:q4:ping1:t4:aaaa1:ad2:id20:%be1:bl%bee" % (b"x" * 20, b"0:" * 220)


def weight_s(name: str, payload: bytes) -> float:
    charged = costs.Costs()
    if name == "slow":
        return costs.FIND_NODE_S + charged.slow_decoding_s(payload)
    weight = costs.FIND_NODE_S + charged.decoding_s(payload)
    with suppress(DecodeError):
        query = krpc.decode(payload)
        assert isinstance(query, Query)
        stored = PEERS if getattr(query, "info_hash", 0) == CROWDED else 0
        weight += charged.answering_s(query, stored)
    return weight


def measured_s(subject: Subject, make: Callable[[int], bytes]) -> tuple[float, bytes]:
    node, now = subject.host.node, subject.world.now
    payloads = [make(number) for number in range(DATAGRAMS)]
    sources = [source(number) for number in range(DATAGRAMS)]
    node.drain_outbox()
    fastest = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for payload, where in zip(payloads, sources, strict=True):
            node.receive(payload, where, now)
        fastest = min(fastest, time.process_time() - begun)
        node.drain_outbox()
    return fastest / DATAGRAMS, payloads[0]


def measure() -> list[dict[str, float | str]]:
    subject = Subject()
    kinds: list[Callable[[int], bytes]] = [
        subject.find_node,
        subject.ping,
        subject.find_node_of_both,
        subject.with_asker_token,
        subject.get_peers,
        subject.get_peers_of_500,
        subject.announce,
        subject.get,
        subject.put_without_token,
        subject.put_of_many_values,
        subject.put_of_too_many_values,
        subject.sample_infohashes,
        subject.unknown,
        subject.gossip_without_token,
        subject.gossip,
        subject.nested,
        subject.slow,
    ]
    measured_s(subject, subject.find_node)  # warm
    rows: list[dict[str, float | str]] = []
    base_s = float("inf")
    for make in kinds:
        name = make.__name__
        took_s, payload = measured_s(subject, make)
        if make == subject.find_node:
            base_s = took_s
        weight = weight_s(name, payload) / costs.FIND_NODE_S
        rows.append(
            {
                "kind": name,
                "bytes": len(payload),
                "us": 1e6 * took_s,
                "measured": took_s / base_s,
                "weight": weight,
                "share": weight / (took_s / base_s),
            }
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="what one datagram of each kind costs")
    parser.add_argument("--check", action="store_true", help="fail where a weight is far off")
    parser.add_argument("--json", type=Path, help="file for the rows")
    options = parser.parse_args()
    rows = measure()
    print(f"{'kind':22} {'bytes':>5} {'us':>7} {'measured':>8} {'weight':>7} {'share':>6}")
    wrong = 0
    for row in rows:
        is_wrong = not MIN_SHARE <= float(row["share"]) <= MAX_SHARE
        wrong += is_wrong
        print(
            "{kind:22} {bytes:5} {us:7.1f} {measured:7.1f}x {weight:6.1f}x {share:6.2f}".format(
                **row
            )
            + (" WRONG" if is_wrong else "")
        )
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}))
    return int(options.check and wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
