"""Attacks on the bounded stores: few address ranges take the places, and keep them, so that the
announces and items of others are refused or removed. Each with the defence and without it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kadisc.config import CoreConfig, ServingConfig, StoreConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.serving import WorthAlone
from kadisc.core.contract.events import LookupFinished, LookupKind
from kadisc.core.core import Core
from kadisc.core.peers.rendezvous import info_hashes, network_tag
from kadisc.core.serving.fair_shares import NO_ROOM, FairShares
from kadisc.core.serving.item_store import ItemStore
from kadisc.endpoints import Endpoint, Family, ip_of, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.items import Item
from kadisc.wire.messages import AnnouncePeer, GetPeers, Reply
from tests.support.world import CONFIG, Host, World, synthetic, without

OWN_ID = 1 << 150
TAGS = info_hashes(network_tag("testnet"))
SMALL = ServingConfig(
    max_info_hashes=60,
    max_info_hashes_per_subnet=4,
    max_info_hashes_per_netgroup=16,
    max_peers_per_info_hash=20,
    max_peers_stored=300,
    max_stored_per_subnet=40,
    max_stored_per_netgroup=120,
    max_per_subnet_in_info_hash=4,
    max_per_netgroup_in_info_hash=12,
)
RANGES = {
    "one netgroup": [f"45.1.{number}." for number in range(8)],
    "eight netgroups": [f"{45 + number}.1.1." for number in range(8)],
    "twenty netgroups": [f"45.{1 + number}.1." for number in range(20)],
    "one /32": [f"2c0f:1:{number:x}::" for number in range(64)],
}


def with_shares(defended: bool, serving: ServingConfig = SMALL) -> CoreConfig:
    config = replace(CONFIG, serving=serving)
    return config if defended else without("store_shares", config=config)


class Announcer:
    """Announces at one core, without a network between them, and keeps its tokens."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.tokens: dict[tuple[bytes, int], tuple[bytes, float]] = {}
        self.others: list[tuple[bytes, Endpoint]] = []
        """Datagrams that the core sent to others meanwhile."""

    def __call__(self, source: Endpoint, info_hash: int, now: float, port: int = 80) -> bool | None:
        """Whether the announce was stored; None if a query was not answered."""
        token, since = self.tokens.get((source, info_hash), (b"", -1000.0))
        if now - since > 280:
            reply = self._ask(GetPeers(b"aa", 7, info_hash), source, now)
            if not isinstance(reply, Reply) or reply.token is None:
                return None
            token = reply.token
            self.tokens[source, info_hash] = token, now
        answer = self._ask(AnnouncePeer(b"aa", 7, info_hash, port, token), source, now)
        return None if answer is None else isinstance(answer, Reply)

    def _ask(self, query: Any, source: Endpoint, now: float) -> Any:
        self.core.receive(krpc.encode(query), source, now)
        answer = None
        for payload, destination in self.core.drain_outbox():
            if destination == source and (message := krpc.decode(payload)).tid == b"aa":
                answer = message
            else:
                self.others.append((payload, destination))
        return answer


def new_core(config: CoreConfig) -> Core:
    return Core(config, random.Random(1), {Family.IPV4: OWN_ID, Family.IPV6: OWN_ID}, 0.0)


def host(subnet: str, number: int) -> Endpoint:
    return make_endpoint(f"{subnet}{number}", 7)


def fill(announce: Announcer, ranges: Sequence[str], *, each: int, spacing_s: float) -> float:
    """Info-hashes next to the own ID: nothing is worth more. Returns the time of the last one."""
    now = 0.0
    for number in range(each):
        for at, subnet in enumerate(ranges):
            now += spacing_s
            announce(host(subnet, number + 1), OWN_ID ^ (at * each + number + 1), now)
    return now


