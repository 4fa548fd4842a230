"""How fast rounds follow one another: fast while answers name many that we had not heard of, slow
when they name the same ones again.
"""

from __future__ import annotations

from kadisc.wire.gossip import NamedPeer
from tests.support.community import acquaint, member, peer_network, stranger
from tests.support.world import CONFIG, World

FAST_S, SLOW_S = CONFIG.gossip.round_s, CONFIG.gossip.max_round_s


def rounds_between(seconds: float, names: int) -> tuple[int, int, float]:
    """Of somebody with 20 partners, each of whom names 16 of so many others, other ones each time:
    rounds in ``seconds`` after the first 25, in as many again, and the pace then.
    """
    world = World(seed=31)
    us = member(world, 1)
    others = [stranger(world, 1000 + number) for number in range(names)]
    partners = [stranger(world, 300 + number) for number in range(20)]

    for partner in partners:

        def choose(*_: object, partner=partner) -> None:  # type: ignore[no-untyped-def]
            partner.peers = [NamedPeer(each.contact, 2, 0) for each in world.rng.sample(others, 16)]

        partner.when_asked = choose
    acquaint(world, us, *(partner.endpoint for partner in partners))
    counts = []
    for duration in (25 * FAST_S, seconds, seconds):
        world.run(duration)
        counts.append(peer_network(us).snapshot(world.now).view.rounds)
    return counts[1] - counts[0], counts[2] - counts[1], peer_network(us)._rounds.round_s


def test_rounds_are_fast_while_most_of_the_network_is_unheard_of() -> None:
    early, late, pace_s = rounds_between(600.0, names=1500)
    assert min(early, late) >= 0.8 * 600.0 / FAST_S
    assert pace_s == FAST_S


def test_rounds_slow_down_when_answers_name_whom_we_know() -> None:
    early, late, pace_s = rounds_between(1200.0, names=60)
    assert late <= 1.5 * 1200.0 / SLOW_S
    assert pace_s == SLOW_S
    assert early < 0.6 * 1200.0 / FAST_S


def test_new_faces_that_others_named_are_asked_whom_they_know_while_much_is_unheard_of() -> None:
    world = World(seed=32)
    us = member(world, 1)
    others = [stranger(world, 1000 + number) for number in range(1500)]
    partners = [stranger(world, 300 + number) for number in range(20)]
    for partner in partners:
        partner.peers = [NamedPeer(each.contact, 2, 0) for each in world.rng.sample(others, 16)]
    acquaint(world, us, *(partner.endpoint for partner in partners))
    world.run(100 * FAST_S)
    asked = sum(any(query.want for query in each.gossip()) for each in others)
    assert asked >= 150, "one a round would be 100 at most"
