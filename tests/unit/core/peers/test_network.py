"""Nodes of one network on a shared DHT, in virtual time: they find each other, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from kadisc.config import CoreConfig
from kadisc.core.addressing.external_address import Confidence
from kadisc.core.contract.events import Outcome, PeerChecked, RecordChanged
from kadisc.core.contract.service_filter import ServiceFilter
from kadisc.core.peers.own_record import Membership
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.errors import UsageError
from kadisc.wire.records import decode_record
from tests.support.community import (
    identity,
    introduce,
    knows,
    lost,
    member,
    peer_network,
    pull,
    record_fields,
    refused,
    stranger,
    verified,
)
from tests.support.contacts import address6
from tests.support.world import CONFIG, Host, World, address, populate, without

ROOT = Path(__file__).parents[4]


def network(
    world: World, size: int, *, first: int = 200, config: CoreConfig = CONFIG
) -> list[Host]:
    """Members that all know the first one, and learn of the others through it."""
    hosts = [member(world, first + number, config=config) for number in range(size)]
    for host in hosts[1:]:
        peer_network(host).report([hosts[0].endpoint], "operator", world.now)
        world.flush(host)
    return hosts


# --- Finding peers of the own network -------------------------------------------------------------


def test_two_nodes_of_one_network_find_each_other_on_a_shared_dht_and_no_third() -> None:
    world = World(seed=3)
    routers = populate(world, 20)
    one, other, third = member(world, 100), member(world, 101), member(world, 102, "othernet")
    for host in (one, other, third):
        world.join(host, routers[:1])
    world.run(30.0)
    assert (knows(one), knows(other), knows(third)) == ({other.endpoint}, {one.endpoint}, set())
    [peer] = peer_network(one).peers(50, world.now, offering=ServiceFilter({"eth": None}))
    assert (peer.key, peer.services["eth"]) == (identity(102).public_key, 30_101)
    world.run(600.0)
    assert (knows(one), knows(other), knows(third)) == ({other.endpoint}, {one.endpoint}, set())


def test_a_node_without_a_named_network_is_not_announced_but_gossips_with_nodes_it_meets() -> None:
    world = World(seed=4)
    hosts = [member(world, number, "mainline") for number in range(10)]
    for host in hosts:
        world.join(host, hosts[:1])
        world.run(0.5)
    world.run(120.0)
    assert all("announce_peer" not in host.node.counters.queries_sent for host in hosts)
    assert all(len(knows(host)) >= 8 for host in hosts)


def test_an_unreachable_node_is_not_announced_but_finds_the_others() -> None:
    world = World(seed=5)
    routers = populate(world, 12)
    one, hidden = member(world, 100), member(world, 101, reachable=False)
    for host in (one, hidden):
        world.join(host, routers[:1])
    world.run(60.0)
    assert "announce_peer" not in hidden.node.counters.queries_sent
    assert one.endpoint in knows(hidden)


def test_a_network_grows_from_one_node_that_all_know() -> None:
    world = World(seed=6)
    hosts = network(world, 20)
    world.run(180.0)
    assert min(len(knows(host)) for host in hosts) >= 14
    world.run(720.0)
    assert min(len(knows(host)) for host in hosts) >= 18
    assert all(len(peer_network(host).snapshot(world.now).view.peers) >= 12 for host in hosts)


def test_dead_peers_are_not_given_out_after_five_minutes_and_do_not_come_back() -> None:
    world = World(seed=7)
    hosts = network(world, 24)
    world.run(400.0)
    for host in hosts[:6]:
        world.kill(host)
    dead = {host.endpoint for host in hosts[:6]}
    living = hosts[6:]
    world.run(300.0)
    asker = stranger(world, 900)
    for host in living:
        assert not dead & knows(host)
        assert not dead & {peer.endpoint for peer in peer_network(host).peers(50, world.now)}
        assert not dead & {named.contact.endpoint for named in pull(world, asker, host)}
        host.events.clear()
    world.run(900.0)
    assert not dead & {endpoint for host in living for endpoint in verified(host)}


@pytest.mark.parametrize("defended", [True, False])
def test_after_a_mass_failure_all_peers_are_rechecked_and_dead_ones_are_not_given_out(
    defended: bool,
) -> None:
    world = World(seed=9)
    hosts = network(world, 30, config=CONFIG if defended else without("mass_failure"))
    world.run(600.0)
    for host in hosts[:24]:
        world.kill(host)
    dead = {host.endpoint for host in hosts[:24]}
    living = hosts[24:]
    world.run(150.0)
    given = [peer.endpoint for host in living for peer in peer_network(host).peers(50, world.now)]
    named = [
        each.contact.endpoint for host in living for each in pull(world, stranger(world, 900), host)
    ]
    still_believed = sum(len(dead & knows(host)) for host in living)
    assert (not dead & {*given, *named}) is defended
    assert (still_believed <= 4 * len(living)) is defended
    if defended:
        assert len(given) >= 3 * len(living), "live peers are given"


def test_a_peer_that_answered_long_ago_is_only_a_candidate_for_a_check() -> None:
    world = World(seed=9)
    us, other = member(world, 1), stranger(world, 2)
    introduce(world, us, other.endpoint)
    returnable_for_s = CONFIG.book.returnable_for_s
    known = peer_network(us).verifier.known.at(other.endpoint)
    assert known is not None
    later = known.verified_at + returnable_for_s
    assert [peer.endpoint for peer in peer_network(us).peers(5, later)] == [other.endpoint]
    assert peer_network(us).peers(5, later + 1.0) == []
    assert [
        peer.endpoint
        for peer in peer_network(us).peers(5, later + 1.0, verified_within_s=float("inf"))
    ] == [other.endpoint]


def test_a_node_with_a_book_of_dead_peers_checks_all_of_it() -> None:
    world = World(seed=10)
    us, living = member(world, 1), stranger(world, 500)
    book = peer_network(us).components.book
    for number in range(60):
        book.reported(address(100 + number), "file", world.now)
    book.reported(living.endpoint, "file", world.now)
    world.flush(us)
    world.run(100.0)
    assert knows(us) == {living.endpoint}


def test_a_peer_that_moved_is_found_again_within_a_minute() -> None:
    world = World(seed=8)
    hosts = network(world, 12)
    world.run(300.0)
    mover, before = hosts[5], hosts[5].endpoint
    sequence = decode_record(peer_network(mover).own_record).sequence
    assert all(before in knows(host) for host in hosts if host is not mover)
    world.move(mover, address(777))
    where = mover.node.dhts[mover.family].parts.address
    where.ip = mover.endpoint[:4]
    world.run(60.0)
    assert decode_record(peer_network(mover).own_record).sequence > sequence
    assert all(
        mover.endpoint in knows(host) and before not in knows(host)
        for host in hosts
        if host is not mover
    )
    assert all((before, "moved") in lost(host) for host in hosts if host is not mover)


def test_new_services_make_a_new_record_and_reach_the_others() -> None:
    world = World(seed=9)
    one, other = network(world, 2)
    world.run(60.0)
    for event in peer_network(other).set_services({"fork": b"\xab\xcd"}, world.now):
        assert isinstance(event, RecordChanged)
    world.flush(other)
    world.run(60.0)
    assert [dict(peer.services) for peer in peer_network(one).peers(5, world.now)] == [
        {"fork": b"\xab\xcd"}
    ]
    with pytest.raises(UsageError, match="a service has a name"):
        peer_network(other).set_services({"eth": 70_000}, world.now)
    with pytest.raises(UsageError, match="at most 300"):
        peer_network(other).set_services(
            {f"service{number}": bytes(32) for number in range(8)}, world.now
        )


@pytest.mark.parametrize("at", [address(1, 65535), address6(1, 65535)], ids=["IPv4", "IPv6"])
def test_a_node_with_many_services_goes_on_when_it_learns_its_address(at: Endpoint) -> None:
    """Others tell it the address after its start: the record must have room for it by then."""
    world = World(seed=9)
    for length in range(32, -1, -1):
        # The longest that are accepted.
        services = {"a": bytes(32)} | {name: bytes(length) for name in "bcd"}
        with suppress(UsageError):
            us = member(world, 1, at=at, services=services, wall_s=1.8e9)
            break
    where = us.node.dhts[us.family].parts.address
    where.confidence = Confidence.UNKNOWN
    us.node.tick(world.now)
    assert decode_record(peer_network(us).own_record).endpoints == {}
    where.confidence = Confidence.VOTED
    us.node.tick(world.now + 60.0)
    record = decode_record(peer_network(us).own_record)
    assert (record.endpoints, record.services) == ({us.family: at}, services)


def test_services_that_are_left_out_of_a_record_are_counted() -> None:
    world = World(seed=9)
    us = member(world, 1)
    own_record = peer_network(us).components.own_record
    own_record.services = {f"name{number}": bytes(32) for number in range(9)}
    own_record.set_endpoints({}, world.now)
    us.node.tick(world.now)
    assert decode_record(peer_network(us).own_record).services == {}
    assert refused(us)["own-record.services-left-out"] == 1


def test_an_address_at_which_no_node_can_be_is_not_in_the_record() -> None:
    """A file of an earlier run may name one, and the votes on the port add a port to it. Every
    other node refuses a record with it, and so does the part that publishes it.
    """
    world = World(seed=9)
    us = member(world, 1)
    us.node.dhts[us.family].parts.address.ip = bytes(4)
    us.node.tick(world.now)
    assert decode_record(peer_network(us).own_record).endpoints == {}


def test_peers_are_verified_over_ipv6() -> None:
    world = World(seed=10)
    one, other = member(world, 1, at=address6(1)), member(world, 2, at=address6(2))
    introduce(world, one, other.endpoint)
    assert knows(one) == {other.endpoint}


# --- Nodes of other kinds -------------------------------------------------------------------------


def test_a_foreign_client_is_asked_once_and_never_again() -> None:
    """It announced itself under an info-hash of the network, or a report names it; it gets no query
    that it does not understand.
    """
    world = World(seed=11)
    us = member(world, 1)
    foreign = stranger(world, 2, version=b"LT\x02\x00")
    for _ in range(20):
        introduce(world, us, foreign.endpoint)
        world.run(120.0)
    assert [type(query).__name__ for query, _ in foreign.heard] == ["Ping"]
    assert refused(us)["peer-foreign"] == 1


@pytest.mark.parametrize("error", [201, 202, 203, 204])
def test_an_error_of_any_code_ends_the_exchange(error: int) -> None:
    world = World(seed=12)
    us = member(world, 1)
    other = stranger(world, 2, error=error)
    for _ in range(5):
        introduce(world, us, other.endpoint)
        world.run(600.0)
    assert len(other.gossip()) == 1


def test_an_answer_without_a_record_ends_the_exchange() -> None:
    world = World(seed=13)
    us = member(world, 1)
    other = stranger(world, 2, record=None)
    for _ in range(5):
        introduce(world, us, other.endpoint)
        world.run(600.0)
    assert len(other.gossip()) == 1
    assert refused(us)["peer-without-record"] == 1
    assert knows(us) == set()


def test_the_first_query_is_as_long_as_the_answer_may_be() -> None:
    world = World(seed=14)
    us = member(world, 1)
    other = stranger(world, 2)
    introduce(world, us, other.endpoint)
    first = next(size for query, size in other.heard if query in other.gossip())
    assert first == CONFIG.gossip.first_query_bytes
    assert other.gossip()[0].want == 0 and other.gossip()[0].record is None
    assert other.gossip()[1].token == b"stranger" and other.gossip()[1].record is not None


def test_a_read_only_node_pushes_no_record() -> None:
    world = World(seed=15)
    us = member(world, 1, config=replace(CONFIG, read_only=True))
    other = stranger(world, 2)
    introduce(world, us, other.endpoint)
    world.run(300.0)
    assert knows(us) == {other.endpoint}
    assert all(query.record is None for query in other.gossip())


# --- As an operation, and over a restart ----------------------------------------------------------


def test_a_caller_can_have_a_peer_checked() -> None:
    world = World(seed=16)
    us, other, foreign = member(world, 1), member(world, 2), member(world, 3, "othernet")

    def check(host_at: Host) -> PeerChecked:
        operation = us.node.check_peer(host_at.endpoint, world.now)
        world.flush(us)
        event = world.result(us, operation)
        assert isinstance(event, PeerChecked)
        return event

    good = check(other)
    assert (good.outcome, good.peer and good.peer.key) == (Outcome.DONE, identity(3).public_key)
    assert (check(foreign).outcome, check(foreign).reason) == (Outcome.ERROR_ANSWER, "peer-error")
    world.kill(other)
    assert check(other).outcome is Outcome.NO_ANSWER
    with pytest.raises(UsageError, match="of no network"):
        world.add(address(9)).node.check_peer(other.endpoint, world.now)


def test_close_ends_a_check() -> None:
    world = World(seed=17)
    us = member(world, 1)
    operation = us.node.check_peer(address(5), world.now)
    us.node.close(world.now)
    assert [
        event.outcome
        for event in us.node.drain_events()
        if isinstance(event, PeerChecked) and event.operation == operation
    ] == [Outcome.CLOSED]


def test_a_cancelled_check_does_not_stop_later_ones() -> None:
    world = World(seed=22)
    us, other = member(world, 1), member(world, 2)
    operation = us.node.check_peer(other.endpoint, world.now)
    assert [each.what for each in us.node.operations(world.now)] == ["check"]
    us.node.cancel(operation, world.now)
    world.flush(us)
    assert [event.outcome for event in us.events if isinstance(event, PeerChecked)] == [
        Outcome.CANCELLED
    ]
    introduce(world, us, other.endpoint)
    assert knows(us) == {other.endpoint}


def test_the_book_and_the_sequence_are_restored_and_the_anchors_are_checked_first() -> None:
    world = World(seed=18)
    hosts = network(world, 10)
    world.run(200.0)
    old = hosts[4]
    saved = old.node.export_state(world.now)
    assert saved.peer_network is not None
    world.kill(old)
    again = world.add(old.endpoint, membership=Membership(identity(205), "testnet"))
    again.node.restore(saved, world.now)
    world.flush(again)
    sequence = decode_record(peer_network(again).own_record).sequence
    assert sequence > saved.peer_network.sequence
    assert peer_network(again).peers(50, world.now) == [], (
        "no peer is given out that did not answer in this run"
    )
    world.run(5.0)
    assert len(knows(again)) >= CONFIG.book.anchors
    assert peer_network(again).why(identity(201).public_key, world.now) is not None
    world.run(200.0)
    assert len(knows(again)) >= 8


def test_the_own_record_in_an_answer_is_not_another_peer() -> None:
    world = World(seed=19)
    us = member(world, 1)
    mirror = stranger(world, 2, record=record_fields(identity(2), None))
    introduce(world, us, mirror.endpoint)
    assert knows(us) == set()
    assert refused(us)["record-own"] == 1


def test_the_own_address_leaves_the_book_once_it_is_known() -> None:
    world = World(seed=11)
    us = member(world, 1)
    book = peer_network(us).components.book
    peer_network(us).components.own_record.set_endpoints({}, world.now)
    book.reported(us.endpoint, "file", world.now)
    assert peer_network(us).why(us.endpoint, world.now) is not None
    us.node.tick(world.now)
    assert us.endpoint in peer_network(us).components.own_record.endpoints.values()
    assert peer_network(us).why(us.endpoint, world.now) is None
    introduce(world, us, us.endpoint)
    assert refused(us)["reported-peer-own"] >= 1
    assert peer_network(us).why(us.endpoint, world.now) is None


def test_addresses_that_no_node_can_have_are_not_candidates() -> None:
    world = World(seed=20)
    us = member(world, 1)
    traps = [make_endpoint(host, 80) for host in ("0.0.0.0", "224.0.0.1", "255.255.255.255")]
    introduce(world, us, *traps, address6(1))
    assert peer_network(us).snapshot(world.now).candidates == 0
    assert refused(us)["reported-peer-unusable"] == 4


# --- The same seed, the same course ---------------------------------------------------------------

COURSE = """
import hashlib
from tests.support.community import member
from tests.support.world import World, address
world = World(seed=21, loss=0.02)
world.sent = []
hosts = [member(world, number) for number in range(12)]
for host in hosts:
    world.join(host, hosts[:1])
    world.run(0.5)
world.run(240.0)
print(len(world.sent), hashlib.sha1(repr(world.sent).encode()).hexdigest())
"""


def test_the_same_seed_gives_the_same_course_whatever_the_order_of_hashes() -> None:
    courses = {
        subprocess.run(
            [sys.executable, "-c", COURSE],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(courses) == 1
    assert int(courses.pop().split()[0]) > 1000
