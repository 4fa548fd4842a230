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
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork

NETWORK = "smallnet"
START_EVERY_S = 0.1
"""The time between the starts of two nodes."""
SETTLED_S = 1200.0
"""The time after which a network is called idle."""
IDLE_S = 1800.0
"""The time for which the queries of an idle network are counted."""

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
    endpoints: list[str]
    given: dict[bytes, float] = field(default_factory=dict)
    """Key of each peer that the application was given -> seconds after the last start."""
    peers: list[VerifiedPeer] = field(default_factory=list)
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
    net: MemoryNetwork,
    size: int,
    layout: Layout,
    families: Sequence[str],
    config: Config,
) -> list[Member]:
    """All but the first join by the first one."""
    members: list[Member] = []
    for number in range(1, size + 1):
        endpoints = [layout(number, family) for family in families]
        opened = open_node(
            config,
            bootstrap=[layout(1, family) for family in families] if number > 1 else [],
            ports=[net.port(endpoint) for endpoint in endpoints],
            clock=TrioClock(),
            rng=random.Random(number),
        )
        members.append(Member(await stack.enter_async_context(opened), endpoints))
        await trio.sleep(START_EVERY_S)
    return members


async def ask(member: Member, started_at: float) -> None:
    """The application of the node takes all peers that it is given."""
    async for peer in member.node.peers():
        member.given.setdefault(peer.key, trio.current_time() - started_at)
        member.peers.append(peer)


async def course_of(
    size: int,
    layout: Layout,
    families: Sequence[str],
    *,
    config: Config | None = None,
    idle: bool = True,
    latency_s: float = 0.02,
    ask_s: float = 60.0,
) -> Course:
    """Opens a network, asks for peers for ``ask_s``, and counts what is sent when it is idle."""
    if config is None:
        config = Config(network=NETWORK, core=CoreConfig(allow_private=layout is on_loopback))
    net = MemoryNetwork(random.Random(size), latency_s=latency_s)
    async with AsyncExitStack() as stack:
        members = await open_members(stack, net, size, layout, families, config)
        started_at = trio.current_time()
        with trio.CancelScope() as asking:
            async with trio.open_nursery() as askers:
                for member in members:
                    askers.start_soon(ask, member, started_at)
                await trio.sleep(ask_s)
                asking.cancel()
        rate = 0.0
        if idle:
            await trio.sleep(SETTLED_S)
            before = [each.queries() for each in members]
            await trio.sleep(IDLE_S)
            sent = [each.queries() - was for each, was in zip(members, before, strict=True)]
            rate = max(sent) / IDLE_S
        keys = {each.key for each in members}
        for each in members:
            assert set(each.given) <= keys - {each.key}
        least = min(len(each.given) for each in members)
        times = [at for each in members for at in each.given.values()]
    return Course(
        size,
        max(times, default=0.0) if least == size - 1 else None,
        least,
        sum(each.offline for each in members),
        rate,
    )
