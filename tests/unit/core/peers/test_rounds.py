"""The pace of rounds: fast while answers name many new peers, slow when they name known ones."""

from __future__ import annotations

from kadisc.wire.gossip import NamedPeer
from tests.support.community import introduce, member, peer_network, stranger
from tests.support.world import CONFIG, World

FAST_S, SLOW_S = CONFIG.gossip.round_s, CONFIG.gossip.max_round_s


def rounds_between(seconds: float, names: int) -> tuple[int, int, float]:
    """Of a node with 20 partners, each of which names 16 of ``names`` others, other ones each time:
    the rounds in ``seconds`` after the first 25, in the same time after that, and the pace then.
    """
    world = World(seed=31)
    us = member(world, 1)
    others = [stranger(world, 1000 + number) for number in range(names)]
    partners = [stranger(world, 300 + number) for number in range(20)]

    for partner in partners:

        def choose(*_: object, partner=partner) -> None:  # type: ignore[no-untyped-def]
            partner.peers = [NamedPeer(each.contact, 2, 0) for each in world.rng.sample(others, 16)]

        partner.when_asked = choose
    introduce(world, us, *(partner.endpoint for partner in partners))
    counts = []
    for duration in (25 * FAST_S, seconds, seconds):
        world.run(duration)
        counts.append(peer_network(us).snapshot(world.now).view.rounds)
    return (
        counts[1] - counts[0],
        counts[2] - counts[1],
        peer_network(us).snapshot(world.now).round_s,
    )


def test_rounds_are_fast_while_most_of_the_network_is_unknown() -> None:
    early, late, pace_s = rounds_between(600.0, names=1500)
    assert min(early, late) >= 0.8 * 600.0 / FAST_S
    assert pace_s == FAST_S


def test_rounds_slow_down_when_answers_name_known_peers() -> None:
    early, late, pace_s = rounds_between(1200.0, names=60)
    assert late <= 1.5 * 1200.0 / SLOW_S
    assert pace_s == SLOW_S
    assert early < 0.6 * 1200.0 / FAST_S


def test_newly_verified_peers_that_others_named_are_asked_for_peers_while_much_is_unknown() -> None:
    world = World(seed=32)
    us = member(world, 1)
    others = [stranger(world, 1000 + number) for number in range(1500)]
    partners = [stranger(world, 300 + number) for number in range(20)]
    for partner in partners:
        partner.peers = [NamedPeer(each.contact, 2, 0) for each in world.rng.sample(others, 16)]
    introduce(world, us, *(partner.endpoint for partner in partners))
    world.run(100 * FAST_S)
    asked = sum(any(query.want for query in each.gossip()) for each in others)
    assert asked >= 150, "one a round would be 100 at most"
