"""The loop of ``kadisc feed``, with a running node and a chain node that do as they are told."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
from trio.testing import MockClock

from kadisc.endpoints import Endpoint
from kadisc.errors import KadiscError, NotRunning
from kadisc.feed.candidates import FeedLimits
from kadisc.feed.chain_node import ChainLook, Offered
from kadisc.feed.chain_peer import ChainPeer
from kadisc.feed.handshake import HandshakeOutcome
from kadisc.feed.loop import Feeder
from kadisc.feed.node_link import OwnPlace
from kadisc.feed.report import FeedReport
from kadisc.feed.rpc import RpcRefused, RpcUnreachable
from kadisc.feed.settings import FeedSettings
from kadisc.feed.telling import AGAIN_S, NextState
from kadisc.observe.feed_states import FeedState
from kadisc.service.log_lines import LogEntry
from kadisc.service.repeat_limit import LINES, RepeatLimit

from .peers import found

ONE, TWO, THREE = (found(f"45.{number}.0.1:9333") for number in (1, 2, 3))
SOUND = HandshakeOutcome(None, "sound")
OWN = OwnPlace("00" * 32, frozenset({"45.9.0.1"}), 9333, 9333)
NOT_KNOWN_YET = Offered()


@dataclass
class RunningNode:
    """``gives``: what it tells at the start of each connection."""

    gives: list[ChainPeer] = field(default_factory=list)
    own: OwnPlace = OWN
    is_gone: bool = False
    is_locked: bool = False
    """New connections fail, and the one that follows its peers lasts."""
    verdicts: list[tuple[str, str]] = field(default_factory=list)
    services: list[int | str | None] = field(default_factory=list)
    connections: int = 0
    states: list[FeedState] = field(default_factory=list)
    """What it was told of the feeder."""

    async def run(self, found: Callable[[ChainPeer], None], lost: Callable[[str], None]) -> None:
        if self.is_gone:
            await trio.sleep(0.1)
            raise NotRunning("no node runs there")
        self.connections += 1
        self.found, self.lost = found, lost
        for peer in self.gives:
            found(peer)
        while not self.is_gone:  # noqa: ASYNC110
            await trio.sleep(1.0)
        raise KadiscError("closed")

    async def feedback(self, key: str, verdict: str) -> None:
        await self._there()
        self.verdicts.append((key, verdict))

    async def own_place(self) -> OwnPlace:
        await self._there()
        return self.own

    async def set_service(self, name: str, value: int | str | None) -> None:
        await self._there()
        self.services.append(value)
        self.own = OwnPlace(self.own.key, self.own.hosts, value, value)

    async def tell_states(self, next_state: NextState) -> None:
        while True:
            state = await next_state()
            await self._there()
            self.states.append(state)

    async def _there(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.is_gone or self.is_locked:
            raise NotRunning("no node runs there")


@dataclass
class ChainNode:
    """It connects to what it is offered, but for ``refuses``. ``error``: raised at each look."""

    name: str = "chain"
    waits_s: float = 30.0
    outbound: set[Endpoint] = field(default_factory=set)
    inbound: frozenset[bytes] = frozenset()
    refuses: set[Endpoint] = field(default_factory=set)
    offered: list[str] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)
    error: Exception | None = None
    has_room: bool = True
    looks: int = 0
    offer_s: float = 0.01
    answer: Offered = NOT_KNOWN_YET
    has_new_password: bool = False

    async def look(self) -> ChainLook:
        await trio.lowlevel.checkpoint()
        self.looks += 1
        if self.error is not None:
            raise self.error
        return ChainLook(
            len(self.outbound),
            frozenset(self.outbound),
            inbound=self.inbound,
            has_room=self.has_room,
        )

    async def offer(self, peer: ChainPeer) -> Offered:
        await trio.sleep(self.offer_s)
        if self.error is not None:
            raise self.error
        self.offered.append(str(peer))
        if peer.address not in self.refuses:
            self.outbound.add(peer.address)
        return self.answer

    async def withdraw(self, peer: ChainPeer) -> None:
        await trio.lowlevel.checkpoint()
        self.taken_back.append(str(peer))

    def access_changed(self) -> bool:
        return self.has_new_password


@dataclass
class Said:
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def of(self, event: str) -> list[str]:
        return [words for kind, words, _ in self.events if kind == event]


Shake = Callable[[str, int], Awaitable[HandshakeOutcome]]


async def sound(host: str, port: int) -> HandshakeOutcome:
    await trio.sleep(0.2)
    return SOUND


@asynccontextmanager
async def feeding(
    node: RunningNode, chain: ChainNode, shake: Shake = sound, **settings: Any
) -> AsyncIterator[Said]:
    said = Said()
    limit = RepeatLimit()

    def note(entry: LogEntry) -> None:
        if limit.allows(entry, trio.current_time()):
            said.events.append((entry.event, entry.words, dict(entry.fields)))

    report = FeedReport(note)
    feeder = Feeder(node, chain, shake, report, FeedSettings(**settings), FeedLimits())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feeder.run)
        yield said
        nursery.cancel_scope.cancel()


async def test_sound_peers_are_offered_and_judged_good(autojump_clock: MockClock) -> None:
    node, chain = RunningNode([ONE, TWO]), ChainNode()
    async with feeding(node, chain) as said:
        await trio.sleep(5)
        assert sorted(chain.offered) == [str(ONE), str(TWO)]
        assert sorted(node.verdicts) == sorted([(ONE.key, "good"), (TWO.key, "good")])
        await trio.sleep(7200)
        assert len(chain.offered) == 2
    assert len(said.of("connected")) == 2


async def test_no_more_than_wanted_and_none_that_is_connected_or_itself(
    autojump_clock: MockClock,
) -> None:
    own = found("45.9.0.1:9333")
    node, chain = RunningNode([own, ONE, TWO, THREE]), ChainNode()
    chain.inbound = frozenset({ONE.address[:4]})
    async with feeding(node, chain, want=1):
        await trio.sleep(3600)
    assert chain.offered == [str(TWO)]


async def test_what_fails_the_handshake_is_judged_and_never_offered(
    autojump_clock: MockClock,
) -> None:
    tried: list[str] = []

    async def shake(host: str, port: int) -> HandshakeOutcome:
        await trio.sleep(0.1)
        tried.append(host)
        return HandshakeOutcome("wrong-network", "another chain's magic")

    node, chain = RunningNode([ONE]), ChainNode()
    async with feeding(node, chain, shake) as said:
        await trio.sleep(7200)
    assert chain.offered == []
    assert node.verdicts == [(ONE.key, "wrong-network")]
    assert tried == [ONE.host]
    assert said.of("refused") == [f"{ONE}  another chain's magic -> wrong-network"]


async def test_what_is_not_connected_after_half_a_minute_is_bad(autojump_clock: MockClock) -> None:
    node, chain = RunningNode([ONE]), ChainNode(refuses={ONE.address})
    async with feeding(node, chain):
        await trio.sleep(29)
        assert node.verdicts == []
        await trio.sleep(5)
        assert node.verdicts == [(ONE.key, "bad")]


async def test_a_chain_node_that_found_others_meanwhile_says_nothing_of_the_offer(
    autojump_clock: MockClock,
) -> None:
    node, chain = RunningNode([ONE]), ChainNode(refuses={ONE.address})
    async with feeding(node, chain, want=2):
        await trio.sleep(10)
        chain.outbound |= {TWO.address, THREE.address}
        await trio.sleep(60)
    assert node.verdicts == []


async def test_a_chain_node_without_network_is_offered_nobody(autojump_clock: MockClock) -> None:
    node, chain = RunningNode([ONE]), ChainNode(has_room=False)
    async with feeding(node, chain):
        await trio.sleep(60)
        assert chain.offered == []
        chain.has_room = True
        await trio.sleep(20)
        assert chain.offered == [str(ONE)]


async def test_a_restart_of_the_chain_node_is_seen_and_its_peers_are_offered_again(
    autojump_clock: MockClock,
) -> None:
    node, chain = RunningNode([ONE]), ChainNode()
    async with feeding(node, chain) as said:
        await trio.sleep(120)
        chain.error = RpcUnreachable("connection refused")
        chain.outbound.clear()
        await trio.sleep(40)
        assert len(said.of("chain")) == 3
        chain.error = None
        await trio.sleep(20)
        assert chain.offered == [str(ONE), str(ONE)]
    assert any("connection refused; trying again" in words for words in said.of("chain"))


async def test_a_refusal_of_the_rpc_is_one_line_and_is_tried_every_five_minutes(
    autojump_clock: MockClock,
) -> None:
    node, chain = RunningNode([ONE]), ChainNode(error=RpcRefused("wrong password"))
    async with feeding(node, chain) as said:
        await trio.sleep(1000)
        assert chain.looks == 4
        assert said.of("chain") == ["wrong password; trying again every 5 minutes"]
        chain.error = None
        await trio.sleep(305)
        assert chain.offered == [str(ONE)]


async def test_a_new_password_is_tried_at_once(autojump_clock: MockClock) -> None:
    node, chain = RunningNode([ONE]), ChainNode(error=RpcRefused("wrong password"))
    async with feeding(node, chain):
        await trio.sleep(60)
        assert chain.looks == 1
        chain.error, chain.has_new_password = None, True
        await trio.sleep(5)
        assert chain.offered == [str(ONE)]


async def test_the_running_node_gone_is_one_line_and_it_is_found_again(
    autojump_clock: MockClock,
) -> None:
    node, chain = RunningNode([ONE]), ChainNode()
    async with feeding(node, chain) as said:
        await trio.sleep(60)
        node.is_gone = True
        await trio.sleep(600)
        assert said.of("node") == ["closed; trying again"]
        node.is_gone, node.gives = False, [TWO]
        await trio.sleep(60)
        assert said.of("node")[1:] == ["the running node is there again"]
        assert node.connections == 2
        assert chain.offered == [str(ONE), str(TWO)]


async def test_a_control_socket_that_is_gone_is_told_though_the_connection_lasts(
    autojump_clock: MockClock,
) -> None:
    node, chain = RunningNode([ONE]), ChainNode()
    async with feeding(node, chain) as said:
        await trio.sleep(60)
        node.is_locked = True
        await trio.sleep(600)
        assert said.of("node") == ["no node runs there; trying again"]
        node.is_locked = False
        await trio.sleep(30)
        assert said.of("node")[1:] == ["the running node is there again"]
    assert node.connections == 1


async def test_a_service_at_another_port_of_the_router_keeps_that_of_this_machine(
    autojump_clock: MockClock,
) -> None:
    """The record has the mapped port: the own one is looked at, and nothing is set anew."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        node, chain = RunningNode(own=OwnPlace(OWN.key, OWN.hosts, port + 1, port)), ChainNode()
        async with feeding(node, chain, advertise="p2p", port=port) as said:
            await trio.sleep(600)
        assert (node.services, said.of("advertised")) == ([], [])


