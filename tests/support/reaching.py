"""Helpers, witnesses and askers for tests of reachability, in the small world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kadisc.config import CLIENT_VERSION, CoreConfig
from kadisc.core.reach.reachability import Reachability
from kadisc.endpoints import Endpoint, ip_of
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Gossip, Knock, Ping, Reach, ReachResult, Reply

from .community import TAG, Stranger, introduce, member, peer_network, stranger
from .world import CONFIG, Host, World, address

IP_AND_UDP_BYTES = 28
"""The headers of a datagram over IPv4."""


def nonce(number: int) -> bytes:
    return number.to_bytes(8, "big")


def says(ok: bool) -> Callable[[Reach | Knock, Endpoint], Reply]:
    """A witness that answers at once, without any ping."""
    return lambda query, source: Reply(
        query.tid, query.sender, reach=ReachResult(ok), seen_as=source, version=CLIENT_VERSION
    )


def errs(code: int) -> Callable[[Reach | Knock, Endpoint], Error]:
    return lambda query, source: Error(query.tid, code, "no", CLIENT_VERSION)


YES = says(True)


def helper(
    world: World,
    witnesses: int = 8,
    config: CoreConfig = CONFIG,
    *,
    help: Callable[[Reach | Knock, Endpoint], Reply | Error | None] = YES,
) -> tuple[Host, list[Stranger]]:
    """A node of the network that has verified so many peers that offer help; all are scripted."""
    host = member(world, 0, config=config)
    others = [
        stranger(world, number, can_help=True, help=help) for number in range(1, witnesses + 1)
    ]
    introduce(world, host, *(each.endpoint for each in others))
    verified = {peer.endpoint for peer in peer_network(host).verified()}
    assert verified == {each.endpoint for each in others}
    return host, others


def asker(
    world: World, host: Host, number: int = 500, *, at: Endpoint | None = None, **fields: Any
) -> Stranger:
    """A scripted node with a gossip token of the host."""
    made = stranger(world, number, at=at or address(number), **fields)
    get_token(world, made, host)
    return made


def get_token(world: World, asker: Stranger, host: Host) -> bytes:
    world.inject(host, asker.endpoint, krpc.encode(Gossip(b"get!", asker.id, TAG, 0, pad=400)))
    world.run(0.2)
    asker.told.clear()
    return asker.tokens[host.endpoint]


def reach(asker: Stranger, host: Host, number: int = 1, **fields: Any) -> Reach:
    fields.setdefault("token", asker.tokens.get(host.endpoint))
    return Reach(b"rch%d" % (number % 10), asker.id, nonce(number), TAG, **fields)


def ask(
    world: World,
    asker: Stranger,
    host: Host,
    number: int = 1,
    *,
    wait_s: float = 9.0,
    **fields: Any,
) -> Reply | Error | None:
    """Asks for help; the answer, None if none came. ``fields``: of the query."""
    asker.told.clear()
    world.inject(host, asker.endpoint, krpc.encode(reach(asker, host, number, **fields)))
    world.run(wait_s, until=lambda: bool(asker.told))
    return asker.told[-1] if asker.told else None


def knock(
    world: World,
    helper: Stranger,
    host: Host,
    to: Endpoint,
    number: int = 1,
    *,
    wait_s: float = 9.0,
    **fields: Any,
) -> Reply | Error | None:
    """Asks the host, as its witness, to ping an endpoint."""
    helper.told.clear()
    fields.setdefault("token", helper.tokens.get(host.endpoint))
    query = Knock(b"knk%d" % (number % 10), helper.id, nonce(number), TAG, to, **fields)
    world.inject(host, helper.endpoint, krpc.encode(query))
    world.run(wait_s, until=lambda: bool(helper.told))
    return helper.told[-1] if helper.told else None


def knocks(each: Stranger) -> list[Knock]:
    return [query for query, _ in each.heard if isinstance(query, Knock)]


def probes(each: Stranger) -> list[Ping]:
    """The pings with a nonce that it received."""
    return [query for query, _ in each.heard if isinstance(query, Ping) and query.nonce is not None]


def result(answer: Reply | Error | None) -> ReachResult:
    assert isinstance(answer, Reply)
    assert answer.reach is not None
    return answer.reach


def code(answer: Reply | Error | None) -> int:
    assert isinstance(answer, Error)
    return answer.code


def served(host: Host) -> dict[str, int]:
    return host.node.counters.reach_served


class RestrictedWorld(World):
    """One host is behind a router that lets in only addresses that the host has sent something to,
    and keeps a mapping for 300 s after the last datagram in either direction.
    """

    def __init__(self, behind: Endpoint, seed: int = 1) -> None:
        super().__init__(seed)
        self.behind = behind
        self._flows: dict[bytes, float] = {}

    def send(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        if source == self.behind:
            self._flows[ip_of(destination)] = self.now
        super().send(source, destination, payload)

    def _deliver(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        if destination == self.behind:
            if self.now - self._flows.get(ip_of(source), -1e9) > 300.0:
                return
            self._flows[ip_of(source)] = self.now
        super()._deliver(source, destination, payload)


def reachability(host: Host) -> Reachability:
    return peer_network(host).reach.families[host.family]
