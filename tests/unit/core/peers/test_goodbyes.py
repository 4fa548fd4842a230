"""Goodbyes: a node that stops is given to nobody any more, at once, and comes back when it answers;
a forged goodbye changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.core.peers.goodbyes import MAX_DATAGRAMS
from kadisc.core.peers.partners import TOKEN_FRESH_S
from kadisc.endpoints import Endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import Gossip, Query
from tests.support.community import (
    TAG,
    Stranger,
    introduce,
    knows,
    lost,
    member,
    peer_network,
    refused,
    stranger,
)
from tests.support.world import CONFIG, Host, World, without

HEEDED, SENT = "goodbyes.heeded", "goodbyes.sent"


def given(host: Host, world: World) -> set[Endpoint]:
    return {peer.endpoint for peer in peer_network(host).peers(99, world.now)}


def leave(world: World, host: Host) -> None:
    """As a node that is stopped: it waits for tokens, for a second at most."""
    host.node.leave(world.now)
    world.flush(host)
    world.run(1.0, until=lambda: not host.node.awaits_tokens)
    host.node.close(world.now)
    world.kill(host)


def counted(host: Host, name: str) -> int:
    return host.node.counters.as_dict().get(name, 0)


def network(world: World, size: int = 6) -> list[Host]:
    hosts = [member(world, number) for number in range(1, size + 1)]
    for host in hosts:
        world.join(host, hosts[:1])
        peer_network(host).report([hosts[0].endpoint], "operator", world.now)
        world.run(1.0)
    world.run(60.0)
    for host in hosts:
        assert knows(host) == {each.endpoint for each in hosts if each is not host}
    return hosts


@pytest.mark.parametrize("idle_s", [0.0, 2 * TOKEN_FRESH_S], ids=["with tokens", "without"])
def test_a_node_that_stops_is_given_to_nobody_at_once_and_again_when_it_is_back(
    idle_s: float,
) -> None:
    world = World(1)
    leaving, *others = network(world)
    world.run(idle_s)
    leave(world, leaving)
    world.run(1.0)
    for other in others:
        assert leaving.endpoint not in knows(other) | given(other, world)
        assert (leaving.endpoint, "goodbye") in lost(other)
        assert counted(other, HEEDED) == 1
        why = peer_network(other).why(leaving.endpoint, world.now)
        assert why is not None, "the book keeps it"
        assert why.failures == 1
    assert counted(leaving, SENT) == len(others)
    world.run(300.0)
    for other in others:
        assert leaving.endpoint not in given(other, world)
    back = member(world, 1)
    world.join(back, others[:1])
    peer_network(back).report([others[0].endpoint], "operator", world.now)
    world.run(120.0)
    for other in others:
        assert leaving.endpoint in given(other, world)


def test_goodbyes_are_few_and_say_nothing_else() -> None:
    world = World(2)
    leaving = member(world, 1)
    strangers = [stranger(world, number) for number in range(2, 42)]
    for half in (strangers[:20], strangers[20:]):
        introduce(world, leaving, *(each.endpoint for each in half))
    world.run(30.0)
    assert len(knows(leaving)) == 40
    partners = peer_network(leaving).components.partners
    partners.forget_tokens()
    for number, each in enumerate(strangers):
        if number < 20:
            partners.token_received(each.endpoint, b"stranger", world.now)
        each.heard.clear()
    leave(world, leaving)
    world.run(1.0)
    heard = [query for each in strangers for query in each.gossip()]
    assert len(heard) == MAX_DATAGRAMS, "20 goodbyes with a token, and 6 that needed one first"
    for query in heard:
        assert (query.bye, query.want, query.record) == (query.token is not None, 0, None)
    assert sum(query.bye for query in heard) == counted(leaving, SENT) == 26


def test_a_read_only_node_says_nothing() -> None:
    world = World(3)
    reader = member(world, 1, config=replace(CONFIG, read_only=True))
    peer = stranger(world, 2)
    introduce(world, reader, peer.endpoint)
    peer.heard.clear()
    assert knows(reader) == {peer.endpoint}
    leave(world, reader)
    world.run(1.0)
    assert (counted(reader, SENT), peer.heard) == (0, [])


def test_a_node_that_leaves_takes_no_more_part_in_gossip() -> None:
    world = World(4)
    leaving, other = network(world, 2)
    asker = stranger(world, 9)
    leaving.node.leave(world.now)
    world.flush(leaving)
    world.run(1.0)
    world.inject(leaving, asker.endpoint, krpc.encode(Gossip(b"get!", asker.id, TAG, 0, pad=400)))
    introduce(world, other, leaving.endpoint)
    world.run(120.0)
    assert asker.heard == []
    assert asker.tokens == {}
    assert knows(other) == set()


# --- forged ones ----------------------------------------------------------------------------------


def bye(sender: Stranger, token: bytes | None, *, tag: bytes = TAG) -> bytes:
    return krpc.encode(Gossip(b"bye!", sender.id, tag, 0, token=token, bye=True))


def token_for(world: World, host: Host, sender: Stranger) -> bytes:
    world.inject(host, sender.endpoint, krpc.encode(Gossip(b"get!", sender.id, TAG, 0, pad=400)))
    world.run(0.2)
    return sender.tokens[host.endpoint]


def test_the_peer_itself_can_say_goodbye() -> None:
    world = World(5)
    host, peer = member(world, 1), stranger(world, 2)
    introduce(world, host, peer.endpoint)
    token = token_for(world, host, peer)
    peer.heard.clear()
    world.inject(host, peer.endpoint, bye(peer, token))
    world.run(1.0)
    assert given(host, world) == set()
    assert peer.heard == []
    assert host.node.drain_outbox() == [], "a goodbye gets no answer"
    introduce(world, host, peer.endpoint)
    world.run(30.0)
    assert given(host, world) == {peer.endpoint}, "it has answered again"


@pytest.mark.parametrize("defended", [True, False], ids=["on", "off"])
def test_a_goodbye_from_a_forged_address_counts_only_without_tokens(defended: bool) -> None:
    world = World(6)
    host = member(world, 1, **({} if defended else {"config": without("gossip_tokens")}))
    peer, attacker = stranger(world, 2), stranger(world, 3)
    introduce(world, host, peer.endpoint)
    foreign = token_for(world, host, attacker)
    for token in (b"", b"guess", foreign):
        world.inject(host, peer.endpoint, bye(peer, token))
    assert (peer.endpoint in given(host, world)) == defended
    if defended:
        assert refused(host)["bye-without-token"] == 3
        assert counted(host, HEEDED) == 0


def test_a_goodbye_counts_for_its_own_endpoint_alone() -> None:
    world = World(7)
    host, peer = member(world, 1), stranger(world, 2)
    neighbour = stranger(world, 3, at=Endpoint(peer.endpoint[:4] + b"\x10\x01"))
    introduce(world, host, peer.endpoint)
    world.inject(host, neighbour.endpoint, bye(peer, token_for(world, host, neighbour)))
    assert given(host, world) == {peer.endpoint}
    assert refused(host)["bye-unknown"] == 1
    world.inject(host, peer.endpoint, bye(peer, token_for(world, host, peer), tag=bytes(20)))
    assert given(host, world) == {peer.endpoint}, "of another network"
    assert counted(host, HEEDED) == 0


def test_a_goodbye_of_an_unproven_peer_changes_nothing() -> None:
    world = World(8)
    host, older = member(world, 1), stranger(world, 2, proves=False)
    introduce(world, host, older.endpoint)
    world.inject(host, older.endpoint, bye(older, token_for(world, host, older)))
    assert given(host, world) == {older.endpoint}
    assert refused(host)["bye-unproven"] == 1


# --- on the wire ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "is_bye"),
    [(b"i1e", True), (b"i0e", False), (b"i2e", False), (b"1:1", False), (b"le", False)],
)
def test_only_the_number_one_is_a_goodbye(value: bytes, is_bye: bool) -> None:
    plain = krpc.encode(Gossip(b"bye!", 7, TAG, 0, token=b"12345678", bye=True))
    assert plain.count(b"3:byei1e") == 1
    query = krpc.decode(plain.replace(b"3:byei1e", b"3:bye" + value))
    assert isinstance(query, Query)
    assert isinstance(query, Gossip)
    assert query.bye is is_bye


def test_queries_without_goodbye_are_as_before() -> None:
    assert b"bye" not in krpc.encode(Gossip(b"abcd", 7, TAG, 3, token=b"12345678"))
