"""Which hosts are strangers: those that a node had nothing to do with for 330 to 363 seconds."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kadisc.core.baselines.limits import UnrenewedContacts
from kadisc.core.limits.contacted import ContactedHosts
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.items import Item
from kadisc.wire.messages import Error, FindNode, Ping, Put, Reply
from tests.support.world import World, address, without

SECRET = random.Random(7).randbytes(16)


def contacted(bits: int = 17) -> ContactedHosts:
    return ContactedHosts(bits, SECRET, 330.0)


@pytest.mark.parametrize("one", [address(1), make_endpoint("2a01:1:2:3::1", 6881)])
@pytest.mark.parametrize("start", [0.0, 32.9, 33.0, 1e6, 123456.7])
def test_a_host_is_a_stranger_again_after_330_to_363_seconds(one: Endpoint, start: float) -> None:
    hosts = contacted()
    assert hosts.is_stranger(one, start)
    hosts.sent_to(one, start)
    for after in (0.0, 100.0, 329.9, 330.0):
        assert not hosts.is_stranger(one, start + after)
    assert hosts.is_stranger(one, start + 363.1)
    hosts.sent_to(one, start + 400.0)
    assert not hosts.is_stranger(one, start + 729.0)


def test_a_host_was_noted_now_for_the_rest_of_the_slot() -> None:
    hosts = contacted()
    one, other = address(1), address(2)
    assert not hosts.was_noted_now(one, 10.0)
    hosts.sent_to(one, 10.0)
    assert hosts.was_noted_now(one, 32.0)
    assert not hosts.was_noted_now(other, 32.0)
    assert not hosts.was_noted_now(one, 34.0)
    hosts.received_from(one, 40.0)
    assert hosts.was_noted_now(one, 50.0)


def test_the_port_does_not_matter_and_the_other_bits_of_a_prefix_do() -> None:
    hosts = contacted()
    hosts.sent_to(make_endpoint("45.1.2.3", 1000), 0.0)
    hosts.sent_to(make_endpoint("2a01:1:2:3::1", 1000), 0.0)
    assert not hosts.is_stranger(make_endpoint("45.1.2.3", 2000), 0.0)
    assert not hosts.is_stranger(make_endpoint("2a01:1:2:3:4::9", 2000), 0.0)
    assert hosts.is_stranger(make_endpoint("45.1.2.4", 1000), 0.0)
    assert hosts.is_stranger(make_endpoint("2a01:1:2:4::1", 1000), 0.0)


def test_what_comes_from_a_known_host_renews_it_and_what_comes_from_a_stranger_does_not() -> None:
    hosts = contacted()
    known, stranger = address(1), address(2)
    hosts.sent_to(known, 0.0)
    for minute in range(60):
        hosts.received_from(known, 60.0 * minute)
        hosts.received_from(stranger, 60.0 * minute)
        assert not hosts.is_stranger(known, 60.0 * minute)
        assert hosts.is_stranger(stranger, 60.0 * minute)
    # A stranger again, it does not become known by what it sends.
    assert hosts.is_stranger(known, 59 * 60.0 + 364.0)
    hosts.received_from(known, 59 * 60.0 + 364.0)
    assert hosts.is_stranger(known, 59 * 60.0 + 364.0)


def test_without_the_defence_only_what_is_sent_counts() -> None:
    hosts = UnrenewedContacts(17, SECRET, 330.0)
    hosts.sent_to(address(1), 0.0)
    for second in range(0, 360, 30):
        hosts.received_from(address(1), second)
    assert hosts.is_stranger(address(1), 363.1)


def test_old_notes_never_look_new_however_long_the_node_runs() -> None:
    """The numbers of slots come again after 2.3 hours; a host that was noted once must not."""
    hosts = contacted()
    hosts.sent_to(address(1), 0.0)
    now = 364.0
    while now < 6 * 3600.0:
        hosts.sent_to(address(2), now)
        assert hosts.is_stranger(address(1), now), now
        now += 20.0
    hosts.sent_to(address(3), now)
    for pause_s in (364.0, 33.0 * 250, 33.0 * 255, 33.0 * 256, 86_400.0):
        assert hosts.is_stranger(address(3), now + pause_s)
        now += pause_s
        hosts.sent_to(address(3), now)


def test_collisions_hide_strangers_at_about_the_documented_rate() -> None:
    """10, 50 and 200 hosts a second for 363 s: 3, 13 and 42 % of strangers pass for known."""
    rng = random.Random(1)
    for per_s, share in ((10, 0.027), (50, 0.13), (200, 0.42)):
        hosts = contacted()
        for number in range(int(per_s * 346)):
            hosts.sent_to(Endpoint(rng.randbytes(6)), number / per_s)
        strangers = [Endpoint(rng.randbytes(6)) for _ in range(8000)]
        hidden = sum(not hosts.is_stranger(each, 346.0) for each in strangers) / len(strangers)
        assert hidden == pytest.approx(share, rel=0.25)


def test_neighbours_share_no_cell_more_often_than_others() -> None:
    """Addresses in sequence, as an operator has them, are spread by the hash."""
    hosts = contacted()
    for number in range(256):
        hosts.sent_to(make_endpoint(f"45.1.1.{number}", 1), 0.0)
    near = [make_endpoint(f"45.1.{b}.{c}", 1) for b in range(2, 10) for c in range(256)]
    assert sum(not hosts.is_stranger(each, 0.0) for each in near) <= 16


# --- in a node ------------------------------------------------------------------------------------

QUERY = FindNode(b"aaaa", 1, 2)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"junk",
        bytes(3000),
        krpc.encode(QUERY),
        krpc.encode(Ping(b"aaaa", 1, b"8 bytes!")),
        krpc.encode(Reply(b"aaaa", 1)),
        krpc.encode(Error(b"aaaa", 201, "")),
        krpc.encode(Put(b"aaaa", 1, b"token", Item(b"1:x"))),
        b"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe",
        b"d1:y1:r1:rd2:id20:aaaaaaaaaaaaaaaaaaaa2:oki7ee1:t2:aae",
    ],
)
@pytest.mark.parametrize("options", [{}, {"read_only": True}, {"ban": ("12.0.0.0/8",)}])
def test_every_datagram_of_a_known_host_renews_it_whatever_becomes_of_it(
    payload: bytes, options: dict[str, object]
) -> None:
    world = World()
    host = world.add(address(0), replace(without(), **options))
    node, other = host.node, make_endpoint("12.1.0.7", 6881)
    hosts = node._contacted  # what the tests of reachability ask
    hosts.sent_to(other, 0.0)
    for _ in range(11):
        world.run(60.0)
        node.receive(payload, other, world.now)
        node.drain_outbox()
        assert not hosts.is_stranger(other, world.now)
    world.run(364.0)
    assert hosts.is_stranger(other, world.now)


def test_a_flood_beyond_the_limits_renews_it_too() -> None:
    world = World()
    host = world.add(address(0))
    other = address(1)
    hosts = host.node._contacted
    hosts.sent_to(other, 0.0)
    for second in range(0, 500, 5):
        for _ in range(120):
            host.node.receive(krpc.encode(QUERY), other, float(second))
        host.node.drain_outbox()
    assert host.node.counters.dropped["limit.address"] > 1000
    assert not hosts.is_stranger(other, 499.0)


def test_answers_and_queries_are_noted_when_they_are_sent() -> None:
    world = World()
    host, asker, asked = world.add(address(0)), address(1), address(2)
    hosts = host.node._contacted
    host.node.receive(krpc.encode(QUERY), asker, 0.0)
    assert not hosts.is_stranger(asker, 0.0)
    assert hosts.is_stranger(asked, 0.0)
    world.ping(host, asked)
    assert not hosts.is_stranger(asked, 0.0)
