"""Members of a network in the small world, and strangers: nodes that send what a test asks for."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kadisc.config import CLIENT_VERSION, CoreConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import derive_node_id
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.contract.events import Datagram, Event, PeerLost, PeerVerified
from kadisc.core.contract.identity import Identity
from kadisc.core.core import Core
from kadisc.core.peers.network import PeerNetwork
from kadisc.core.peers.own_record import Membership
from kadisc.core.peers.proof import signed_text
from kadisc.core.peers.rendezvous import network_tag
from kadisc.endpoints import Endpoint, Family, family_of, ip_of, make_endpoint
from kadisc.errors import DecodeError
from kadisc.service_values import ServiceValue
from kadisc.wire import krpc
from kadisc.wire.gossip import NamedPeer, pack_peers, peers_from
from kadisc.wire.messages import (
    Error,
    FindNode,
    GetPeers,
    Gossip,
    Knock,
    News,
    Ping,
    Query,
    Reach,
    Reply,
)
from kadisc.wire.records import to_be_signed, unsigned_fields

from .world import CONFIG, Host, World, address

NETWORK = "testnet"
TAG = network_tag(NETWORK)


def identity(number: int) -> Identity:
    return Identity(number.to_bytes(32, "big"))


def record_fields(
    who: Identity,
    endpoint: Endpoint | None,
    sequence: int = 1,
    *,
    tag: bytes = TAG,
    services: Mapping[str, ServiceValue] | None = None,
    extra: Mapping[bytes, Any] | None = None,
) -> dict[bytes, Any]:
    """A signed record; ``extra`` fields are signed as well, and may contradict the others."""
    fields = unsigned_fields(
        who.public_key,
        tag,
        sequence,
        {} if endpoint is None else {family_of(endpoint): endpoint},
        services or {},
    )
    fields |= extra or {}
    return fields | {b"sig": who.sign(to_be_signed(fields))}


def member(
    world: World,
    number: int,
    network: str = NETWORK,
    config: CoreConfig = CONFIG,
    *,
    at: Endpoint | None = None,
    **options: Any,
) -> Host:
    """A node of a network that knows its address and offers a service."""
    options.setdefault("services", {"eth": 30_000 + number})
    membership = Membership(identity(number + 1), network, **options)
    return world.add(at or address(number), config, membership=membership)


def of_both_families(world: World, config: CoreConfig = CONFIG, *, number: int = 0) -> Host:
    """A member of the network with an address in each family."""
    key = identity(number + 1)
    where = {
        Family.IPV4: make_endpoint(f"45.{number + 1}.1.1", 6881),
        Family.IPV6: make_endpoint(f"2a01:{number + 1:x}::1", 6881),
    }
    node = Core(
        config,
        random.Random(world.rng.getrandbits(64)),
        {family: derive_node_id(key.public_key, ip_of(each)) for family, each in where.items()},
        0.0,
        public_key=key.public_key,
        addresses={
            family: ExternalAddress(config.address, ip_of(each), each[-2:], Confidence.CONFIGURED)
            for family, each in where.items()
        },
        membership=Membership(key, NETWORK),
    )
    host = Host(node, where[Family.IPV4])
    world.hosts |= dict.fromkeys(where.values(), host)
    flush = world.flush

    def flush_both(each: Host) -> None:
        if each is not host:
            flush(each)
            return
        for payload, destination in node.drain_outbox():
            family = Family.IPV4 if len(destination) == 6 else Family.IPV6
            world.send(where[family], destination, payload)
        host.events += node.drain_events()
        if (at := node.next_deadline()) < host.tick_at:
            host.tick_at = at
            world.at(max(at, world.now), lambda: world._tick(host, at))

    world.flush = flush_both  # type: ignore[method-assign]
    return host


def peer_network(host: Host) -> PeerNetwork:
    assert host.node.peer_network is not None
    return host.node.peer_network


def knows(host: Host) -> set[Endpoint]:
    """The endpoints of its verified peers."""
    return {peer.endpoint for peer in peer_network(host).verified()}


def verified(host: Host) -> list[Endpoint]:
    return [event.peer.endpoint for event in host.events if isinstance(event, PeerVerified)]


def lost(host: Host) -> list[tuple[Endpoint, str]]:
    return [
        (event.peer.endpoint, event.reason) for event in host.events if isinstance(event, PeerLost)
    ]


def refused(host: Host) -> dict[str, int]:
    return host.node.counters.refused


def introduce(world: World, host: Host, *others: Endpoint) -> None:
    """Reports peers to it, and waits until it has checked them."""
    peer_network(host).report(others, "operator", world.now)
    world.flush(host)
    world.run(3.0 + 1.5 * len(others))


@dataclass(eq=False)
class Stranger:
    """Speaks the protocol from one endpoint, in place of a node: it answers as its fields say, and
    keeps what it receives.
    """

    endpoint: Endpoint
    who: Identity
    record: dict[bytes, Any] | None = None
    proves: bool = True
    """Whether it proves its key, as older nodes do not."""
    signs_as: Identity | None = None
    """Whose key it proves, if that is not ``who``."""
    peers: Sequence[NamedPeer] = ()
    version: bytes | None = CLIENT_VERSION
    answers: bool = True
    error: int | None = None
    can_help: bool = False
    """Whether its answers to gossip offer help with tests of reachability."""
    help: Callable[[Reach | Knock, Endpoint], Reply | Error | None] = lambda query, source: None
    """Its answers to reach and knock."""
    heard: list[tuple[Query, int]] = field(default_factory=list)
    told: list[Reply | Error] = field(default_factory=list)
    """The answers that it received."""
    tokens: dict[Endpoint, bytes] = field(default_factory=dict)
    """Tokens that it received, by the node that gave them."""
    when_asked: Callable[[Query, Endpoint], None] = lambda query, source: None
    _outbox: list[Datagram] = field(default_factory=list)

    @property
    def id(self) -> int:
        return derive_node_id(self.who.public_key, ip_of(self.endpoint))

    @property
    def contact(self) -> Contact:
        return Contact(self.id, self.endpoint)

    def gossip(self) -> list[Gossip]:
        return [query for query, _ in self.heard if isinstance(query, Gossip)]

    # --- as a node --------------------------------------------------------------------------------

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        try:
            message = krpc.decode(payload)
        except DecodeError:
            return
        if isinstance(message, Reply) and message.token is not None:
            self.tokens[source] = message.token
        if not isinstance(message, Query):
            self.told.append(message)
            return
        self.heard.append((message, len(payload)))
        self.when_asked(message, source)
        answer = self._answer(message, source) if self.answers else None
        if answer is not None:
            self._outbox.append((krpc.encode(answer), source))

    def _answer(self, query: Query, source: Endpoint) -> Reply | Error | None:
        reply = Reply(query.tid, self.id, seen_as=source, version=self.version)
        match query:
            case Gossip() if self.error is not None:
                return Error(query.tid, self.error, "no", self.version)
            case Gossip():
                reply.token = b"stranger"
                reply.news = News(
                    self.record,
                    pack_peers(self.peers[: query.want]),
                    proof=self.proof(query, source),
                    can=self.can_help,
                )
            case FindNode() | GetPeers():
                reply.nodes, reply.token = b"", b"stranger"
            case Ping():
                pass
            case Reach() | Knock():
                return self.help(query, source)
            case _:
                return None
        return reply

    def proof(self, query: Gossip, source: Endpoint) -> bytes | None:
        if not self.proves or query.challenge is None or query.asked is None:
            return None
        return (self.signs_as or self.who).sign(
            signed_text(TAG, query.challenge, query.asked, source)
        )

    def tick(self, now: float) -> None: ...

    def next_deadline(self) -> float:
        return float("inf")

    def drain_outbox(self) -> list[Datagram]:
        drained, self._outbox = self._outbox, []
        return drained

    def drain_events(self) -> list[Event]:
        return []


def stranger(world: World, number: int, *, at: Endpoint | None = None, **fields: Any) -> Stranger:
    """With a valid record of its own, unless ``record`` is given."""
    endpoint, who = at or address(number), identity(100_000 + number)
    fields.setdefault("record", record_fields(who, endpoint))
    made = Stranger(endpoint, who, **fields)
    # It has all methods of a node that the world calls.
    world.hosts[endpoint] = Host(made, endpoint)  # type: ignore[arg-type]
    return made


def push(
    world: World,
    sender: Stranger,
    host: Host,
    record: dict[bytes, Any] | None = None,
    *,
    token: bytes | None = None,
) -> None:
    """The stranger asks for a token, unless one is given, and pushes ``record`` or its own."""
    if token is None:
        world.inject(
            host, sender.endpoint, krpc.encode(Gossip(b"get!", sender.id, TAG, 0, pad=400))
        )
        world.run(0.2)
        token = sender.tokens[host.endpoint]
    world.inject(
        host,
        sender.endpoint,
        krpc.encode(
            Gossip(b"push", sender.id, TAG, 0, token=token, record=record or sender.record)
        ),
    )


def pull(world: World, asker: Stranger, host: Host, want: int = 16) -> list[NamedPeer]:
    """The peers that an answer names to a stranger with a token."""
    world.inject(host, asker.endpoint, krpc.encode(Gossip(b"get!", asker.id, TAG, 0, pad=400)))
    world.run(0.2)
    host.node.receive(
        krpc.encode(Gossip(b"pull", asker.id, TAG, want, token=asker.tokens[host.endpoint])),
        asker.endpoint,
        world.now,
    )
    for payload, destination in host.node.drain_outbox():
        reply = krpc.decode(payload)
        if destination == asker.endpoint and isinstance(reply, Reply):
            assert reply.news is not None
            return peers_from(reply.news.peers, family_of(asker.endpoint))
    raise AssertionError("no answer")
