"""The contract of the core under random input: datagrams, times and calls, in any order and with
any defence off.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadisc.config import (
    CoreConfig,
    Defences,
    LookupConfig,
    MaintenanceConfig,
    QueryConfig,
    ServingConfig,
    TableConfig,
)
from kadisc.contacts import Contact
from kadisc.core.contract.events import Finished, LookupKind, OperationId
from kadisc.core.core import Core
from kadisc.endpoints import Endpoint, Family, family_of, make_endpoint
from kadisc.errors import Busy, DecodeError
from kadisc.ids import ID_BITS
from kadisc.wire import compact, krpc
from kadisc.wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    GetPeers,
    Message,
    Ping,
    Query,
    Reply,
    UnknownQuery,
)
from tests.support.contacts import OWN_ID, address6, id_in_bucket
from tests.support.world import address, plain_kademlia, without

TIGHT = CoreConfig(
    table=TableConfig(k=4, bucket_sizes=(4, 2), replacements_per_bucket=2, per_netgroup_in_table=2),
    query=QueryConfig(
        max_outstanding=12, max_waiting=6, new_address_rate=5.0, new_address_burst=5.0
    ),
    lookup=LookupConfig(max_known=12, max_peers=5, max_operations=4, contacts_per_answer=6),
    maintenance=MaintenanceConfig(max_candidates=6, candidate_checks_in_flight=3),
    serving=ServingConfig(
        max_info_hashes=3,
        max_peers_per_info_hash=3,
        max_peers_stored=5,
        max_stored_per_subnet=2,
        slow_decode_burst=3.0,
    ),
)
"""Limits so tight that all bounds are reached."""
CONFIGS = {
    "default": CoreConfig(),
    "tight": TIGHT,
    "tight-and-plain": plain_kademlia(TIGHT),
    "read-only": replace(TIGHT, read_only=True),
    "private": replace(TIGHT, allow_private=True),
    "unlimited": replace(TIGHT, unlimited=True),
    **{f"without-{each.name}": without(each.name, config=TIGHT) for each in fields(Defences)},
}
LAN = [
    make_endpoint(host, 1)
    for host in ("127.0.0.1", "192.168.1.1", "169.254.1.1", "192.0.2.1", "::1", "fd00::1")
]
ODD = [Endpoint(address(1)[:4] + b"\0\0"), Endpoint(b"\xe0\0\0\1\0\1"), Endpoint(bytes(18))]
CROWD = [make_endpoint(f"99.9.{number % 3}.{number}", 1) for number in range(1, 9)]
ENDPOINTS = [*map(address, range(12)), *map(address6, range(6)), *CROWD, *LAN, *ODD]
IDS = [OWN_ID, *(id_in_bucket(index, number) for index in range(4) for number in range(8))]


class Chaos:
    """Plays the rest of the network at random, and checks the contract of the node."""

    def __init__(self, config: CoreConfig, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = self.rng.choice([0.0, 77.7, 1e6])
        self.config = config
        self.node = Core(config, random.Random(seed + 1), dict.fromkeys(Family, OWN_ID), self.now)
        self.asked: list[tuple[Query, Endpoint]] = []
        self.tokens: list[tuple[bytes, Endpoint]] = []
        self.started: list[OperationId] = []
        self.ended: Counter[OperationId] = Counter()
        self.moves: list[tuple[int, Callable[[], None]]] = [
            (8, self.answer),
            (6, self.query),
            (2, self.mutated),
            (1, self.noise),
            (1, self.forged_answer),
            (1, self.announce),
            (6, self.tick),
            (4, self.next_tick),
            (1, self.pause),
            (3, self.ping),
            (3, self.lookup),
            (2, self.join),
            (1, self.cancel),
            (1, self.unsendable),
            (1, self.moved),
            (1, self.restarted),
        ]

    def play(self, moves: int) -> None:
        weights, actions = zip(*self.moves, strict=True)
        for action in self.rng.choices(actions, weights, k=moves):
            action()
            self.collect()
            self.check()
        self.close()

    # --- What may happen --------------------------------------------------------------------------

    def any_endpoint(self) -> Endpoint:
        return self.rng.choice(ENDPOINTS)

    def contacts(self, family: Family) -> bytes:
        chosen = [
            Contact(self.rng.choice(IDS), self.any_endpoint())
            for _ in range(self.rng.randrange(12))
        ]
        return compact.pack_contacts(each for each in chosen if each.family is family)

    def receive(self, message: Message, source: Endpoint) -> None:
        self.node.receive(krpc.encode(message), source, self.now)

    def answer(self) -> None:
        """An answer to a query of the node, from the endpoint that was asked."""
        if self.asked:
            query, source = self.asked.pop(self.rng.randrange(len(self.asked)))
            self.receive(self.some_answer(query.tid), source)

    def some_answer(self, tid: bytes) -> Message:
        if self.rng.random() < 0.1:
            return Error(tid, self.rng.choice([201, 202, 203, 204, -5]), "no")
        values = [each for each in ENDPOINTS if self.rng.random() < 0.1 and each[-2:] != b"\0\0"]
        return Reply(
            tid,
            self.rng.choice(IDS),
            self.contacts(Family.IPV4),
            self.rng.choice([None, self.contacts(Family.IPV6)]),
            values or None,
            b"token",
        )

    def forged_answer(self) -> None:
        tid = self.rng.choice(self.asked)[0].tid if self.asked else b"\0\1"
        self.receive(
            self.some_answer(self.rng.choice([tid, self.rng.randbytes(4), b"\0\2"])),
            self.any_endpoint(),
        )

    def some_query(self) -> Query:
        tid = self.rng.randbytes(self.rng.randrange(5))
        sender = self.rng.choice(IDS)
        target = self.rng.choice(IDS)
        want = self.rng.choice([None, frozenset((b"n4",)), frozenset((b"n4", b"n6"))])
        query: Query = self.rng.choice(
            [
                Ping(tid, sender),
                FindNode(tid, sender, target, want),
                GetPeers(tid, sender, target, want),
                AnnouncePeer(tid, sender, target, self.rng.randrange(1, 65536), b"token"),
                UnknownQuery(tid, sender, b"vote", self.rng.choice([None, target]), want),
            ]
        )
        return replace(query, read_only=self.rng.random() < 0.1)

    def query(self) -> None:
        self.receive(self.some_query(), self.any_endpoint())

    def announce(self) -> None:
        if self.tokens:
            token, source = self.rng.choice(self.tokens)
            self.receive(
                AnnouncePeer(
                    b"aa",
                    IDS[1],
                    IDS[5],
                    self.rng.randrange(1, 100),
                    token,
                    self.rng.random() < 0.5,
                ),
                source,
            )
        self.receive(GetPeers(b"gp", IDS[1], IDS[5]), self.any_endpoint())

    def mutated(self) -> None:
        payload = bytearray(
            krpc.encode(self.rng.choice([self.some_query(), self.some_answer(b"aaaa")]))
        )
        for _ in range(self.rng.randrange(1, 4)):
            payload[self.rng.randrange(len(payload))] = self.rng.choice(b"0123456789:delix\0")
        self.node.receive(
            bytes(payload[: self.rng.choice([None, -1, 20])]), self.any_endpoint(), self.now
        )

    def noise(self) -> None:
        self.node.receive(
            self.rng.randbytes(self.rng.choice([0, 1, 50, 3000])), self.any_endpoint(), self.now
        )

    def tick(self) -> None:
        self.now += self.rng.choice([0.0, 0.001, 0.1, 0.3, 1.0, 5.0])
        self.node.tick(self.now)
        assert self.node.next_deadline() > self.now

    def next_tick(self) -> None:
        deadline = self.node.next_deadline()
        if deadline < float("inf"):
            self.now = max(self.now, deadline)
            self.node.tick(self.now)
            assert self.node.next_deadline() > self.now

    def pause(self) -> None:
        self.now += self.rng.choice([30.0, 250.0, 2000.0])
        self.tick()

    def start(self, start: Callable[[], OperationId]) -> None:
        in_flight = sum(operation not in self.ended for operation in self.started)
        try:
            self.started.append(start())
        except Busy:
            assert in_flight == self.config.lookup.max_operations
        else:
            assert in_flight < self.config.lookup.max_operations

    def ping(self) -> None:
        self.start(lambda: self.node.ping(self.any_endpoint(), self.now))

    def seeds(self, family: Family) -> list[Endpoint]:
        return [each for each in self.rng.sample(ENDPOINTS, 3) if family_of(each) is family]

    def lookup(self) -> None:
        family = self.rng.choice(list(Family))
        self.start(
            lambda: self.node.start_lookup(
                self.rng.choice(IDS),
                self.now,
                family=family,
                kind=self.rng.choice(list(LookupKind)),
                k=self.rng.choice([None, 1, 3, 9]),
                paths=self.rng.choice([1, 2, 4]),
                first_value=self.rng.random() < 0.3,
                seeds=self.seeds(family),
            )
        )

    def join(self) -> None:
        family = self.rng.choice(list(Family))
        self.start(lambda: self.node.join(self.seeds(family), self.now, family=family))

    def cancel(self) -> None:
        if self.started:
            self.node.cancel(self.rng.choice(self.started), self.now)

    def unsendable(self) -> None:
        self.node.send_failed(self.any_endpoint(), self.now)

    def moved(self) -> None:
        self.node.network_changed(self.now)

    def restarted(self) -> None:
        """With the state of the run before, at other addresses, and so with other IDs: any may be
        that of a contact.
        """
        state = self.node.export_state(self.now)
        self.ended_in_order()
        self.asked, self.tokens, self.started = [], [], []
        self.ended.clear()
        own_ids = {family: self.rng.choice(IDS) for family in Family}
        self.node = Core(self.config, random.Random(self.rng.random()), own_ids, self.now)
        self.node.restore(state, self.now)

    # --- What must hold ---------------------------------------------------------------------------

    def collect(self) -> None:
        for payload, destination in self.node.drain_outbox():
            assert len(payload) <= 1024 or not self.config.defences.bounded_answers
            message = krpc.decode(payload)
            if isinstance(message, Query):
                self.asked.append((message, destination))
                assert not self.node._scopes.is_invalid(destination) or destination in ODD
            elif isinstance(message, Reply) and message.token:
                self.tokens.append((message.token, destination))
        del self.asked[:-50], self.tokens[:-20]
        self.ended.update(
            event.operation for event in self.node.drain_events() if isinstance(event, Finished)
        )

    def check(self) -> None:
        counters = self.node.counters
        config = self.config
        snapshot = self.node.snapshot(self.now)
        assert counters.received == sum(counters.accepted.values()) + sum(counters.dropped.values())
        assert all(type(count) is int and count >= 0 for count in snapshot.counters.values())
        assert (
            self.node.queries_in_flight <= config.query.max_outstanding + config.query.max_waiting
        )
        assert snapshot.peers_stored <= config.serving.max_peers_stored
        assert self.node.operations_in_flight <= config.lookup.max_operations * 2 + 8, (
            "those of callers (a join is two), and a few refresh lookups"
        )
        for dht in snapshot.dhts:
            assert dht.candidates <= config.maintenance.max_candidates
            assert dht.contacts == sum(len(bucket.entries) for bucket in dht.buckets)
            assert all(
                len(bucket.entries) <= bucket.capacity
                and bucket.replacements <= config.table.replacements_per_bucket
                for bucket in dht.buckets
            )
        own_ids = set(self.node.own_ids.values())
        for each in self.node.dhts.values():
            assert not own_ids & {entry.id for entry in each.table}
            assert not own_ids & {id for one in each.table.buckets() for id in one.replacements}
            assert each.parts.saved_contacts.deepest_bucket(each.own_id) < ID_BITS
            assert len(each.parts.revalidation) >= len(each.table), (
                "every contact of the table is revalidated"
            )
        assert set(self.ended.values()) <= {1}

    def close(self) -> None:
        self.ended_in_order()
        self.node.tick(self.now + 1)
        self.query()
        assert (self.node.drain_outbox(), self.node.drain_events()) == ([], [])

    def ended_in_order(self) -> None:
        self.node.close(self.now)
        self.collect()
        assert set(self.started) <= set(self.ended), "every operation has ended"
        assert set(self.ended.values()) <= {1}, "once"
        assert self.node.next_deadline() == float("inf")
        assert self.node.operations_in_flight == 0


@pytest.mark.parametrize("name", CONFIGS)
@given(seed=st.integers(0, 2**32), moves=st.integers(0, 300))
@settings(max_examples=20)
def test_the_contract_holds_under_random_input(name: str, seed: int, moves: int) -> None:
    Chaos(CONFIGS[name], seed).play(moves)


@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from(ENDPOINTS)), max_size=30))
def test_random_datagrams_raise_nothing_and_do_not_change_the_table(
    datagrams: list[tuple[bytes, Endpoint]],
) -> None:
    node = Core(CoreConfig(), random.Random(1), dict.fromkeys(Family, OWN_ID), 0.0)
    for payload, source in datagrams:
        node.receive(payload, source, 0.0)
    assert (
        node.counters.received
        == len(datagrams)
        == sum(node.counters.accepted.values()) + sum(node.counters.dropped.values())
    )
    assert [len(dht.table) for dht in node.dhts.values()] == [0, 0]
    for payload, _ in node.drain_outbox():
        with pytest.raises(DecodeError):
            krpc.decode(payload[:-1])


@given(
    st.lists(st.floats(0.0, 50.0, allow_subnormal=False), min_size=1, max_size=60),
    st.floats(0, 1e8),
    st.integers(0, 9),
)
def test_every_query_ends_at_whatever_times_the_clock_is_read(
    waits: list[float], start: float, pings: int
) -> None:
    """In spite of the rounding of floats, every operation ends and every deadline advances."""
    node = Core(CoreConfig(), random.Random(1), {Family.IPV4: OWN_ID}, start)
    now = start
    for number in range(pings):
        node.ping(address(number), now)
    for wait in waits:
        now += wait
        node.tick(now)
        assert node.next_deadline() > now
    ticks = 0
    while (deadline := node.next_deadline()) < float("inf"):
        node.tick(deadline)
        assert node.next_deadline() > deadline
        ticks += 1
        assert ticks <= 3 * pings
    assert (node.operations_in_flight, node.queries_in_flight) == (0, 0)
    assert len([event for event in node.drain_events() if isinstance(event, Finished)]) == pings