async def test_a_service_at_another_host_is_withdrawn_and_offered_again(
    autojump_clock: MockClock,
) -> None:
    """Its own address is looked at, and it is not offered to itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        own = OwnPlace(OWN.key, OWN.hosts, place, place)
        node, chain = RunningNode([found(place), ONE], own), ChainNode()
        async with feeding(node, chain, advertise="p2p") as said:
            await trio.sleep(60)
            assert (node.services, chain.offered) == ([], [str(ONE)])
            chain.error = RpcUnreachable("down")
            await trio.sleep(90)
            assert node.services == [None]
            chain.error = None
            await trio.sleep(60)
        assert node.services == [None, place]
        assert said.of("advertised") == [f"p2p={place}"]


async def test_the_service_is_withdrawn_and_offered_again(autojump_clock: MockClock) -> None:
    """The port is not looked at here: the RPC is down."""
    node, chain = RunningNode(), ChainNode(error=RpcUnreachable("down"))
    async with feeding(node, chain, advertise="p2p") as said:
        await trio.sleep(50)
        assert node.services == []
        await trio.sleep(30)
        assert node.services == [None]
        await trio.sleep(600)
        assert node.services == [None]
        node.own = OWN  # it was restarted
        await trio.sleep(30)
        assert node.services == [None, None]
    assert len(said.of("withdrawn")) == 2


async def test_a_dry_run_offers_nothing_and_tells_nobody(autojump_clock: MockClock) -> None:
    async def shake(host: str, port: int) -> HandshakeOutcome:
        await trio.sleep(0.1)
        return SOUND if host == ONE.host else HandshakeOutcome("bad", "silent")

    node, chain = RunningNode([ONE, TWO]), ChainNode()
    async with feeding(node, chain, shake, dry_run=True, advertise="p2p") as said:
        await trio.sleep(60)
        chain.error = RpcUnreachable("down")
        await trio.sleep(300)
    assert (chain.offered, node.verdicts, node.services) == ([], [], [])
    assert said.of("would-offer") == [f"{ONE}  sound"]


async def test_what_was_offered_and_left_is_taken_back_once_it_is_not_connected(
    autojump_clock: MockClock,
) -> None:
    node, chain = RunningNode([ONE]), ChainNode()
    async with feeding(node, chain):
        await trio.sleep(10)
        node.lost(ONE.key)
        await trio.sleep(60)
        assert chain.taken_back == []
        chain.outbound.clear()
        await trio.sleep(20)
        assert chain.taken_back == [str(ONE)]
        await trio.sleep(600)
        assert chain.taken_back == [str(ONE)]


async def test_a_target_that_answers_at_once_is_believed(autojump_clock: MockClock) -> None:
    chain = ChainNode(waits_s=0.0, answer=Offered("good", "taken"))
    node = RunningNode([ONE, TWO, THREE])
    async with feeding(node, chain, want=2):
        await trio.sleep(5)
        assert len(chain.offered) == 2
        first = next(peer for peer in (ONE, TWO, THREE) if str(peer) == chain.offered[0])
        chain.outbound.discard(first.address)
        node.lost(first.key)
        await trio.sleep(30)
        assert chain.taken_back == [str(first)]
        assert len(chain.offered) == 3
    assert {verdict for _, verdict in node.verdicts} == {"good"}


async def test_an_offer_may_take_longer_than_a_look_and_a_restart(
    autojump_clock: MockClock,
) -> None:
    """As a command that takes its time, beside quick looks and a restart of the chain node."""
    for waits_s in (0.0, 30.0):
        chain = ChainNode(waits_s=waits_s, offer_s=20.0, answer=Offered("good", "taken"))
        node = RunningNode([ONE, TWO])
        async with feeding(node, chain, want=2, quick_look_s=1.0, look_s=2.0) as said:
            await trio.sleep(10)
            chain.error = RpcUnreachable("restarting")
            await trio.sleep(5)
            chain.error = None
            await trio.sleep(60)
        assert sorted(chain.offered) == [str(ONE), str(TWO)]
        assert said.of("refused") == []
        assert sorted(node.verdicts) == sorted([(ONE.key, "good"), (TWO.key, "good")])


async def test_what_is_found_again_before_it_was_taken_back_stays(
    autojump_clock: MockClock,
) -> None:
    node, chain = RunningNode([ONE]), ChainNode()
    async with feeding(node, chain):
        await trio.sleep(10)
        node.lost(ONE.key)
        await trio.sleep(20)
        node.found(ONE)
        chain.outbound.clear()
        await trio.sleep(30)
        assert chain.taken_back == []


async def test_what_was_lost_while_the_running_node_was_gone_is_taken_back(
    autojump_clock: MockClock,
) -> None:
    node = RunningNode([ONE, TWO])
    chain = ChainNode(waits_s=0.0, answer=Offered("good", "taken"))
    async with feeding(node, chain, want=2):
        await trio.sleep(60)
        node.is_gone = True
        await trio.sleep(60)
        node.is_gone, node.gives = False, [TWO]
        await trio.sleep(500)
        assert chain.taken_back == []
        await trio.sleep(300)
        assert chain.taken_back == [str(ONE)]


async def test_once_ends_with_the_peers_that_are_wanted(autojump_clock: MockClock) -> None:
    for gives, expected, within_s in (([ONE, TWO], True, 10), ([], False, 61)):
        report = FeedReport(lambda entry: None)
        settings = FeedSettings(want=2, once=True)
        node, chain = RunningNode(list(gives)), ChainNode()
        feeder = Feeder(node, chain, sound, report, settings, FeedLimits())
        began = trio.current_time()
        assert await feeder.run() is expected
        assert trio.current_time() - began < within_s


async def test_a_flood_of_sound_records_fills_neither_the_log_nor_the_chain_node(
    autojump_clock: MockClock,
) -> None:
    async def bad(host: str, port: int) -> HandshakeOutcome:
        await trio.sleep(0.1)
        return HandshakeOutcome("bad", "silent")

    node, chain = RunningNode(), ChainNode()
    async with feeding(node, chain, bad) as said:
        await trio.sleep(1)
        for number in range(1000):
            node.found(found(f"45.{number // 200}.{number % 200}.1:9333", key=f"{number:064x}"))
        await trio.sleep(300)
    assert len(node.verdicts) <= 310
    assert len(said.of("refused")) <= 6 * LINES


async def test_the_running_node_is_told_what_the_feeder_does(autojump_clock: MockClock) -> None:
    async def shake(host: str, port: int) -> HandshakeOutcome:
        await trio.sleep(0.2)
        return SOUND if host != TWO.host else HandshakeOutcome("wrong-network", "another magic")

    node, chain = RunningNode([ONE, TWO]), ChainNode()
    chain.inbound = frozenset({b"\x2d\x07\0\1"})
    async with feeding(node, chain, shake, preset="bitcoin") as said:
        await trio.sleep(5)
        state = node.states[-1]
        assert (state.name, state.condition, state.chain) == ("bitcoin", "up", "chain")
        assert (state.outbound, state.inbound, state.standing) == (1, 1, 1)
        assert state.verdicts == {"good": 1, "wrong-network": 1}
        assert (state.events["connected"], state.events["refused"]) == (1, 1)
        assert [(row.address, row.direction, row.offered) for row in state.peers] == [
            (str(ONE), "out", True),
            ("45.7.0.1", "in", False),
        ]
        assert {(step.event, step.peer, step.verdict) for step in state.steps} >= {
            ("connected", str(ONE), "good"),
            ("refused", str(TWO), "wrong-network"),
        }
        told = len(node.states)
        await trio.sleep(AGAIN_S + 1)  # nothing happens: only told that it is there still
        assert len(node.states) == told + 1
        chain.error = RpcUnreachable("connection refused")
        node.is_locked = True  # and so are new connections, for a while
        await trio.sleep(40)
        node.is_locked = False
        await trio.sleep(40)
        state = node.states[-1]
        assert (state.condition, state.outbound, state.peers) == ("down", None, ())
        assert (state.trouble or "").startswith("connection refused")
        chain.error = None
        await trio.sleep(40)
        assert node.states[-1].condition == "up"
        assert said.of("connected")
