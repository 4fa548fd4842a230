"""Attack: a peer of the own network is verified once and answers errors alone from then on, so that
it costs nothing to keep its place. It loses its slot, and is neither named nor given to anybody.
"""

from __future__ import annotations

from kadisc.endpoints import Endpoint
from tests.support.community import introduce, knows, member, peer_network, stranger
from tests.support.world import World


def test_a_peer_that_answers_errors_alone_is_neither_named_nor_given_to_anybody() -> None:
    world = World(7, one_way_s=0.02)
    host, others = member(world, 1), [member(world, number) for number in range(2, 5)]
    evil = stranger(world, 50)
    introduce(world, host, evil.endpoint, *(each.endpoint for each in others))
    network = peer_network(host)

    def given() -> set[Endpoint]:
        return {peer.endpoint for peer in network.peers(10, world.now)}

    assert evil.endpoint in given()
    evil.error = 202
    network.set_services({"eth": 9}, world.now)  # all peers are told at once
    world.flush(host)
    world.run(30)
    assert evil.endpoint not in knows(host)
    assert evil.endpoint not in given()
    assert network.components.view.slots_of(evil.endpoint) == 0
    assert given() == {each.endpoint for each in others}
