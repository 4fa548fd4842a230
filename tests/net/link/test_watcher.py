"""When a change of network is acted upon, in virtual time: once, in order, and not too often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from kadisc.config import Config
from kadisc.core.core import Core
from kadisc.endpoints import Endpoint, Family, family_of, format_ip, ip_of, make_endpoint
from kadisc.errors import BindError
from kadisc.net.link.bound_sockets import BoundSockets
from kadisc.net.link.interfaces import InterfaceAddress, LinkState
from kadisc.net.link.watcher import FIRST_PAUSE_S, LONGEST_PAUSE_S, LinkWatcher
from kadisc.net.mapping.gateway import Gateway
from kadisc.net.mapping.port_mapper import PortMapper
from kadisc.net.transport.dispatch import Subscription
from kadisc.net.transport.memory import MemoryPort
from kadisc.net.transport.ports import Sent
from kadisc.net.transport.pump import Pump
from kadisc.observe.mappings import MappingSnapshot
from kadisc.observe.shell_events import MappingChanged, NetworkChanged, SocketBack, SocketLost
from kadisc.observe.socket_snapshot import SocketState

from ..lab import address, network
from ..transport.scripted_core import ScriptedCore
from ..transport.test_pump import SleepyClock
from .scripted_links import AWAY, DOWN, ETH0, HOME, NO_IPV6, V4, V6, NotedMapper, ScriptedLinks

POLL_S = 2.0


class Machine:
    """A pump on a scripted core, watched. ``bound``: the only socket is bound to one address."""

    def __init__(self, links: ScriptedLinks, *, bound: str = "0.0.0.0:6881") -> None:
        self.links = links
        self.net = network(latency_s=0)
        self.bound = bound
        self.clock = SleepyClock()
        self.core = ScriptedCore()
        self.pump = Pump(cast(Core, self.core), [self.net.port(bound)], self.clock)
        self.mapper = NotedMapper()
        self.refuses: str | None = None
        self.watcher = LinkWatcher(
            self.pump,
            Config(watch_interval_s=POLL_S),
            cast(PortMapper, self.mapper),
            families=tuple(links.links),
            sockets=BoundSockets(self.pump, self.bind, self.has_address),
            read=links.read,
        )
        self.events: list[Any] = []

    def has_address(self, endpoint: Endpoint) -> bool:
        rows = self.links.links[family_of(endpoint)].addresses
        return format_ip(ip_of(endpoint)) in [each.ip for each in rows]

    def bind(self, at: str) -> MemoryPort:
        if self.refuses is not None:
            raise BindError(self.refuses)
        return self.net.port(at)

    def changes(self) -> list[tuple[str, tuple[Family, ...]]]:
        return [(e.cause, e.families) for e in self.events if isinstance(e, NetworkChanged)]

    def told(self) -> int:
        return self.core.names().count("network_changed")


@asynccontextmanager
async def watched(*links: LinkState, **options: Any) -> AsyncIterator[Machine]:
    machine = Machine(ScriptedLinks(*links), **options)

    async def collect() -> None:
        async with Subscription[Any](machine.pump.dispatch, (), 4096) as events:
            async for event in events:
                machine.events.append(event)

    async with trio.open_nursery() as nursery:
        machine.pump.start(nursery)
        nursery.start_soon(machine.watcher.run)
        nursery.start_soon(collect)
        await trio.sleep(3)
        yield machine
        nursery.cancel_scope.cancel()
    for port in machine.pump.ports:
        port.close()


async def test_a_machine_that_stays_where_it_is_does_nothing(autojump_clock: MockClock) -> None:
    async with watched(HOME, NO_IPV6) as machine:
        await trio.sleep(3600)
        assert machine.core.calls == [] and machine.events == [] and machine.mapper.told == []
        assert 1750 < machine.links.looks <= 1803
        assert machine.core.own_ips[Family.IPV4] == {ip_of(make_endpoint(ETH0.ip, 1))}


@pytest.mark.parametrize(
    ("after", "cause", "maps_again"),
    [
        (AWAY, "addresses", True),
        (replace(HOME, addresses=(ETH0, replace(ETH0, ip="10.1.1.1"))), "addresses", False),
        (replace(HOME, addresses=(replace(ETH0, prefix_bits=16),)), "addresses", False),
        (replace(HOME, source="192.168.1.99"), "source", True),
        (replace(HOME, gateway=Gateway("192.168.1.254", "eth0")), "gateway", True),
    ],
    ids=["moved", "one-more", "prefix", "source", "gateway"],
)
async def test_a_change_is_acted_upon_at_the_next_look(
    autojump_clock: MockClock, after: LinkState, cause: str, maps_again: bool
) -> None:
    async with watched(HOME, NO_IPV6) as machine:
        machine.links.becomes(after)
        changed_at = trio.current_time()
        async with Subscription(machine.pump.dispatch, (NetworkChanged,), 4) as events:
            await events.__anext__()
        assert trio.current_time() - changed_at <= 2.2
        await trio.sleep(0.1)
        assert machine.changes() == [(cause, (V4,))]
        assert machine.core.calls[0][:2] == ("network_changed", (V4,))
        assert machine.mapper.told == ([(V4,)] if maps_again else [()])
        await trio.sleep(3600)
        assert machine.told() == 1, "one change is acted upon once"


async def test_what_does_not_matter_changes_nothing(autojump_clock: MockClock) -> None:
    async with watched(HOME, NO_IPV6) as machine:
        for extra in (
            InterfaceAddress("172.17.0.1", 16, "docker0", is_up=True),
            InterfaceAddress("172.18.0.1", 16, "br-0123456789ab", is_up=True),
            InterfaceAddress("192.168.122.1", 24, "virbr0", is_up=True),
            InterfaceAddress("10.0.9.9", 24, "veth12ab", is_up=True),
            InterfaceAddress("127.0.0.2", 8, "lo", is_up=True),
            InterfaceAddress("169.254.7.7", 16, "eth1", is_up=True),
            InterfaceAddress("10.3.3.3", 24, "eth2", is_up=False),
        ):
            machine.links.becomes(replace(HOME, addresses=(ETH0, extra)))
            await trio.sleep(400)
        link_local = InterfaceAddress("fe80::5", 64, "eth0", is_up=True)
        machine.links.becomes(replace(NO_IPV6, addresses=(link_local,)))
        await trio.sleep(400)
        assert machine.core.calls == []


async def test_an_interface_that_flaps_costs_one_action_in_five_minutes(
    autojump_clock: MockClock,
) -> None:
    async with watched(HOME, NO_IPV6) as machine:
        times = []
        for turn in range(1800):
            machine.links.becomes(AWAY if turn % 2 else HOME)
            before = machine.told()
            await trio.sleep(2)
            times += [trio.current_time()] * (machine.told() - before)
        gaps = [later - sooner for sooner, later in pairwise(times)]
        assert len(times) <= 8 + 3600 / LONGEST_PAUSE_S
        assert FIRST_PAUSE_S <= gaps[0] <= FIRST_PAUSE_S + 2 * POLL_S
        assert all(later >= sooner for sooner, later in pairwise(gaps[:7]))
        assert gaps[-1] >= LONGEST_PAUSE_S
        # Ten quiet minutes later the first change is acted upon at once, and the second soon.
        machine.links.becomes(HOME)
        await trio.sleep(1000)
        quiet = machine.told()
        machine.links.becomes(AWAY)
        await trio.sleep(2.2)
        machine.links.becomes(HOME)
        await trio.sleep(FIRST_PAUSE_S + 2 * POLL_S)
        assert machine.told() == quiet + 2


async def test_a_change_in_the_pause_is_acted_upon_when_it_ends(autojump_clock: MockClock) -> None:
    async with watched(HOME) as machine:
        machine.links.becomes(AWAY)
        await trio.sleep(2.2)
        third = replace(AWAY, gateway=Gateway("192.168.2.254", "wlan0"))
        machine.links.becomes(third)
        await trio.sleep(2.2)
        assert machine.told() == 1
        await trio.sleep(FIRST_PAUSE_S)
        assert [cause for cause, _ in machine.changes()] == ["addresses", "gateway"]


async def test_a_link_that_is_down_for_half_a_minute(autojump_clock: MockClock) -> None:
    """While there is no way out nobody can be asked; the way back is followed at once."""
    async with watched(HOME, NO_IPV6) as machine:
        machine.links.becomes(DOWN)
        await trio.sleep(30)
        assert machine.core.calls == [] and machine.mapper.told == []
        machine.links.becomes(HOME)
        await trio.sleep(2.2)
        assert machine.changes() == [("addresses", (V4,))] and machine.mapper.told == [(V4,)]


async def test_a_network_without_a_way_out_is_followed_as_well(autojump_clock: MockClock) -> None:
    lan = replace(HOME, source=None, gateway=None)
    async with watched(lan) as machine:
        machine.links.becomes(replace(lan, addresses=(replace(ETH0, ip="192.168.1.77"),)))
        await trio.sleep(2.2)
        assert machine.changes() == [("addresses", (V4,))]


async def test_families_that_change_together_are_one_change(autojump_clock: MockClock) -> None:
    async with watched(HOME, NO_IPV6) as machine:
        six = InterfaceAddress("2a00:1::10", 64, "eth0", is_up=True)
        machine.links.becomes(replace(HOME, gateway=Gateway("192.168.1.9", "eth0")))
        machine.links.becomes(LinkState(V6, (six,), six.ip, Gateway("fe80::1%eth0", "eth0")))
        await trio.sleep(2.2)
        assert machine.changes() == [("addresses", (V4, V6))]
        assert machine.watcher.changes == {"addresses": 1}


async def test_a_suspend_does_not_wait_and_starts_no_pause(autojump_clock: MockClock) -> None:
    async with watched(HOME) as machine:
        machine.links.becomes(AWAY)
        await trio.sleep(2.2)
        looks = machine.links.looks
        machine.clock.slept = 3600.0
        machine.core.deadline = trio.current_time()
        machine.pump.flush()
        await trio.sleep(0.1)
        assert machine.changes()[-1] == ("suspended", (V4, V6)) and machine.told() == 2
        assert machine.links.looks == looks + 1, "the links are looked at at once"
        assert machine.mapper.told[-1] == (V4,)
        machine.links.becomes(HOME)  # as by DHCP, seconds later
        await trio.sleep(FIRST_PAUSE_S)
        assert machine.changes()[-1] == ("addresses", (V4,))


async def test_links_that_cannot_be_read_for_a_while(autojump_clock: MockClock) -> None:
    async with watched(HOME) as machine:
        machine.links.unreadable = True
        await trio.sleep(60)
        assert machine.core.calls == []
        machine.links.unreadable = False
        machine.links.becomes(AWAY)
        await trio.sleep(2.2)
        assert machine.told() == 1


# --- The address of the router --------------------------------------------------------------------


def named_by_router(ip: str, family: Family = V4) -> MappingChanged:
    external = make_endpoint(ip, 6881)
    return MappingChanged(MappingSnapshot("udp", family, 6881, external, "pcp", state="mapped"))


async def test_an_address_that_the_router_says_it_has_now_is_a_change(
    autojump_clock: MockClock,
) -> None:
    async with watched(HOME) as machine:
        address = SimpleNamespace(ip=ip_of(make_endpoint("45.1.1.1", 1)))
        machine.core.dhts[V4] = SimpleNamespace(parts=SimpleNamespace(address=address))
        machine.pump.publish(named_by_router("45.1.1.1"))
        machine.pump.publish(MappingChanged(MappingSnapshot("udp", V4, 6881)))
        machine.pump.publish(named_by_router("45.1.1.1"))
        await trio.sleep(10)
        assert machine.changes() == []
        machine.pump.publish(named_by_router("45.2.2.2"))
        await trio.sleep(0.1)
        assert machine.changes() == [("router", (V4,))] and machine.told() == 1
        assert machine.mapper.told == [()], "the router was asked already"
        for number in range(1200):  # a router that cannot make up its mind
            machine.pump.publish(named_by_router(f"45.3.3.{number % 250}"))
            await trio.sleep(3)
        assert machine.told() <= 9 + 3600 / LONGEST_PAUSE_S


async def test_what_the_router_names_is_no_change_where_the_node_knows_it(
    autojump_clock: MockClock,
) -> None:
    async with watched(HOME) as machine:
        address = SimpleNamespace(ip=ip_of(make_endpoint("45.2.2.2", 1)))
        machine.core.dhts[V4] = SimpleNamespace(parts=SimpleNamespace(address=address))
        for ip in ("45.1.1.1", "45.2.2.2", "0.0.0.0"):
            machine.pump.publish(named_by_router(ip))
        machine.pump.publish(named_by_router("::1", V6))
        machine.pump.publish(named_by_router("::2", V6))
        await trio.sleep(60)
        assert machine.changes() == []


# --- A socket that is bound to one address --------------------------------------------------------

BOUND = f"{ETH0.ip}:6881"
GONE = replace(HOME, addresses=(replace(ETH0, ip="192.168.1.11"),), source="192.168.1.11")


async def test_a_bound_socket_goes_and_comes_back_with_its_address(
    autojump_clock: MockClock,
) -> None:
    async with watched(HOME, bound=BOUND) as machine:
        own = machine.pump.ports[0].local_endpoint
        [open_one] = machine.watcher.sockets.snapshot()
        assert (open_one.state, open_one.reason) == (SocketState.OPEN, None)
        machine.links.becomes(GONE)
        await trio.sleep(2.2)
        assert [type(e) for e in machine.events] == [SocketLost, NetworkChanged]
        assert machine.events[0] == SocketLost(V4, own)
        assert machine.core.names()[:2] == ["socket_lost", "network_changed"]
        [lost] = machine.watcher.sockets.snapshot()
        assert (lost.endpoint, lost.state) == (own, SocketState.LOST) and lost.reason
        destination = Endpoint(b"\x2d\1\1\1\0\1")
        machine.core.outbox.append((b"x", destination))
        machine.pump.flush()
        assert machine.core.calls[-1][:2] == ("send_failed", destination)
        machine.refuses = "cannot listen: another program has it"
        machine.links.becomes(HOME)
        await trio.sleep(10)
        assert machine.watcher.sockets.snapshot()[0].reason == machine.refuses
        machine.refuses = None
        await trio.sleep(2.2)
        assert SocketBack(V4, own) in machine.events
        assert machine.watcher.sockets.snapshot() == (open_one,)
        other = machine.net.port(address(3))
        assert other.send((b"hello", own)) is Sent.SENT
        await trio.sleep(0.1)
        assert ("receive", b"hello") in [call[:2] for call in machine.core.calls]
        other.close()


async def test_an_interface_that_is_only_down_keeps_the_bound_socket(
    autojump_clock: MockClock,
) -> None:
    async with watched(HOME, bound=BOUND) as machine:
        machine.links.becomes(DOWN)
        await trio.sleep(30)
        assert not [e for e in machine.events if isinstance(e, SocketLost)]
        assert format_ip(ip_of(machine.pump.ports[0].local_endpoint)) == ETH0.ip


async def test_a_socket_on_all_addresses_lives_on_without_any(autojump_clock: MockClock) -> None:
    async with watched(HOME) as machine:
        machine.links.becomes(replace(HOME, addresses=(), source=None, gateway=None))
        await trio.sleep(60)
        assert machine.events == []
        assert machine.watcher.sockets.snapshot()[0].state is SocketState.OPEN
