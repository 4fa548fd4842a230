"""Small networks of running nodes on a network in memory: what each node gives the application, how
often it was offline, and what it sends when all is quiet.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import trio

from kadisc.config import Config, CoreConfig
from kadisc.core.contract.events import WentOffline
from kadisc.endpoints import format_endpoint
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node, open_port
from kadisc.net.transport.clock import Clock, SystemClock, TrioClock
from kadisc.net.transport.memory import MemoryNetwork
from kadisc.net.transport.ports import Port

NETWORK = "smallnet"
LATENCY_S = 0.02
"""The delay of each datagram, one way."""
START_EVERY_S = 0.1
"""The time between the starts of two nodes."""
SETTLED_S = 1200.0
"""The time after which a network is called idle."""
IDLE_S = 2700.0
"""The time for which the queries of an idle network are counted: two intervals of announces, or
their number would depend on when it begins.
"""

Layout = Callable[[int, str], str]
"""The address of a node by its number, from 1, and the family."""


def on_loopback(number: int, family: str) -> str:
    return f"127.0.0.1:{7000 + number}" if family == "ipv4" else f"[::1]:{7000 + number}"


def on_one_host(number: int, family: str) -> str:
    return f"45.2.3.4:{7000 + number}" if family == "ipv4" else f"[2a01:4f8:1:2::4]:{7000 + number}"


def in_one_subnet(number: int, family: str) -> str:
    """In one /24; in IPv6 in one /48, each in a /64 of its own."""
    return f"45.2.3.{10 + number}:7001" if family == "ipv4" else f"[2a01:4f8:1:{number:x}::4]:7001"


def in_one_netgroup(number: int, family: str) -> str:
    """In one /16, each in a /24 of its own; in IPv6 in one /32."""
    return f"45.2.{10 + number}.7:7001" if family == "ipv4" else f"[2a01:4f8:{number:x}::4]:7001"


def far_apart(number: int, family: str) -> str:
    """Each in a /16 of its own; in IPv6 in a /32 of its own."""
    if family == "ipv4":
        return f"{40 + number}.{number}.7.9:7001"
    return f"[2a01:{number:x}::4]:7001"


LAYOUTS: dict[str, Layout] = {
    "loopback": on_loopback,
    "one host": on_one_host,
    "one subnet": in_one_subnet,
    "one netgroup": in_one_netgroup,
    "far apart": far_apart,
}
FAMILIES: dict[str, tuple[str, ...]] = {
    "ipv4": ("ipv4",),
    "ipv6": ("ipv6",),
    "both": ("ipv4", "ipv6"),
}


@dataclass
class Member:
    node: Node
    given: dict[bytes, float] = field(default_factory=dict)
    """Key of each peer that the application was given -> seconds after the last start."""
    offline: int = 0

    @property
    def key(self) -> bytes:
        return self.node.identity.public_key

    def __post_init__(self) -> None:
        self.node.pump.dispatch.tap(self._note)

    def queries(self) -> int:
        """Queries that the node has sent so far, retransmissions included."""
        counters = self.node.counters()
        return sum(counters[name] for name in counters if name.startswith("queries_sent."))

    def _note(self, event: object) -> None:
        self.offline += isinstance(event, WentOffline)


@dataclass(frozen=True)
class Course:
    """What became of one network. ``all_found_s``: when the last node was given the last other, in
    seconds after the last start; None if it never was. ``least_given``: the fewest peers that a
    node was given. ``queries_per_s``: the most that one node sent when the network was idle.
    """

    size: int
    all_found_s: float | None
    least_given: int
    offline: int
    queries_per_s: float


async def open_members(
    stack: AsyncExitStack,
    places: Sequence[Sequence[Port]],
    config: Config,
    clock: Clock,
) -> list[Member]:
    """A node for each list of ports; all but the first join by the first one."""
    members: list[Member] = []
    first = [format_endpoint(port.local_endpoint) for port in places[0]]
    for number, ports in enumerate(places, start=1):
        opened = open_node(
            config,
            bootstrap=first if number > 1 else [],
            ports=ports,
            clock=clock,
            rng=random.Random(number),
        )
        members.append(Member(await stack.enter_async_context(opened)))
        await trio.sleep(START_EVERY_S)
    return members


async def ask_all(members: Sequence[Member], at_most_s: float) -> None:
    """The application of each node takes all peers that it is given, until all have all others."""
    started_at = trio.current_time()
    all_found = trio.Event()

    async def ask(member: Member) -> None:
        async for peer in member.node.peers():
            member.given.setdefault(peer.key, trio.current_time() - started_at)
            if all(len(each.given) >= len(members) - 1 for each in members):
                all_found.set()

    async with trio.open_nursery() as askers:
        for member in members:
            askers.start_soon(ask, member)
        with trio.move_on_after(at_most_s):
            await all_found.wait()
        askers.cancel_scope.cancel()


async def course_of(
    size: int, layout: Layout, families: Sequence[str], *, idle: bool = True, ask_s: float = 60.0
) -> Course:
    """In virtual time. Opens a network, asks for peers for ``ask_s`` at most, and counts what is
    sent when it is ``idle``.
    """
    config = Config(network=NETWORK, core=CoreConfig(allow_private=layout is on_loopback))
    net = MemoryNetwork(random.Random(size), latency_s=LATENCY_S)
    places = [
        [net.port(layout(number, family)) for family in families] for number in range(1, size + 1)
    ]
    rate = 0.0
    async with AsyncExitStack() as stack:
        members = await open_members(stack, places, config, TrioClock())
        await ask_all(members, ask_s)
        if idle:
            await trio.sleep(SETTLED_S)
            before = [each.queries() for each in members]
            await trio.sleep(IDLE_S)
            sent = [each.queries() - was for each, was in zip(members, before, strict=True)]
            rate = max(sent) / IDLE_S
    return _course(members, rate)


async def on_sockets(size: int, families: Sequence[str], *, ask_s: float) -> Course:
    """On loopback sockets, for ``ask_s`` at most."""
    config = Config(network=NETWORK, core=CoreConfig(allow_private=True))
    hosts = {"ipv4": "127.0.0.1:0", "ipv6": "[::1]:0"}
    places: list[list[Port]] = [
        [open_port(hosts[family], config) for family in families] for _ in range(size)
    ]
    async with AsyncExitStack() as stack:
        members = await open_members(stack, places, config, SystemClock())
        await ask_all(members, ask_s)
    return _course(members, 0.0)


def _course(members: Sequence[Member], rate: float) -> Course:
    keys = {each.key for each in members}
    for each in members:
        assert set(each.given) <= keys - {each.key}
    others = len(members) - 1
    least = min(len(each.given) for each in members)
    times = [at for each in members for at in each.given.values()]
    return Course(
        len(members),
        max(times, default=0.0) if least == others else None,
        least,
        sum(each.offline for each in members),
        rate,
    )
