"""An application that waits for peers: it is given them at once, and nobody gains by its haste."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from kadisc.core.contract.queries import RendezvousLookup
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.rendezvous import info_hashes
from kadisc.endpoints import Endpoint, Family, make_endpoint
from tests.support.community import (
    TAG,
    introduce,
    knows,
    member,
    peer_network,
    refused,
    stranger,
)
from tests.support.finding import application
from tests.support.world import CONFIG, Host, World, address, without

NODES = 20
VICTIMS = [make_endpoint(f"99.9.9.{number}", 53) for number in range(1, 201)]


def grown(seed: int = 1, nodes: int = NODES, settle_s: float = 30.0) -> tuple[World, list[Host]]:
    """A network whose nodes have met; round trips take 50 ms."""
    world = World(seed, one_way_s=0.025)
    hosts: list[Host] = []
    for number in range(nodes):
        host = member(world, number)
        world.join(host, hosts[:1])
        hosts.append(host)
        world.run(0.1)
    world.run(settle_s)
    return world, hosts


@pytest.fixture(scope="module")
def network() -> tuple[World, list[Host]]:
    return grown()


def datagrams(world: World, source: Endpoint, *, begin: bytes = b"") -> list[tuple[Endpoint, int]]:
    """What a host sent, to whom and how many bytes."""
    assert world.sent is not None
    return [
        (destination, len(payload))
        for _, sender, destination, payload in world.sent
        if sender == source and destination.startswith(begin)
    ]


def named(host: Host, peers: list[Endpoint], world: World, number: int = 0) -> None:
    """An answer in a lookup of one info-hash names these peers."""
    lookup = RendezvousLookup(
        Family.IPV4, number, info_hashes(TAG)[number], announces=False, port=None, paths=1
    )
    for place in range(0, len(peers), 16):
        peer_network(host).search.found(lookup, peers[place : place + 16], world.now)
    world.flush(host)


def test_a_newcomer_that_knows_one_address_has_all_peers_within_a_second(
    network: tuple[World, list[Host]],
) -> None:
    world, hosts = network
    for number in range(3):
        host = member(world, 1000 + number)
        app = application(world, host)
        app.ask(NODES)  # before the node knows anybody
        world.sent = []
        world.join(host, [hosts[number + 3]])
        app.wait(NODES, 5.0)
        assert app.given[4][0] < 0.3
        assert app.given[NODES - 1][0] < 0.6
        assert sum(size for _, size in datagrams(world, host.endpoint)) < 40_000
        assert len({peer.key for peer in app.peers}) == NODES
        world.sent = None
        world.kill(host)


def test_an_application_that_asks_after_the_join_waits_no_longer(
    network: tuple[World, list[Host]],
) -> None:
    world, hosts = network
    host = member(world, 1100)
    world.join(host, [hosts[4]])
    world.run(1.0)
    app = application(world, host)
    app.wait(NODES, 5.0)
    assert app.given[NODES - 1][0] < 0.6
    world.kill(host)


def test_peers_in_quarantine_are_given_after_the_others_and_marked() -> None:
    world = World(1)
    host, *others = [member(world, number) for number in range(12)]
    for other in others[6:]:
        # It has queried this node, so that its answers may come through the mapping of its NAT.
        peer_network(other).report([host.endpoint], "operator", world.now)
        world.flush(other)
    world.run(10.0)
    for other in others[:6]:
        peer_network(host).report([other.endpoint], "operator", world.now)
    app = application(world, host)
    app.wait(11, 10.0)
    inbound = {known.endpoint for known in peer_network(host).verifier.known if known.inbound}
    assert inbound
    assert {peer.endpoint for peer in app.peers} == {other.endpoint for other in others}
    for peer in app.peers:
        assert peer.reachable == ("unknown" if peer.endpoint in inbound else "yes")
    # Of those that are known at one moment, those that others reach come first.
    again = application(world, host, within_s=1000.0)
    again.ask(11)
    marks = [peer.is_reachable for peer in again.peers]
    assert marks == sorted(marks, reverse=True)
    named_to_others = {each.endpoint for each in peer_network(host).verifier.returnable()}
    assert not peer_network(host).verifier.too_few or named_to_others


def test_checks_in_quick_succession_end_when_no_application_waits() -> None:
    world = World(1)
    host = member(world, 0)
    app = application(world, host)
    world.sent = []
    world.run(60.0)
    named(host, [address(number) for number in range(100, 300)], world)
    world.run(5.0)
    assert len(datagrams(world, host.endpoint)) <= 2, "nobody waits, and nothing was reported"
    app.ask(1)
    named(host, [address(number) for number in range(100, 300)], world)
    world.run(0.1)
    queried = {destination for destination, _ in datagrams(world, host.endpoint)}
    assert 0 <= len(queried) - CONFIG.gossip.burst_at_once <= 1, "one more has its usual turn"
    world.run(60.0)
    queried = {destination for destination, _ in datagrams(world, host.endpoint)}
    # One info-hash may cause so many in the burst; the others have their turn, one a second, while
    # so few peers are known.
    assert len(queried) <= CONFIG.gossip.burst_checks_per_source + 65


def test_a_burst_is_bounded_in_all_and_by_source() -> None:
    config = replace(CONFIG, gossip=replace(CONFIG.gossip, checks_per_s=0.001))
    world = World(1)
    host = member(world, 0, config=config)
    app = application(world, host)
    world.sent = []
    crowd = [address(number) for number in range(1000, 1400)]
    for second in range(20):
        app.ask(1)
        for number in range(4):
            named(host, crowd[number * 100 :][:100], world, number)
        world.run(1.0)
        queried = {destination for destination, _ in datagrams(world, host.endpoint)}
        assert len(queried) <= 2 * CONFIG.gossip.burst_at_once * (second + 1) + 1
    of_source = Counter(crowd.index(each) // 100 for each in queried)
    assert max(of_source.values()) <= CONFIG.gossip.burst_checks_per_source
    gossip = CONFIG.gossip
    allowed = gossip.burst_checks * (1 + 20 / gossip.burst_refill_s) + 1
    assert gossip.burst_checks <= peer_network(host).components.burst.checks <= allowed
    for _ in range(600):
        app.ask(1)
        for number in range(4):
            named(host, crowd[number * 100 :][:100], world, number)
        world.run(1.0)
    checks = peer_network(host).components.burst.checks
    assert checks <= gossip.burst_checks * (1 + 620 / gossip.burst_refill_s) + 1


def flooded(config: object = CONFIG) -> tuple[int, int]:
    """The tags are full of a victim's addresses: how many of them are queried, with how many
    bytes, in ten minutes in which the application waits.
    """
    world = World(1)
    host = member(world, 0, config=config)  # type: ignore[arg-type]
    app = application(world, host)
    world.sent = []
    for _ in range(60):
        app.ask(1)
        for number in range(4):
            named(host, VICTIMS, world, number)
        world.run(10.0)
    sent = datagrams(world, host.endpoint, begin=VICTIMS[0][:3])
    return len({destination for destination, _ in sent}), sum(size for _, size in sent)


def test_tags_full_of_a_victims_addresses_make_no_flood() -> None:
    """Before there was a burst, each search of the control socket pinged eight addresses of the
    subnet, twice each, and the node itself sixteen an hour: 4.6 kB for the first search alone.
    """
    addresses, total = flooded()
    assert addresses <= CONFIG.gossip.checks_per_subnet_per_hour
    assert total < 4_600
    addresses_without, total_without = flooded(without("peer_candidate_limits"))
    assert addresses_without > 2 * addresses
    assert total_without > 5 * total


def test_a_waiting_application_costs_little() -> None:
    world, hosts = grown(nodes=6)
    host = hosts[2]
    app = application(world, host)
    app.wait(5, 10.0)
    world.run(60.0)
    world.sent = []
    world.run(300.0)
    idle = len(datagrams(world, host.endpoint))
    world.sent = []
    for _ in range(60):
        app.ask(100)
        world.run(5.0)
    assert len(app.given) == 5
    assert len(datagrams(world, host.endpoint)) < idle + 300 * 1.0


def test_after_half_of_the_network_is_killed_no_dead_peer_is_given() -> None:
    world, hosts = grown(seed=3, nodes=18, settle_s=60.0)
    dead = set(world.rng.sample(hosts[1:], 9))
    for each in dead:
        world.kill(each)
    gone = {each.endpoint for each in dead}
    living = [each for each in hosts if each not in dead]
    for pause_s in (10.0, 20.0, 30.0):
        world.run(pause_s)
        for host in living[:2]:
            app = application(world, host)
            app.wait(len(living) - 1, 3.0)
            assert not gone & {peer.endpoint for peer in app.peers}
            assert len(app.peers) >= len(living) - 2
    newcomer = member(world, 900)
    app = application(world, newcomer)
    app.ask(1)
    world.join(newcomer, [living[1]])
    app.wait(len(living), 5.0)
    assert len(app.given) == len(living)
    assert app.given[-1][0] < 2.0
    assert not gone & {peer.endpoint for peer in app.peers}


def test_a_peer_with_another_service_is_not_given() -> None:
    world = World(1)
    host, other = member(world, 0), member(world, 1, services={"les": 3})
    introduce(world, host, other.endpoint)
    app = application(world, host, service="eth")
    app.wait(1, 5.0)
    assert not app.given
    assert knows(host) == {other.endpoint}
    app = application(world, host, service="les")
    app.wait(1, 5.0)
    assert [peer.endpoint for peer in app.peers] == [other.endpoint]


def test_a_peer_that_lost_its_tokens_is_asked_again_without_one() -> None:
    """A peer that was restarted does not know the tokens that it gave. Its short answer to a short
    query holds no record; the peer was blocked for a day.
    """
    world = World(1)
    one, two = member(world, 0), member(world, 1)
    introduce(world, one, two.endpoint)
    assert knows(one) == {two.endpoint}
    partners = peer_network(one).components.partners
    assert partners.token_of(two.endpoint, world.now) is not None
    partners.token_received(two.endpoint, b"a token of an earlier run", world.now)
    operation = one.node.check_peer(two.endpoint, world.now)
    world.flush(one)
    event = world.result(one, operation)
    peer = getattr(event, "peer", None)
    assert isinstance(peer, VerifiedPeer)
    assert peer.endpoint == two.endpoint
    assert "peer-without-record" not in refused(one)
    assert not partners.is_blocked(two.endpoint, world.now)


# --- what is told of it ---------------------------------------------------------------------------


@pytest.mark.parametrize("given_before", [False, True])
def test_a_peer_that_proves_its_key_only_when_it_is_asked_again_is_given_once(
    given_before: bool,
) -> None:
    world = World(21)
    host = member(world, 1)
    peer = stranger(world, 2, proves=False)
    introduce(world, host, peer.endpoint)
    app = application(world, host)
    if given_before:
        app.ask(1)
        assert [each.is_proven for each in app.peers] == [False]
    world.run(30.0)
    peer.proves = True
    app.wait(3, 3.0)
    introduce(world, host, peer.endpoint)
    world.run(60.0)
    app.wait(3, 5.0)
    assert peer_network(host).verifier.known.at(peer.endpoint) is not None
    assert [each.endpoint for each in app.peers] == [peer.endpoint]


def test_the_datagrams_of_a_search_are_counted_not_its_checks() -> None:
    world = World(22)
    host = member(world, 1)
    peers = [stranger(world, number, answers=number < 5) for number in range(2, 8)]
    world.run(0.1)
    world.sent = []
    app = application(world, host)
    app.ask(9)
    named(host, [each.endpoint for each in peers], world)
    app.wait(9, 4.0)
    assert len(app.peers) == 3
    sent = datagrams(world, host.endpoint)
    assert len({endpoint for endpoint, _ in sent}) == 6
    assert peer_network(host).search.queries == len(sent) > 6
