"""The peer store: bounded in every direction, each peer removed after half an hour."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from kadisc.config import ServingConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.serving.peer_rings import Announce, PeerRings
from kadisc.core.serving.peer_store import PeerStore
from kadisc.core.serving_assembly import peers_for
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Endpoint, Family, make_endpoint
from tests.support.contacts import OWN_ID, address6
from tests.support.world import CONFIG as NODE
from tests.support.world import address, without

CONFIG = ServingConfig()
ASKER = address(9999)
LIFE_S = CONFIG.peer_lifetime_s


def store(*, allow_private: bool = False, defended: bool = True, **bounds: int) -> PeerStore:
    config = replace(
        NODE if defended else without("store_shares"), serving=replace(CONFIG, **bounds)
    )
    tables = {Family.IPV4: table(allow_private=allow_private)}
    return peers_for(config, tables, random.Random(1), AddressPolicy(allow_private))


def table(*, allow_private: bool) -> RoutingTable:
    scopes = AddressPolicy(allow_private)
    return RoutingTable(Family.IPV4, OWN_ID, NODE.table, scopes, NoDiversityCaps())


def test_a_peer_is_found_under_its_info_hash_alone() -> None:
    peers = store()
    assert peers.add(1, address(1), 0) is None
    assert peers.sample(1, ASKER, 10, 1) == [address(1)]
    assert peers.sample(2, ASKER, 10, 1) == []


def test_a_peer_is_stored_once_and_removed_after_its_lifetime() -> None:
    peers = store()
    peers.add(1, address(1), 0)
    peers.add(1, address(1), 1000)
    assert len(peers) == 1
    assert peers.deadline <= 1000 + LIFE_S
    assert peers.sample(1, ASKER, 10, 1000 + LIFE_S - 1) == [address(1)], "renewed"
    assert peers.sample(1, ASKER, 10, 1000 + LIFE_S) == []
    assert (len(peers), peers.info_hashes, peers.deadline) == (0, 0, float("inf"))


def test_each_peer_expires_by_itself() -> None:
    peers = store()
    for number in range(5):
        peers.add(number % 2, address(number), number * 100)
    peers.expire(200 + LIFE_S)
    assert (len(peers), peers.info_hashes) == (2, 2)
    assert peers.deadline == 300 + LIFE_S


def test_at_each_bound_new_peers_are_refused_and_stored_ones_renewed() -> None:
    full = store(max_peers_stored=3)
    crowded = store(max_peers_per_info_hash=3)
    for number in range(3):
        assert full.add(number, address(number), 0) is None
        assert crowded.add(1, address(number), 0) is None
    assert full.add(9, address(9), 1) == "store-full"
    assert crowded.add(1, address(9), 1) == "store-peers"
    assert crowded.add(2, address(9), 1) is None
    assert full.add(0, address(0), 1) is crowded.add(1, address(0), 1) is None
    assert full.add(9, address(9), LIFE_S) is None, "two of the three have expired by then"


def test_info_hashes_are_bounded() -> None:
    peers = store(max_info_hashes=2)
    assert [peers.add(info_hash, address(info_hash), 0) for info_hash in range(3)] == [
        None,
        None,
        "store-info-hashes",
    ]
    assert peers.add(0, address(7), 0) is None


def test_one_subnet_cannot_fill_the_store() -> None:
    for hosts in (
        [make_endpoint(f"99.9.9.{number}", 1) for number in range(1, 6)],
        [make_endpoint(f"2a00:1:2:{number}::1", 1) for number in range(1, 6)],
    ):
        peers = store(max_stored_per_subnet=3)
        assert [peers.add(number, host, 0) for number, host in enumerate(hosts)] == [None] * 3 + [
            "store-subnet"
        ] * 2
        assert peers.add(1, address(1), 0) is None
        assert peers.add(5, hosts[4], LIFE_S) is None, "the others have expired"


@pytest.mark.parametrize("hosts", ["99.9.9.{}", "2a00:1:2:{}::1"])
@pytest.mark.parametrize("defended", [True, False])
def test_one_subnet_does_not_fill_most_of_the_answers_for_an_info_hash(
    hosts: str, defended: bool
) -> None:
    """A subnet announces 200 peers beside 40 of others: without the defence it has most answers."""
    peers = store(defended=defended)
    theirs = [make_endpoint(hosts.format(number), 1) for number in range(1, 201)]
    honest = [(address if len(theirs[0]) == 6 else address6)(number) for number in range(40)]
    refused = [peers.add(1, peer, 0) for peer in (*theirs, *honest)]
    assert refused.count("store-share") == (
        200 - CONFIG.max_per_subnet_in_info_hash if defended else 0
    )
    assert refused[-40:] == [None] * 40
    answers = [
        peers.sample(1, (address if len(theirs[0]) == 6 else address6)(500 + asker), 20, 0)
        for asker in range(50)
    ]
    share = sum(peer in theirs for answer in answers for peer in answer) / (20 * 50)
    assert (share < 0.4) is defended
    peers.expire(LIFE_S)
    assert peers.add(1, theirs[-1], LIFE_S) is None, "the others have expired"


@pytest.mark.parametrize("defended", [True, False])
def test_frequent_queries_from_one_subnet_do_not_read_out_all_peers(
    defended: bool,
) -> None:
    peers = store(defended=defended)
    for number in range(100):
        peers.add(1, address(number), 0)
    samples = [peers.sample(1, ASKER, 10, 1) for _ in range(50)]
    assert all(len(set(sample)) == 10 for sample in samples)
    assert (len({peer for sample in samples for peer in sample}) == 10) is defended
    others = {
        peer for asker in range(200) for peer in peers.sample(1, address(1000 + asker), 10, 1)
    }
    assert len(others) > 90, "other subnets receive the other peers"
    assert set(peers.sample(1, ASKER, 10, CONFIG.answer_fixed_s + 1)) != set(samples[0])


def test_an_asker_receives_peers_of_its_own_family() -> None:
    peers = store()
    peers.add(1, address(1), 0)
    peers.add(1, address6(1), 0)
    assert peers.sample(1, ASKER, 10, 0) == [address(1)]
    assert peers.sample(1, address6(99), 10, 0) == [address6(1)]


def test_a_private_peer_is_sent_only_to_its_own_scope() -> None:
    lan, other, loopback = (
        make_endpoint("192.168.1.2", 1),
        make_endpoint("10.0.0.1", 1),
        make_endpoint("127.0.0.1", 1),
    )
    peers = store()
    for peer in (lan, loopback, address(1)):
        peers.add(1, peer, 0)
    assert peers.sample(1, ASKER, 10, 0) == [address(1)]
    assert peers.sample(1, other, 10, 0) == [lan, address(1)]
    assert peers.sample(1, loopback, 10, 0) == [loopback, address(1)]
    lab = store(allow_private=True)
    lab.add(1, lan, 0)
    assert lab.sample(1, ASKER, 10, 0) == [lan]


def test_the_peers_are_ranked_once_an_hour_whoever_asks_and_whatever_comes_and_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An answer that sorts 500 peers costs as much as 26 of those to find_node, and forged askers
    are all different.
    """
    ranked: list[int] = []
    rank = PeerRings.rank

    def counted(
        self: PeerRings, hour: int, secret: bytes, peers: Mapping[Endpoint, Announce]
    ) -> None:
        ranked.append(hour)
        rank(self, hour, secret, peers)

    monkeypatch.setattr(PeerRings, "rank", counted)
    peers = store(max_peers_per_info_hash=500)
    for number in range(400):
        assert peers.add(1, address(number), 0.0) is None
    for number in range(300):
        assert peers.add(1, address(1000 + number % 50), float(number)) is None
        asker = address(5000 + number)
        chosen = peers.sample(1, asker, 80, float(number))
        assert len(set(chosen)) == 80
        assert set(chosen) <= set(peers.held(1, float(number)))
    assert ranked == [0]
    seen = {each for number in range(100) for each in peers.sample(1, address(number), 80, 400.0)}
    assert len(seen) >= 0.95 * len(peers.held(1, 400.0)), "all are given to somebody"
    later = CONFIG.answer_fixed_s + 1
    peers.add(1, address(9), later)
    assert peers.sample(1, address(5), 80, later) == [address(9)], "the others have expired"
