"""Half of all peers are in a few networks: which peers gossip names, and which it exchanges with.
The attack works where addresses are drawn, and fails where networks are.
"""

from __future__ import annotations

import random

import pytest

from kadisc.core.addressing.netgroup_sampling import draw_by_prefix
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.addressing import each_endpoint_alone
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.known_peers import MAX_KNOWN, KnownPeer, KnownPeers
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.community import introduce, knows, member, peer_network, pull, stranger
from tests.support.peers import answering
from tests.support.world import CONFIG, Host, World, address, without

ON_OFF = pytest.mark.parametrize("defended", [True, False])
CROWD = [
    make_endpoint(f"80.80.{network}.{number}", 6881)
    for number in range(1, 13)
    for network in range(3)
]
HONEST = range(300, 330)


def with_crowd(world: World, defended: bool) -> tuple[Host, set[Endpoint]]:
    """A node that knows 30 peers in 30 networks, and those of 36 in three that won a slot."""
    us = member(world, 1, config=CONFIG if defended else without("subnet_sampling"))
    others = [stranger(world, number).endpoint for number in HONEST]
    crowd = [stranger(world, 500 + number, at=at).endpoint for number, at in enumerate(CROWD)]
    for start in range(0, len(others), 15):
        introduce(world, us, *others[start : start + 15])
    for start in range(0, len(crowd), 6):
        introduce(world, us, *crowd[start : start + 6])
    there = knows(us) & set(crowd)
    assert len(there) >= 24
    assert set(others) <= knows(us)
    return us, there


@ON_OFF
def test_a_crowd_in_three_networks_is_not_most_of_what_answers_name(defended: bool) -> None:
    world = World(seed=21)
    us, crowd = with_crowd(world, defended)
    answers = [
        [named.contact.endpoint for named in pull(world, stranger(world, number), us)]
        for number in range(60, 80)
    ]
    assert all(len(answer) == CONFIG.gossip.pull_entries for answer in answers)
    theirs = sum(endpoint in crowd for answer in answers for endpoint in answer) / (
        len(answers) * CONFIG.gossip.pull_entries
    )
    assert theirs <= 0.15 if defended else theirs >= 0.35
    if defended:
        seated = {
            address(number)
            for number in HONEST
            if peer_network(us).components.view.slots_of(address(number))
        }
        assert len(seated) >= 20
        assert {endpoint for answer in answers for endpoint in answer} >= seated, (
            "each is in an answer"
        )


def test_the_first_of_each_network_are_named_before_the_second_of_any() -> None:
    world = World(seed=22)
    us, _ = with_crowd(world, defended=True)
    for number in range(60, 70):
        named = [named.contact.endpoint for named in pull(world, stranger(world, number), us)]
        assert len({endpoint[:3] for endpoint in named}) == len(named)


@ON_OFF
def test_a_crowd_in_three_networks_is_not_most_of_the_partners(
    defended: bool,
) -> None:
    crowd = set(CROWD)
    honest = [address(number) for number in range(9)]
    rng = random.Random(23)
    network_of = AddressPolicy(allow_private=False).subnet if defended else each_endpoint_alone
    drawn = [draw_by_prefix([*honest, *CROWD], network_of, rng) for _ in range(1000)]
    theirs = sum(endpoint in crowd for endpoint in drawn) / len(drawn)
    assert theirs == pytest.approx(0.25 if defended else 0.8, abs=0.05)
    assert set(drawn) == {*honest, *crowd}


@ON_OFF
def test_a_crowd_in_three_networks_is_forgotten_first_when_too_many_are_known(
    defended: bool,
) -> None:
    scopes = AddressPolicy(allow_private=False)
    peers = KnownPeers(scopes.host, scopes.subnet if defended else each_endpoint_alone)
    crowd = [make_endpoint(f"80.80.{number % 3}.{number // 3 + 1}", 6881) for number in range(300)]
    honest = [address(number) for number in range(MAX_KNOWN - 100)]
    for now, endpoint in enumerate([*honest, *crowd]):  # the crowd answered last
        peer = VerifiedPeer(endpoint.ljust(32, b"\0"), endpoint, 1, b"", 1, {})
        peers.put(KnownPeer(answering(peer, now), b"", endpoint, 4, True, False, now))
        surplus = peers.surplus(lambda known: False)
        if surplus is not None:
            peers.remove(surplus.peer.endpoint)
    assert len(peers) == MAX_KNOWN
    assert sum(known.peer.endpoint in crowd for known in peers) == (100 if defended else 300)


def test_a_needed_peer_is_not_forgotten_however_crowded_its_network_is() -> None:
    scopes = AddressPolicy(allow_private=False)
    peers = KnownPeers(scopes.host, scopes.subnet)
    for number in range(MAX_KNOWN + 1):
        endpoint = CROWD[number] if number < 20 else address(number)
        peers.put(
            KnownPeer(
                answering(VerifiedPeer(endpoint.ljust(32, b"\0"), endpoint, 1, b"", 1, {}), number),
                b"",
                endpoint,
                4,
                True,
                False,
                number,
            )
        )
    needed = set(CROWD[:20])
    surplus = peers.surplus(lambda known: known.peer.endpoint in needed)
    assert surplus is not None
    assert surplus.peer.endpoint == address(20), "of the others the one that answered longest ago"
