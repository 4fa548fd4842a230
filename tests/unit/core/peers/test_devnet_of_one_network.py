"""A network whose nodes all start at once, in virtual time: each node finds the others, and forgets
those that stop.
"""

from __future__ import annotations

import pytest

from kadisc.endpoints import Endpoint
from tests.support.community import knows, member, peer_network, pull, stranger, verified
from tests.support.world import Host, World

FOUND_WITHIN_S = 180.0
FORGOTTEN_AFTER_S = 300.0
STAYS_DEAD_S = 1800.0
VERIFIED_WITHIN_S = 120.0
"""As `Node.peers` asks for; a peer that was not verified in that time is checked first."""
SIZES = [16, *(pytest.param(size, marks=pytest.mark.slow) for size in (30, 100))]


def started(nodes: int, seed: int) -> tuple[World, list[Host]]:
    """Each node knows up to three others, as in a devnet, and all start within ten seconds."""
    world = World(seed)
    hosts: list[Host] = []
    for number in range(nodes):
        host = member(world, number)
        world.join(host, world.rng.sample(hosts, min(3, len(hosts))))
        hosts.append(host)
        world.run(10.0 / nodes)
    return world, hosts


def verified_set(host: Host) -> set[Endpoint]:
    """Table, slots and book together."""
    own = peer_network(host)
    table = {
        entry.contact.endpoint
        for dht in host.node.dhts.values()
        for bucket in dht.table.buckets()
        for entry in bucket.entries
    }
    return table | knows(host) | {peer.endpoint for peer in own.components.book.peers()}


def handed_out(world: World, host: Host, asker: object) -> set[Endpoint]:
    """The peers that the application and a gossiping node are given."""
    own = peer_network(host)
    given = {
        peer.endpoint for peer in own.peers(1000, world.now, verified_within_s=VERIFIED_WITHIN_S)
    } | {peer.endpoint for peer in own.components.view.sample(1000, world.now)}
    return given | {named.contact.endpoint for named in pull(world, asker, host)}  # type: ignore[arg-type]


@pytest.mark.parametrize("nodes", SIZES)
def test_each_node_verifies_nearly_all_within_three_minutes_and_dead_peers_stay_away(
    nodes: int,
) -> None:
    world, hosts = started(nodes, seed=41)
    world.run(FOUND_WITHIN_S - 10.0)
    shares = sorted(len(verified_set(host) - {host.endpoint}) / (nodes - 1) for host in hosts)
    assert shares[0] >= 0.95, (
        f"the smallest share that a node has verified; the median is {shares[nodes // 2]}"
    )

    dead = hosts[::5]
    living = [host for number, host in enumerate(hosts) if number % 5]
    gone = {host.endpoint for host in dead}
    for host in dead:
        world.kill(host)
    world.run(FORGOTTEN_AFTER_S)
    asker = stranger(world, 900)
    for host in living:
        assert not gone & handed_out(world, host, asker)
        host.events.clear()
    world.run(STAYS_DEAD_S)
    for host in living:
        assert not gone & set(verified(host))
        assert not gone & handed_out(world, host, asker)
