"""The boxes of home networks: kinds of NAT beyond the usual four, several hosts behind one,
forwarded ports, mappings on request.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.sim.lab import Lab
from kadisc.sim.model.host import Host
from kadisc.sim.model.latency import latency_model
from kadisc.sim.model.nat import (
    STRANGER,
    AddressRestrictedNat,
    DependentNat,
    OneToOneNat,
    RandomPortNat,
    RestrictedNat,
    draw_kind,
)
from kadisc.sim.model.network import Network
from kadisc.sim.model.population import Residence
from kadisc.sim.model.router import RoutedNat, Router
from kadisc.sim.options import FaultOptions, LossOptions, NatOptions, NetworkOptions, SimOptions
from kadisc.sim.settings import with_settings
from tests.sim.support import SYSTEM, bare_host

NAT = NatOptions()
OUTSIDE = make_endpoint("81.2.69.1", 4000)
CONTACTED = make_endpoint("9.9.9.9", 1)
CONTACTED_OTHER_PORT = make_endpoint("9.9.9.9", 2)
OTHER = make_endpoint("8.8.8.8", 1)


def behind(router: Router, external: Endpoint, number: int) -> Host:
    host = bare_host(number)
    host.moved(Residence(external, SYSTEM, 0.005), random.Random(1))
    host.nat = RoutedNat(RestrictedNat(external, 60.0, NAT), router)
    return host


def network_of(*hosts: Host) -> Network:
    options = NetworkOptions(loss=LossOptions(mean=0.0), duplication=0.0)
    network = Network(options, FaultOptions(), latency_model(options.latency), random.Random(1))
    for host in hosts:
        network.attach(host)
    return network


def router_of(host: Host) -> Router:
    assert isinstance(host.nat, RoutedNat)
    return host.nat.router


# --- Kinds ----------------------------------------------------------------------------------------


def test_an_address_restricted_nat_admits_other_ports_of_hosts_that_were_sent_to() -> None:
    nat = AddressRestrictedNat(OUTSIDE, 60.0, NAT)
    nat.outbound(CONTACTED, 0.0)
    assert nat.lets_in(CONTACTED_OTHER_PORT, OUTSIDE, 1.0)
    assert nat.admits(CONTACTED_OTHER_PORT, OUTSIDE, 59.0)
    assert nat.admits(CONTACTED, OUTSIDE, 118.0), "a packet from any port keeps it alive"
    assert not nat.admits(OTHER, OUTSIDE, 1.0)
    assert not nat.lets_in(STRANGER, OUTSIDE, 1.0)
    assert not nat.admits(CONTACTED, OUTSIDE, 200.0)
    assert not nat.accepts_unsolicited


def test_a_one_to_one_nat_admits_strangers_always() -> None:
    nat = OneToOneNat(OUTSIDE, 60.0, NAT)
    assert nat.lets_in(STRANGER, OUTSIDE, 0.0)
    assert nat.admits(OTHER, OUTSIDE, 1e6)
    assert not nat.admits(OTHER, CONTACTED, 1e6)
    nat.rebind(b"\x05\x06\x07\x08", random.Random(1))
    assert nat.external == make_endpoint("5.6.7.8", 4000)


def test_random_ports_do_not_come_in_turn_and_come_once_each() -> None:
    nat, ports = RandomPortNat(OUTSIDE, 60.0, NAT), []
    for number in range(2000):
        external = nat.outbound(Endpoint(b"\1\2\3\4" + number.to_bytes(2, "big")), 0.0)
        assert external is not None
        assert external[:-2] == OUTSIDE[:-2]
        ports.append(int.from_bytes(external[-2:], "big"))
    assert len(set(ports)) == len(ports)
    assert min(ports) >= 1024
    assert sum(port % 2 for port in ports[:100]) < 100
    close = sum(abs(a - b) < 64 for a, b in pairwise(ports))
    assert close < 20


def test_the_shares_of_the_kinds() -> None:
    options = NatOptions(random_ports=0.5, address_restricted_share=0.1, one_to_one_share=0.1)
    rng = random.Random(1)
    drawn = Counter(draw_kind(options, rng) for _ in range(12_000))
    assert drawn[DependentNat] == pytest.approx(1100, rel=0.1)
    assert drawn[RandomPortNat] == pytest.approx(1100, rel=0.1)
    assert drawn[AddressRestrictedNat] == pytest.approx(1000, rel=0.1)
    assert drawn[OneToOneNat] == pytest.approx(1000, rel=0.1)


# --- Boxes ----------------------------------------------------------------------------------------


def test_packets_reach_the_right_host_of_a_box() -> None:
    router = Router()
    first, second = behind(router, OUTSIDE, 1), behind(router, make_endpoint("81.2.69.1", 4001), 2)
    outside = bare_host(3)
    network = network_of(first, second, outside)
    assert not network.send(outside, b"x", make_endpoint("81.2.69.9", 1), 0.0), "no such box"
    for host in (first, second):
        network.send(host, b"x", outside.endpoint, 0.0)
        [(_, receiver, source, _)] = network.send(outside, b"y", host.outside, 0.1)
        assert receiver is host
        assert host.nat is not None
        assert host.nat.admits(source, host.outside, 0.2)
        assert network.host_seen_at(host.outside) is host
    [(_, receiver, source, _)] = network.send(outside, b"y", make_endpoint("81.2.69.1", 9), 0.1)
    assert receiver.nat is not None
    assert not receiver.nat.admits(source, make_endpoint("81.2.69.1", 9), 0.2)
    network.detach(first)
    assert network.is_used(first.endpoint[:-2])
    network.detach(second)
    assert not network.is_used(first.endpoint[:-2])


@pytest.mark.parametrize("hairpin", [True, False])
def test_neighbours_reach_each_other_by_hairpin_alone(hairpin: bool) -> None:
    router = Router(hairpin=hairpin)
    first, second = behind(router, OUTSIDE, 1), behind(router, make_endpoint("81.2.69.1", 4001), 2)
    network = network_of(first, second)
    arriving = network.send(first, b"x", second.outside, 0.0)
    assert [copy[1:3] for copy in arriving] == ([(second, first.outside)] if hairpin else [])
    assert network.lost["hairpin"] == (not hairpin)


def test_a_forwarded_port_lets_strangers_in_and_answers_leave_from_it() -> None:
    router = Router()
    host = behind(router, OUTSIDE, 1)
    nat = host.nat
    assert isinstance(nat, RoutedNat)
    network_of(host)
    other_port = make_endpoint("81.2.69.1", 5000)
    assert router.forward(nat, other_port) == other_port
    assert nat.lets_in(STRANGER, other_port, 0.0)
    assert not nat.lets_in(STRANGER, OUTSIDE, 0.0)
    assert not nat.accepts_unsolicited, "another port than the one that others see"
    assert nat.admits(OTHER, other_port, 0.0)
    assert nat.outbound(OTHER, 1.0) == other_port
    assert nat.outbound(CONTACTED, 1.0) == OUTSIDE
    router.remove(nat)
    assert not nat.lets_in(STRANGER, other_port, 2.0)
    assert router.forward(nat, OUTSIDE) == OUTSIDE
    assert nat.accepts_unsolicited
    nat.rebind(OUTSIDE[:4], random.Random(1))
    assert nat.forwarded is None
    assert not nat.accepts_unsolicited


def test_a_port_of_another_host_is_not_mapped() -> None:
    router = Router(maps=True)
    first, second = behind(router, OUTSIDE, 1), behind(router, make_endpoint("81.2.69.1", 4001), 2)
    network_of(first, second)
    assert isinstance(second.nat, RoutedNat)
    assert router.grant(second.nat, OUTSIDE) == make_endpoint("81.2.69.1", 4001)
    assert Router().grant(second.nat, OUTSIDE) is None


def test_a_mapping_behind_a_second_nat_lets_nobody_in() -> None:
    router = Router(maps=True, has_second=True)
    host = behind(router, OUTSIDE, 1)
    assert isinstance(host.nat, RoutedNat)
    assert router.grant(host.nat, OUTSIDE) == OUTSIDE
    assert not host.nat.lets_in(STRANGER, OUTSIDE, 0.0)
    assert not host.nat.accepts_unsolicited


# --- In a whole network ---------------------------------------------------------------------------


def test_shares_of_boxes_in_a_network() -> None:
    options = with_settings(
        SimOptions(),
        ["network.nat.several_hosts=0.2", "network.nat.mapping_routers=0.25", "nodes=1"],
    )
    lab = Lab(options)
    hosts = [lab.new_host(reachable=False) for _ in range(600)]
    for host in hosts:
        lab.world.network.attach(host)
    routers = {id(router): router for router in map(router_of, hosts)}
    shared = sum(len(router.hosts) for router in routers.values() if len(router.hosts) > 1)
    assert shared == pytest.approx(120, rel=0.25)
    assert max(len(router.hosts) for router in routers.values()) == 3
    mapping = [router for router in routers.values() if router.maps]
    assert len(mapping) == pytest.approx(0.25 * len(routers), rel=0.25)
    assert 3 <= sum(router.has_second for router in mapping) <= 25
    assert len({host.outside for host in hosts}) == len(hosts)
    moved = next(host for host in hosts if len(router_of(host).hosts) > 1)
    ip = moved.endpoint[:-2]
    lab.move(moved)
    assert moved.endpoint[:-2] != ip
    assert lab.population.is_taken(Endpoint(ip + b"\0\1")), "the others still live there"


def test_answers_of_a_one_way_box_leave_from_elsewhere() -> None:
    router = Router(maps=True, one_way=True)
    host = behind(router, OUTSIDE, 1)
    nat = host.nat
    assert isinstance(nat, RoutedNat)
    other_port = make_endpoint("81.2.69.1", 5000)
    assert router.grant(nat, other_port) == other_port
    assert nat.admits(OTHER, other_port, 0.0)
    assert nat.outbound(OTHER, 0.1) == OUTSIDE
    assert not nat.answers_from(other_port)
    assert nat.answers_from(OUTSIDE)


def test_a_mapping_is_granted_lost_with_the_box_and_granted_again() -> None:
    options = with_settings(SimOptions(), ["nodes=1", "gossip.network_share=1"])
    lab = Lab(options)
    residence = lab.population.settle()
    nat = RoutedNat(RestrictedNat(residence.endpoint, 60.0, NAT), Router(maps=True))
    host = lab.new_host(residence=residence, nat=nat)
    lab.boot(host)
    lab.run(0.03)
    assert nat.forwarded == residence.endpoint
    assert lab.oracle.strangers_reach(host, residence.endpoint)
    lab.mapping_requests.restart_box(host)
    assert not lab.oracle.strangers_reach(host, residence.endpoint)
    lab.run(1.1)
    assert lab.oracle.strangers_reach(host, residence.endpoint)
    assert host.outside != residence.endpoint, "its own mappings are at another port now"
