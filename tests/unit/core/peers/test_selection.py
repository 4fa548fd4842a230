"""Which peers the application is given first, when several sources offer some."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from kadisc.config import GossipConfig
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.known_peers import KnownPeer
from kadisc.endpoints import Endpoint
from tests.support.community import member, peer_network, pull, stranger
from tests.support.peers import answering, challengers, peer
from tests.support.world import CONFIG, Host, World, without

HONEST = 420
FLOODERS = 180
"""Of a network of 600, three in ten."""
VERIFIED = 60
"""Honest peers that were verified because they pushed, too."""


def a_member(defended: bool = True, seed: int = 3) -> Host:
    return member(World(seed=seed), 1, config=CONFIG if defended else without("ranked_peers"))


def all_peers() -> tuple[list[VerifiedPeer], list[VerifiedPeer]]:
    """The honest peers and the flooders."""
    honest = [peer(number) for number in range(2, 2 + HONEST)]
    return honest, [peer(600 + number) for number in range(FLOODERS)]


def has_verified(us: Host, *peers: VerifiedPeer) -> None:
    """Does what `PeerVerifier` does to view and book after an exchange of records."""
    parts = peer_network(us).components
    for each in peers:
        status = answering(each)
        parts.book.verified(status, 0.0, source=each.endpoint)
        parts.view.offer(status, 0.0)


def rounds_pass(us: Host, reported: Sequence[VerifiedPeer], rounds: int) -> None:
    """Does what `GossipRounds` does: reported peers are verified if they would win a young slot."""
    parts = peer_network(us).components
    by_endpoint = {each.endpoint: each for each in reported}
    for number in range(rounds):
        parts.view.round(0.0)
        parts.book.mark_held_slot(parts.view.mature_holders())
        if number % GossipConfig().reseed_every_rounds == 0:
            winners = challengers(parts.view, by_endpoint)
            has_verified(us, *(by_endpoint[endpoint] for endpoint in winners))


def given(us: Host, count: int, but_not: Sequence[bytes] = ()) -> list[VerifiedPeer]:
    return peer_network(us).peers(count, 0.0, but_not=but_not)


def share(peers: Sequence[VerifiedPeer], of: set[Endpoint]) -> float:
    return sum(each.endpoint in of for each in peers) / len(peers)


@pytest.mark.parametrize("defended", [True, False])
def test_a_flooder_is_verified_by_every_node_and_not_given_more_often_for_that(
    defended: bool,
) -> None:
    """All flooders were verified, and of the honest peers a part, beside those that won slots. Six
    applications ask for 20 peers each, ten times.
    """
    honest, flooders = all_peers()
    theirs = {each.endpoint for each in flooders}
    drawn: list[VerifiedPeer] = []
    for seed in range(6):
        us = a_member(defended, seed)
        has_verified(us, *random.Random(seed).sample(honest, VERIFIED), *flooders)
        parts = peer_network(us).components
        has_verified(
            us, *(each for each in (*honest, *flooders) if parts.view.would_win(each.endpoint))
        )
        rounds_pass(us, [*honest, *flooders], 30)
        mine = [each for _ in range(10) for each in given(us, 20)]
        assert len(mine) == 200
        assert len({each.key for each in mine}) >= 40, "not the same few again and again"
        drawn += mine
    fair = FLOODERS / (HONEST + FLOODERS)
    assert (share(drawn, theirs) <= 1.15 * fair) is defended


@pytest.mark.parametrize("defended", [True, False])
def test_a_flooder_is_verified_by_every_node_and_not_named_more_often_for_that(
    defended: bool,
) -> None:
    """Peers that are named hold slots, as far as there are enough; so flooders are three in ten of
    them, not most.
    """
    honest, flooders = all_peers()
    theirs = {each.endpoint for each in flooders}
    named: list[Endpoint] = []
    for seed in range(6):
        world = World(seed=seed)
        us = member(world, 1, config=CONFIG if defended else without("ranked_peers"))
        own = peer_network(us)
        known = {
            each.key: each for each in (*random.Random(seed).sample(honest, VERIFIED), *flooders)
        }
        has_verified(us, *known.values())
        known |= {
            each.key: each
            for each in (*honest, *flooders)
            if own.components.view.would_win(each.endpoint)
        }
        has_verified(us, *known.values())
        for each in known.values():
            own.verifier.known.put(
                KnownPeer(answering(each, world.now), b"", each.endpoint, 4, True, False, world.now)
            )
        named += [
            each.contact.endpoint
            for number in range(900, 910)
            for each in pull(world, stranger(world, number), us)
        ]
    fair = FLOODERS / (HONEST + FLOODERS)
    assert len(named) == 6 * 10 * CONFIG.gossip.pull_entries
    theirs_of_named = sum(endpoint in theirs for endpoint in named) / len(named)
    assert theirs_of_named <= 1.25 * fair if defended else theirs_of_named >= 1.6 * fair


def test_more_peers_than_ranks_have_chosen_come_from_the_rest_of_the_book() -> None:
    us = a_member()
    has_verified(us, *(peer(number) for number in range(2, 202)))
    rounds_pass(us, [], 25)
    assert {each.endpoint for each in given(us, 20)} <= set(
        peer_network(us).components.view.mature_holders()
    )
    taken: list[VerifiedPeer] = []
    while more := given(us, 20, [each.key for each in taken]):
        taken += more
    assert len({each.key for each in taken}) == len(taken) >= 180


def test_a_peer_that_held_a_slot_is_given_before_others_of_the_book() -> None:
    us = a_member()
    has_verified(us, *(peer(number) for number in range(2, 202)))
    rounds_pass(us, [], 25)
    had_slots = set(peer_network(us).components.view.mature_holders())
    rounds_pass(us, [], 40)
    have = set(peer_network(us).components.view.mature_holders())
    assert had_slots - have
    drawn = [each.endpoint for each in given(us, len(had_slots | have))]
    assert set(drawn[: len(have)]) == have
    assert len(had_slots - set(drawn)) <= 2, (
        "but for one that has lost its place in the book as well"
    )


def test_an_application_without_mature_slots_is_given_verified_peers() -> None:
    us = a_member()
    has_verified(us, *(peer(number) for number in range(2, 32)))
    assert peer_network(us).components.view.mature_holders() == []
    assert len(given(us, 20)) == 20
