"""A network that starts at once, in virtual time: does everybody find everybody, and are those who
stop forgotten?
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
"""As `Node.peers` asks for; whoever was not is asked first."""
SIZES = [30, pytest.param(100, marks=pytest.mark.slow)]


def started(nodes: int, seed: int) -> tuple[World, list[Host]]:
    """All know the first, as in a devnet each knows some, and start within ten seconds."""
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
    return table | knows(host) | {peer.endpoint for peer in own._verifier.parts.book.peers()}


def handed_out(world: World, host: Host, asker: object) -> set[Endpoint]:
    """To the application, and to others who gossip."""
    own = peer_network(host)
    given = {
        peer.endpoint for peer in own.peers(1000, world.now, verified_within_s=VERIFIED_WITHIN_S)
    } | {peer.endpoint for peer in own._verifier.parts.view.sample(1000, world.now)}
    return given | {named.contact.endpoint for named in pull(world, asker, host)}  # type: ignore[arg-type]


@pytest.mark.parametrize("nodes", SIZES)
def test_each_has_verified_nearly_all_within_three_minutes_and_the_dead_stay_dead(
    nodes: int,
) -> None:
    world, hosts = started(nodes, seed=41)
    world.run(FOUND_WITHIN_S - 10.0)
    shares = sorted(len(verified_set(host) - {host.endpoint}) / (nodes - 1) for host in hosts)
    assert shares[0] >= 0.95, (
        f"the least that one has verified of the others; the median is {shares[nodes // 2]}"
    )

    dead, living = hosts[::5], [host for number, host in enumerate(hosts) if number % 5]
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
