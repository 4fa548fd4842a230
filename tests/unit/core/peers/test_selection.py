"""Whom the application is given first, when several sources have somebody to offer."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from kadisc.config import GossipConfig
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.known_peers import Known
from kadisc.endpoints import Endpoint
from tests.support.community import member, peer_network, pull, stranger
from tests.support.peers import peer
from tests.support.world import CONFIG, Host, World, without

HONEST, FLOODERS, MET = 420, 180, 60
"""A network of 600 in which flooders are three in ten, and how many of the honest were met because
they pushed, too.
"""


def a_member(defended: bool = True, seed: int = 3) -> Host:
    return member(World(seed=seed), 1, config=CONFIG if defended else without("ranked_peers"))


def everybody() -> tuple[list[VerifiedPeer], list[VerifiedPeer]]:
    """The honest and the flooders."""
    return [peer(number) for number in range(2, 2 + HONEST)], [
        peer(600 + number) for number in range(FLOODERS)
    ]


def has_met(us: Host, *peers: VerifiedPeer) -> None:
    """As `PeerVerifier` tells view and book of whoever exchanged records with us."""
    parts = peer_network(us)._verifier.parts
    for each in peers:
        parts.book.verified(each, 0.0, source=each.endpoint)
        parts.view.offer(each, 0.0)


def rounds_pass(us: Host, heard_of: Sequence[VerifiedPeer], rounds: int) -> None:
    """As `GossipRounds` does it: those heard of are met when they would win a young slot."""
    parts, by_endpoint = (
        peer_network(us)._verifier.parts,
        {each.endpoint: each for each in heard_of},
    )
    for number in range(rounds):
        parts.view.round(0.0)
        parts.book.mark_held_slot(parts.view.aged())
        if number % GossipConfig().reseed_every_rounds == 0:
            has_met(
                us, *(by_endpoint[endpoint] for endpoint in parts.view.challengers(by_endpoint))
            )


def given(us: Host, count: int, but_not: Sequence[bytes] = ()) -> list[VerifiedPeer]:
    return peer_network(us).peers(count, 0.0, but_not=but_not)


def share(peers: Sequence[VerifiedPeer], of: set[Endpoint]) -> float:
    return sum(each.endpoint in of for each in peers) / len(peers)


@pytest.mark.parametrize("defended", [True, False])
def test_who_is_loud_is_met_by_everybody_and_not_given_more_often_for_that(defended: bool) -> None:
    """All flooders were met, and of the honest a part, beside those that won slots. Six
    applications want 20 peers each, at ten times.
    """
    honest, flooders = everybody()
    theirs = {each.endpoint for each in flooders}
    drawn: list[VerifiedPeer] = []
    for seed in range(6):
        us = a_member(defended, seed)
        has_met(us, *random.Random(seed).sample(honest, MET), *flooders)
        parts = peer_network(us)._verifier.parts
        has_met(us, *(each for each in (*honest, *flooders) if parts.view.would_win(each.endpoint)))
        rounds_pass(us, [*honest, *flooders], 30)
        mine = [each for _ in range(10) for each in given(us, 20)]
        assert len(mine) == 200
        assert len({each.key for each in mine}) >= 40, "not the same few again and again"
        drawn += mine
    fair = FLOODERS / (HONEST + FLOODERS)
    assert (share(drawn, theirs) <= 1.15 * fair) is defended


@pytest.mark.parametrize("defended", [True, False])
def test_who_is_loud_is_met_by_everybody_and_not_named_to_others_more_often_for_that(
    defended: bool,
) -> None:
    """Those named hold slots, as far as there are so many; and so flooders are three in ten of
    them, not most.
    """
    honest, flooders = everybody()
    theirs = {each.endpoint for each in flooders}
    named: list[Endpoint] = []
    for seed in range(6):
        world = World(seed=seed)
        us = member(world, 1, config=CONFIG if defended else without("ranked_peers"))
        verifier = peer_network(us)._verifier
        met = {each.key: each for each in (*random.Random(seed).sample(honest, MET), *flooders)}
        has_met(us, *met.values())
        met |= {
            each.key: each
            for each in (*honest, *flooders)
            if verifier.parts.view.would_win(each.endpoint)
        }
        has_met(us, *met.values())
        for each in met.values():
            verifier.known.put(
                Known(
                    each,
                    b"",
                    each.endpoint,
                    4,
                    True,
                    False,
                    None,
                    verified_at=world.now,
                    traffic_at=world.now,
                )
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


def test_more_than_ranks_have_chosen_comes_from_the_rest_of_the_book() -> None:
    us = a_member()
    has_met(us, *(peer(number) for number in range(2, 202)))
    rounds_pass(us, [], 25)
    assert {each.endpoint for each in given(us, 20)} <= set(
        peer_network(us)._verifier.parts.view.aged()
    )
    taken: list[VerifiedPeer] = []
    while more := given(us, 20, [each.key for each in taken]):
        taken += more
    assert len({each.key for each in taken}) == len(taken) >= 180


def test_who_held_a_slot_is_given_before_others_of_the_book() -> None:
    us = a_member()
    has_met(us, *(peer(number) for number in range(2, 202)))
    rounds_pass(us, [], 25)
    had_slots = set(peer_network(us)._verifier.parts.view.aged())
    rounds_pass(us, [], 40)
    have = set(peer_network(us)._verifier.parts.view.aged())
    assert had_slots - have
    drawn = [each.endpoint for each in given(us, len(had_slots | have))]
    assert set(drawn[: len(have)]) == have
    assert len(had_slots - set(drawn)) <= 2, "but for one that has lost its place in the book, too"


def test_who_has_no_old_slots_yet_is_given_whom_it_met() -> None:
    us = a_member()
    has_met(us, *(peer(number) for number in range(2, 32)))
    assert peer_network(us)._verifier.parts.view.aged() == []
    assert len(given(us, 20)) == 20
