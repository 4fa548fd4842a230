"""Several peers at one address: the first is a peer like any other, further ones are kept for the
application alone, within bounds; and what the limits by subnet leave out is told once.
"""

from __future__ import annotations

import pytest

from kadisc.core.contract.events import OwnAddressShared, PeersBeyondCaps
from kadisc.core.peers.shared_addresses import MAX_AT_ONE_ADDRESS
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.observe.describe import words_for
from tests.support.community import (
    introduce,
    knows,
    member,
    peer_network,
    pull,
    refused,
    stranger,
)
from tests.support.world import Host, World


def at_one_address(port: int) -> Endpoint:
    return make_endpoint("45.2.3.4", port)


def told(host: Host) -> list[PeersBeyondCaps | OwnAddressShared]:
    return [each for each in host.events if isinstance(each, PeersBeyondCaps | OwnAddressShared)]


def test_the_second_peer_at_an_address_is_known_and_has_no_share_of_anything_else() -> None:
    world = World(1)
    host = member(world, 0)
    ports = [at_one_address(7001), at_one_address(7002)]
    for number, endpoint in enumerate(ports):
        stranger(world, 50 + number, at=endpoint)
        introduce(world, host, endpoint)
    assert knows(host) == set(ports)
    network = peer_network(host)
    view, book = network.components.view, network.components.book
    assert [bool(view.slots_of(endpoint)) for endpoint in ports] == [True, False]
    assert [book.why(endpoint, world.now) is not None for endpoint in ports] == [True, False]
    assert book.verified_count == 1
    assert not host.node.dhts[host.family].table.holds(ports[1])
    asker = stranger(world, 60)
    assert {each.contact.endpoint for each in pull(world, asker, host)} == {ports[0]}


def test_the_second_peer_at_an_address_takes_the_place_of_a_first_that_is_silent() -> None:
    world = World(2)
    host = member(world, 0)
    first, second = at_one_address(7001), at_one_address(7002)
    silent = stranger(world, 50, at=first)
    stranger(world, 51, at=second)
    introduce(world, host, first, second)
    silent.answers = False
    world.run(600.0)
    assert knows(host) == {second}
    view = peer_network(host).components.view
    assert view.slots_of(second) > 0
    assert peer_network(host).why(second, world.now) is not None


def test_further_peers_at_one_address_are_bounded() -> None:
    world = World(3)
    host = member(world, 0)
    for number in range(MAX_AT_ONE_ADDRESS + 8):
        endpoint = at_one_address(7001 + number)
        stranger(world, 50 + number, at=endpoint)
        host.node.check_peer(endpoint, world.now)
        world.flush(host)
        world.run(1.0)
    assert len(knows(host)) == 1 + MAX_AT_ONE_ADDRESS
    assert refused(host)["peer-address-taken"] == 7


def test_many_ports_of_one_address_are_not_enough_peers() -> None:
    """Else the node would stop looking for others."""
    world = World(4)
    host = member(world, 0)
    for number in range(10):
        endpoint = at_one_address(7001 + number)
        stranger(world, 50 + number, at=endpoint)
        host.node.check_peer(endpoint, world.now)
        world.flush(host)
        world.run(1.0)
    assert len(knows(host)) == 10
    assert peer_network(host).verifier.too_few


@pytest.mark.parametrize("own", ["45.2.3.9", "60.1.1.1"])
def test_a_crowded_subnet_is_told_of_once_in_a_small_network(own: str) -> None:
    world = World(5)
    host = member(world, 0, at=make_endpoint(own, 7001))
    crowd = [make_endpoint(f"45.2.3.{10 + number}", 7001) for number in range(4)]
    for number, endpoint in enumerate(crowd):
        stranger(world, 50 + number, at=endpoint)
    introduce(world, host, *crowd)
    world.run(3600.0)
    assert knows(host) == set(crowd)
    assert told(host) == [PeersBeyondCaps(bytes((45, 2, 3)), 4, 2, 2)]
    assert [tuple(each) for each in peer_network(host).snapshot(world.now).crowded] == [
        (bytes((45, 2, 3)), 4, 2)
    ]
    assert words_for(told(host)[0])[1] == (
        "2 of 4 peers in 45.2.3.0/24 are beyond the limit of 2 per subnet and 1 per address, and"
        " given last; --netrestrict 45.2.3.0/24 lifts it where the whole network is there"
    )


def test_nothing_is_told_of_in_a_network_of_many_subnets_or_in_a_lab() -> None:
    world = World(6)
    hosts = [member(world, number) for number in range(1)]
    everywhere = [make_endpoint(f"{60 + n // 3}.1.1.{1 + n % 3}", 7001) for n in range(30)]
    lab = [make_endpoint("10.1.1.1", 7001 + number) for number in range(4)]
    for number, endpoint in enumerate([*everywhere, *lab]):
        stranger(world, 50 + number, at=endpoint)
    introduce(world, hosts[0], *everywhere)
    world.run(1200.0)
    assert len(knows(hosts[0])) > 10
    assert told(hosts[0]) == []
    assert peer_network(hosts[0]).snapshot(world.now).crowded == ()
    other = member(world, 1)
    introduce(world, other, *lab)
    world.run(1200.0)
    assert told(other) == []


def test_a_node_is_told_that_another_one_is_at_its_address() -> None:
    world = World(7)
    first, second = (member(world, n, at=at_one_address(7001 + n)) for n in range(2))
    introduce(world, second, first.endpoint)
    world.run(3600.0)
    words = words_for(OwnAddressShared(first.endpoint, second.endpoint))[1]
    assert words.startswith(
        "another node of this network is at the address of this one, at 45.2.3.4:7002;"
    )
    for one, other in ((first, second), (second, first)):
        assert OwnAddressShared(one.endpoint, other.endpoint) in told(one)
        assert sum(isinstance(each, OwnAddressShared) for each in told(one)) == 1
