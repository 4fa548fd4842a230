"""What a node has mapped, and what follows from it: the endpoint that the core tests, the record,
events, and nonces.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import trio
from trio.testing import MockClock

from kadisc.config import Config, CoreConfig
from kadisc.core.contract.events import AddressChanged
from kadisc.endpoints import Endpoint, Family, parse_endpoint
from kadisc.errors import UsageError
from kadisc.net.api.node import Node
from kadisc.net.environment import MAPPING_VARIABLE
from kadisc.net.mapping import port_mapper
from kadisc.net.mapping.port_mapper import PortMapper
from kadisc.net.mapping.results import MappingRequest
from kadisc.net.mapping.router_access import Location, NoRouter
from kadisc.net.state.saved_nonces import MAX_NONCES, SavedNonce
from kadisc.observe.describe import words_for
from kadisc.observe.mappings import MappingSnapshot
from kadisc.observe.shell_events import MappingChanged
from kadisc.wire.records import decode_record

from ..lab import network, open_at
from .scripted_router import (
    AT_HOME,
    ROUTER,
    ScriptedRouter,
    by_pcp,
    is_pcp,
    pcp_answer,
    silent,
)

WAN = "45.10.0.1"
CONFIG = Config(
    core=CoreConfig(unlimited=True),
    external=(f"{WAN}:6881",),
    service={"eth": 30303, "fork": b"\xab"},
    network="lab",
)


@dataclass
class Bench:
    node: Node
    mapper: PortMapper
    router: ScriptedRouter
    events: list[MappingSnapshot]
    mapped: list[tuple[Family, Endpoint | None]]

    def move(self, ip: str) -> None:
        """The votes of others decide another address."""
        core = self.node.pump.core
        core.dhts[Family.IPV4].parts.address.ip = parse_endpoint(f"{ip}:1")[:4]
        self.node.pump.dispatch.route(
            AddressChanged(Family.IPV4, parse_endpoint(f"{ip}:1")[:4], 6881, 7, 12)
        )

    @property
    def nat(self) -> str:
        """What the node says of the NAT before it."""
        [reach] = self.node.snapshot().reach
        return reach.nat


@pytest.fixture(autouse=True)
def mapping_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The routers of these tests are in memory."""
    monkeypatch.delenv(MAPPING_VARIABLE)


@asynccontextmanager
async def bench(
    router: ScriptedRouter,
    config: Config = CONFIG,
    nonces: tuple[SavedNonce, ...] = (),
) -> AsyncIterator[Bench]:
    """A node on a network in memory, with a port mapper beside its own, which is switched off."""
    own = replace(config, port_mapping="off")
    async with open_at(network(), 1, config=own) as node:
        mapper = PortMapper(node.pump, config.settled(), random.Random(1), nonces, routers=router)
        events: list[MappingSnapshot] = []
        mapped: list[tuple[Family, Endpoint | None]] = []
        reach = node.pump.core.peer_network.reach  # type: ignore[union-attr]
        tell = type(reach).mapped

        def noted(self: object, family: Family, endpoint: Endpoint | None, now: float) -> object:
            mapped.append((family, endpoint))
            return tell(self, family, endpoint, now)  # type: ignore[arg-type]

        def note(event: object) -> None:
            if isinstance(event, MappingChanged):
                events.append(event.mapping)

        node.pump.dispatch.tap(note)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(reach), "mapped", noted)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(mapper.run)
                await trio.sleep(0.1)
                yield Bench(node, mapper, router, events, mapped)
                nursery.cancel_scope.cancel()


def services(node: Node) -> dict[str, int | bytes]:
    return dict(decode_record(node.record).services)


async def test_the_core_is_told_of_the_granted_port_at_the_address_that_others_see(
    autojump_clock: MockClock,
) -> None:
    router = ScriptedRouter(
        lambda request: (pcp_answer(request, external=40_000, ip=bytes((45, 99, 0, 1))),)
    )
    async with bench(router) as at:
        assert at.mapped == [(Family.IPV4, parse_endpoint(f"{WAN}:40000"))]
        [seen] = at.mapper.snapshot()
        assert seen.external == parse_endpoint("45.99.0.1:40000")
        assert seen.reason == f"other nodes see this one at {WAN}"
        assert (seen.state, seen.method, seen.gateway) == ("mapped", "pcp", ROUTER)
        router.answering = silent
        await trio.sleep(4000)
        assert at.mapped[1:] == [(Family.IPV4, None)]


async def test_a_new_address_is_told_and_the_mapping_renewed(autojump_clock: MockClock) -> None:
    async with bench(ScriptedRouter()) as at:
        asked = len(at.router.sent)
        at.move("45.20.0.1")
        await trio.sleep(0.1)
        assert at.mapped[-1] == (Family.IPV4, parse_endpoint("45.20.0.1:6881"))
        assert len(at.router.sent) == asked + 1