@pytest.mark.parametrize("ranges", RANGES)
@pytest.mark.parametrize("defended", [True, False])
def test_few_ranges_that_announce_info_hashes_next_to_the_own_id_keep_nobody_out(
    ranges: str, defended: bool
) -> None:
    announce = Announcer(new_core(with_shares(defended)))
    taken = RANGES[ranges]
    now = fill(announce, taken, each=max(2, 80 // len(taken)), spacing_s=0.2)
    newcomers = ("62.5.5.5", "2a02:7::1") if "one" in ranges else ("62.5.5.5",)
    for newcomer in newcomers:
        source = make_endpoint(newcomer, 6881)
        stored = [announce(source, tag, now + 1) for tag in TAGS[:2]]
        assert stored == [defended] * 2
    if defended:
        fill(announce, taken, each=max(2, 80 // len(taken)), spacing_s=0.2)
        for tag in TAGS[:2]:
            held = announce.core.stored_peers(tag, now + 2)
            assert len(held) == len(newcomers), "the attacker goes on, and takes nothing back"


@pytest.mark.parametrize("defended", [True, False])
def test_few_subnets_cannot_close_the_store_of_the_default_configuration(defended: bool) -> None:
    announce = Announcer(new_core(with_shares(defended, ServingConfig())))
    for number in range(2100):
        announce(host(f"45.1.{number % 8}.", 1), (number << 140) + 1, 0.2 * (number + 1))
    assert announce(make_endpoint("62.5.5.5", 7), OWN_ID + 5, 421.0) is defended


def test_an_attacker_that_announces_a_tag_first_cannot_take_the_peers_of_others_along() -> None:
    """The tag counts for the attacker's subnet, until that has to give something up."""
    announce = Announcer(new_core(with_shares(True)))
    assert announce(host("45.1.1.", 1), TAGS[0], 1.0)
    assert announce(make_endpoint("62.5.5.5", 7), TAGS[0], 2.0)
    for number in range(40):
        announce(host("45.1.1.", number % 9 + 1), OWN_ID ^ number, 3.0 + number)
    held = announce.core.stored_peers(TAGS[0], 50.0)
    assert make_endpoint("62.5.5.5", 80) in held


@pytest.mark.parametrize("defended", [True, False])
def test_many_ranges_at_one_info_hash_leave_a_place_for_the_latecomer(defended: bool) -> None:
    announce = Announcer(new_core(with_shares(defended)))
    now = 0.0
    for number in range(80):
        now += 0.2
        announce(host(f"{45 + number % 8}.1.{number // 32}.", number + 1), TAGS[0], now)
    late = make_endpoint("62.5.5.5", 7)
    assert announce(late, TAGS[0], now + 1) is defended
    for number in range(80):
        now += 0.2
        announce(host(f"{45 + number % 8}.1.{number // 32}.", 100 + number), TAGS[0], now)
    held = announce.core.stored_peers(TAGS[0], now)
    assert (make_endpoint("62.5.5.5", 80) in held) is defended
    assert len(held) == SMALL.max_peers_per_info_hash


@pytest.mark.parametrize("defended", [True, False])
def test_many_announces_in_all_leave_a_place_for_an_info_hash_with_few(defended: bool) -> None:
    serving = replace(SMALL, max_info_hashes=10, max_peers_stored=60)
    announce = Announcer(new_core(with_shares(defended, serving)))
    now = 0.0
    for number in range(200):
        now += 0.2
        announce(host(f"45.{1 + number % 8}.{number // 8}.", number + 1), number % 3, now)
    assert announce(make_endpoint("62.5.5.5", 7), TAGS[0], now + 1) is defended


@pytest.mark.parametrize("defended", [True, False])
def test_an_answer_has_a_peer_of_each_netgroup_before_a_second_of_any(defended: bool) -> None:
    announce = Announcer(new_core(with_shares(defended, ServingConfig())))
    now = 0.0
    for number in range(400):
        now += 0.2
        announce(host(f"{45 + number % 8}.1.{number // 64}.", number % 200 + 1), TAGS[0], now)
    honest = [make_endpoint(f"62.{number}.5.5", 80) for number in range(10)]
    for peer in honest:
        assert announce(peer, TAGS[0], now + 1)
    found = 0
    for number in range(20):
        asker = make_endpoint(f"80.{number}.1.1", 7)
        reply = announce._ask(GetPeers(b"aa", 7, TAGS[0]), asker, now + 2)
        found += len(set(reply.values) & set(honest))
    assert (found == 200) is defended


class Flood:
    """Attackers that announce at every node at the pace that its limits allow: info-hashes next to
    its ID, and themselves under the tags, again and again.
    """

    def __init__(
        self, world: World, nodes: list[Host], attackers: list[Endpoint], per_s: int
    ) -> None:
        self.world = world
        self.nodes = [(node, Announcer(node.node)) for node in nodes]
        self.attackers = attackers
        self.per_s = per_s
        self.turn = 0

    def second(self) -> None:
        for _ in range(self.per_s):
            self.turn += 1
            attacker = self.attackers[self.turn % len(self.attackers)]
            number = self.turn % 2400
            tag = TAGS[number // 5 % 4]
            for node, announce in self.nodes:
                if number % 5 == 0:
                    announce(attacker, tag, self.world.now, port=1 + number)
                else:
                    announce(attacker, node.id ^ number, self.world.now)
        for node, announce in self.nodes:
            for payload, destination in announce.others:
                self.world.send(node.endpoint, destination, payload)
            announce.others.clear()
            self.world.flush(node)


def attempts_under_attack(
    config: CoreConfig, attackers: int, *, alone_s: float, end_s: float, attempts: int, per_s: int
) -> int:
    """How many announces of an honest network were found. Each is of another peer, which comes late
    to stores that are full.
    """
    world = World(4, one_way_s=0.02)
    nodes = synthetic(world, 4, config)
    world.run(5)
    sources = [
        make_endpoint(f"{45 + number % 8}.1.1.{number // 8 + 1}", 7) for number in range(attackers)
    ]
    flood = Flood(world, nodes, sources, per_s)
    found = number = 0
    while number < attempts:
        flood.second()
        world.run(1.0)
        if world.now < alone_s + number * (end_s - alone_s) / attempts:
            continue
        tag, member, seeker = TAGS[number % 4], nodes[number // 4 % 4], nodes[(number // 4 + 1) % 4]
        number += 1
        port = 20_000 + number
        operation = member.node.announce(tag, port, world.now, family=Family.IPV4)
        world.flush(member)
        world.result(member, operation)
        looked = world.result(seeker, world.lookup(seeker, tag, kind=LookupKind.GET_PEERS))
        assert isinstance(looked, LookupFinished)
        found += ip_of(member.endpoint) + port.to_bytes(2, "big") in looked.result.peers
    return found


@pytest.mark.parametrize("defended", [True, False])
def test_the_tags_of_a_network_are_announced_and_found_while_the_stores_are_under_attack(
    defended: bool,
) -> None:
    found = attempts_under_attack(
        with_shares(defended), 16, alone_s=20, end_s=40, attempts=10, per_s=20
    )
    assert found == 10 if defended else found <= 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("defended", [True, False])
def test_64_attackers_at_full_pace_for_30_minutes_do_not_hide_the_tags_of_a_network(
    defended: bool,
) -> None:
    found = attempts_under_attack(
        with_shares(defended, ServingConfig()),
        64,
        alone_s=180,
        end_s=1800,
        attempts=100,
        per_s=300,
    )
    assert (found >= 99) if defended else (found <= 80), found


@pytest.mark.parametrize("defended", [True, False])
@pytest.mark.parametrize("put_first", [True, False])
def test_items_next_to_the_own_id_from_a_few_netgroups_keep_no_other_item_out(
    put_first: bool, defended: bool
) -> None:
    """With ``put_first`` the attacker puts a copy of the honest item before its owner does."""
    store = StoreConfig(max_items=40, items_per_subnet=8, items_per_netgroup=16)
    shares = FairShares(8, 16, NO_ROOM) if defended else WorthAlone(NO_ROOM)
    items = ItemStore(store, AddressPolicy(False), lambda: [OWN_ID], shares)
    honest, target, owner = Item(b"2:me"), TAGS[0], make_endpoint("62.5.5.5", 7)
    if put_first:
        items.put(target, honest, host("45.1.1.", 1), 0.0)
        items.put(target, honest, owner, 0.0)
    for number in range(200):
        source = host(f"{45 + number % 5}.1.{number // 5 % 4}.", number % 250 + 1)
        items.put(OWN_ID ^ number, Item(b"1:x"), source, 1.0)
    if not put_first:
        items.put(target, honest, owner, 2.0)
    assert (items.get(target, 3.0) == honest) is defended
    assert len(items) == store.max_items