async def test_without_an_address_the_core_is_told_once_there_is_one(
    autojump_clock: MockClock,
) -> None:
    config = replace(CONFIG, external=())
    async with bench(ScriptedRouter(), config) as at:
        at.node.pump.core.dhts[Family.IPV4].parts.address.ip = None
        [seen] = at.mapper.snapshot()
        assert seen.state == "mapped"


async def test_the_port_that_others_see_is_asked_for(autojump_clock: MockClock) -> None:
    async with bench(ScriptedRouter(), replace(CONFIG, external=(f"{WAN}:7000",))) as at:
        assert at.router.requests() == [MappingRequest("udp", 6881, 7000, 3600)]
    async with bench(ScriptedRouter(), replace(CONFIG, external=(f"{WAN}:700",))) as at:
        assert at.router.requests() == [MappingRequest("udp", 6881, 6881, 3600)]


async def test_a_service_at_a_mapped_port_has_the_external_one_in_the_record(
    autojump_clock: MockClock,
) -> None:
    config = replace(CONFIG, map_port=("tcp:30303=51303",))
    async with bench(ScriptedRouter(), config) as at:
        assert services(at.node) == {"eth": 51303, "fork": b"\xab"}
        at.router.answering = silent
        await trio.sleep(4000)
        assert services(at.node) == {"eth": 30303, "fork": b"\xab"}
        at.router.answering = by_pcp
        await trio.sleep(4000)
        assert services(at.node)["eth"] == 51303


async def test_a_service_at_a_port_that_is_not_to_be_mapped_stays(
    autojump_clock: MockClock,
) -> None:
    async with bench(ScriptedRouter(), replace(CONFIG, map_port=("tcp:30304",))) as at:
        assert services(at.node)["eth"] == 30303


async def test_a_second_nat_is_shown_and_its_mapping_still_tested(
    autojump_clock: MockClock,
) -> None:
    private = bytes((192, 168, 2, 20))
    async with bench(ScriptedRouter(lambda request: (pcp_answer(request, ip=private),))) as at:
        [seen] = at.mapper.snapshot()
        assert seen.reason is not None
        assert seen.reason.startswith("double NAT: the address of the router is 192.168.2.20")
        assert at.mapped == [(Family.IPV4, parse_endpoint(f"{WAN}:6881"))]
        assert at.nat == "double"
    nowhere = ScriptedRouter(lambda request: (pcp_answer(request, ip=bytes(4)),))
    async with bench(nowhere) as at:
        [seen] = at.mapper.snapshot()
        assert seen.reason == "the router names no address"
        assert seen.external == parse_endpoint(f"{WAN}:6881")
        assert at.nat != "double"


async def test_an_operator_is_told_of_changes_and_not_of_renewals(
    autojump_clock: MockClock,
) -> None:
    async with bench(ScriptedRouter(silent), replace(CONFIG, map_lease_s=60.0)) as at:
        await trio.sleep(700)
        assert [each.state for each in at.events] == ["paused"]
        assert words_for(MappingChanged(at.events[0]))[1].endswith(
            "udp port 6881 is not forwarded by 192.168.1.1: no answer from 192.168.1.1"
        )
        at.router.answering = by_pcp
        at.mapper.network_changed([Family.IPV4])
        await trio.sleep(400)
        assert [each.state for each in at.events] == ["paused", "mapped"]
        assert (
            "is forwarded from 45.10.0.1:6881 by PCP" in words_for(MappingChanged(at.events[1]))[1]
        )
        at.router.answering = silent
        await trio.sleep(100)
        assert [each.state for each in at.events][2:] == ["asking", "paused"]


async def test_another_router_is_asked_at_once_and_the_old_mapping_gone(
    autojump_clock: MockClock,
) -> None:
    async with bench(ScriptedRouter()) as at:
        at.router.answering = silent
        at.router.place = replace(AT_HOME, gateway="192.168.2.1")
        at.mapper.network_changed([Family.IPV4])
        await trio.sleep(0.1)
        assert at.mapped[-1] == (Family.IPV4, None)
        at.router.answering = by_pcp
        await trio.sleep(1)
        [seen] = at.mapper.snapshot()
        assert (seen.state, seen.gateway) == ("mapped", "192.168.2.1")
        assert at.mapped[-1] == (Family.IPV4, parse_endpoint(f"{WAN}:6881"))
        # Another router, another nonce.
        assert len({row.nonce for row in at.mapper.nonces()}) == 2


async def test_no_router_is_looked_for_again(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(place=NoRouter("no default route", False))
    async with bench(router) as at:
        [seen] = at.mapper.snapshot()
        assert (seen.state, seen.reason) == ("paused", "no default route")
        router.place = AT_HOME
        await trio.sleep(61)
        assert at.mapper.snapshot()[0].state == "mapped"


async def test_a_router_that_counts_anew_is_asked_for_all_ports_again(
    autojump_clock: MockClock,
) -> None:
    config = replace(CONFIG, map_port=("tcp:30303", "udp:40404"))
    restarted = 0.0

    def counting(request: bytes) -> Iterable[bytes]:
        return (pcp_answer(request, epoch=int(1 + trio.current_time() - restarted)),)

    async with bench(ScriptedRouter(counting), config) as at:
        await trio.sleep(1000)
        assert len(at.router.sent) == 3
        restarted = trio.current_time()
        at.router.sent.clear()
        await trio.sleep(1250)  # one of the three is renewed first, and tells
        first = at.router.sent[0][0]
        assert {each.internal for each in at.router.requests()} == {6881, 30303, 40404}
        assert all(when <= first + 0.1 for when, _ in at.router.sent[:3])


def by_chance() -> ScriptedRouter:
    """Each answer looks as if the router had begun anew."""
    chance = random.Random(1)
    return ScriptedRouter(lambda request: (pcp_answer(request, epoch=chance.getrandbits(31)),))


async def test_a_router_that_counts_by_chance_is_not_asked_without_end(
    autojump_clock: MockClock,
) -> None:
    async with bench(by_chance(), replace(CONFIG, map_port=("tcp:30303",))) as at:
        await trio.sleep(300)
        assert all(each.state == "mapped" for each in at.mapper.snapshot())
        assert 2 < len(at.router.sent) <= 2 + 2 * 2 * 6
        assert at.mapper.counters()["mapping.router-restarted"] >= 2


async def test_without_the_spacing_such_a_router_is_flooded(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_mapper, "RESTART_SPACING_S", 0.0)
    async with bench(by_chance(), replace(CONFIG, map_port=("tcp:30303",))) as at:
        await trio.sleep(1)
        assert len(at.router.sent) > 100


async def test_mappings_are_deleted_in_a_quarter_of_a_second_when_the_node_ends(
    autojump_clock: MockClock,
) -> None:
    config = replace(CONFIG, map_port=("tcp:30303",))
    router = ScriptedRouter()
    async with bench(router, config):
        router.sent.clear()
        router.answering = silent
        ended = trio.current_time()
    assert {(each.internal, each.lease_s) for each in router.requests()} == {(6881, 0), (30303, 0)}
    assert all(when - ended <= 0.25 for when, _ in router.sent)


async def test_a_nonce_is_that_of_earlier_runs(autojump_clock: MockClock) -> None:
    saved = (SavedNonce(ROUTER, "udp", 6881, b"earlier run."),)
    async with bench(ScriptedRouter(), nonces=saved) as at:
        assert [payload[24:36] for _, payload in at.router.sent] == [b"earlier run."]
        assert at.mapper.nonces() == saved


async def test_no_more_nonces_are_kept_than_a_few_places_need(autojump_clock: MockClock) -> None:
    saved = tuple(
        SavedNonce(f"10.0.{number}.1", "udp", 6881, number.to_bytes(12, "big"))
        for number in range(MAX_NONCES)
    )
    async with bench(ScriptedRouter(), nonces=saved) as at:
        rows = at.mapper.nonces()
        assert len(rows) == MAX_NONCES
        assert rows[:-1] == saved[1:]
        assert rows[-1].gateway == ROUTER


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"port_mapping": "off"}, "switched off"),
        ({"read_only": True}, "read-only"),
    ],
)
async def test_a_node_that_maps_nothing_says_why(
    autojump_clock: MockClock, changes: dict[str, object], words: str
) -> None:
    config = replace(CONFIG, **changes)  # type: ignore[arg-type]
    async with bench(ScriptedRouter(), config) as at:
        [seen] = at.mapper.snapshot()
        assert seen.state == "off"
        assert seen.reason is not None
        assert words in seen.reason
        assert at.router.sent == []


async def test_upnp_without_its_library_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs the package miniupnpc"):
        async with open_at(network(), 1, config=replace(CONFIG, port_mapping="upnp")):
            pass


async def test_a_refusal_by_double_nat_is_shown(autojump_clock: MockClock) -> None:
    def refused(request: bytes) -> Iterable[bytes]:
        return (pcp_answer(request, result=12),) if is_pcp(request) else ()

    async with bench(ScriptedRouter(refused)) as at:
        await trio.sleep(10)
        [seen] = at.mapper.snapshot()
        assert seen.state == "paused"
        assert seen.reason is not None
        assert seen.reason.startswith("double NAT")
        assert at.mapped == []
        assert at.nat == "double"


def test_a_location_is_told_from_another_by_router_and_own_address() -> None:
    assert Location(AT_HOME.family, AT_HOME.gateway, AT_HOME.source) == AT_HOME
    assert replace(AT_HOME, source=bytes((192, 168, 1, 11))) != AT_HOME
