"""A small network of cores in virtual time, without I/O: a heap of deliveries and ticks, one seed,
no clock.

It has only what tests of the core need: a round-trip time, loss, and nodes that are dead from the
start or are killed.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count

from kadisc.config import CoreConfig, Defences
from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import derive_node_id
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.contract.events import Event, Finished, LookupFinished, OperationId
from kadisc.core.core import Core
from kadisc.core.peers.own_record import Membership
from kadisc.endpoints import Endpoint, Family, family_of, ip_of, make_endpoint
from kadisc.ids import NodeId, random_id

CONFIG = CoreConfig()


def without(*defences: str, config: CoreConfig = CONFIG) -> CoreConfig:
    """The configuration with the named defences off."""
    return replace(config, defences=replace(config.defences, **dict.fromkeys(defences, False)))


def plain_kademlia(config: CoreConfig = CONFIG) -> CoreConfig:
    return without(*Defences.__dataclass_fields__, config=config)


def address(number: int, port: int = 6881) -> Endpoint:
    """Public IPv4 endpoints, each in a /16 of its own as long as ``number`` is below 50,000, and
    never in the same /24.
    """
    a, b = divmod(number % 50_000, 250)
    return make_endpoint(f"{a + 11 + (a > 110)}.{b + 1}.{number // 50_000}.7", port)


@dataclass(eq=False)
class Host:
    """A core with its endpoint and its events."""

    node: Core
    endpoint: Endpoint
    up: bool = True
    events: list[Event] = field(default_factory=list)
    tick_at: float = float("inf")

    @property
    def family(self) -> Family:
        return family_of(self.endpoint)

    @property
    def id(self) -> NodeId:
        return self.node.own_ids[self.family]

    @property
    def contact(self) -> Contact:
        return Contact(self.id, self.endpoint)


class World:
    def __init__(
        self,
        seed: int = 1,
        *,
        one_way_s: float | Callable[[random.Random], float] = 0.05,
        loss: float = 0.0,
    ) -> None:
        self.rng = random.Random(seed)
        self.now = 0.0
        self.hosts: dict[Endpoint, Host] = {}
        self.sent: list[tuple[float, Endpoint, Endpoint, bytes]] | None = None
        self.cut_off: set[Endpoint] = set()
        """Hosts whose datagrams are all lost, in both directions."""
        self.refused: set[Endpoint] = set()
        """Hosts whose system refuses to send, and which receive nothing."""
        self._one_way_s = one_way_s
        self._loss = loss
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def add(
        self,
        endpoint: Endpoint,
        config: CoreConfig = CONFIG,
        own_id: NodeId | None = None,
        public_key: bytes | None = None,
        membership: Membership | None = None,
    ) -> Host:
        """With a ``membership`` the node knows its address, and its ID follows from that and its
        key.
        """
        rng, family = random.Random(self.rng.getrandbits(64)), family_of(endpoint)
        own_id, addresses = random_id(rng) if own_id is None else own_id, None
        if membership is not None:
            own_id = derive_node_id(membership.identity.public_key, ip_of(endpoint))
            addresses = {
                family: ExternalAddress(
                    config.address, ip_of(endpoint), endpoint[-2:], Confidence.CONFIGURED
                )
            }
        node = Core(
            config,
            rng,
            {family: own_id},
            self.now,
            public_key=public_key,
            addresses=addresses,
            membership=membership,
        )
        host = self.hosts[endpoint] = Host(node, endpoint)
        return host

    def kill(self, host: Host) -> None:
        host.up = False

    def move(self, host: Host, endpoint: Endpoint) -> None:
        """Gives the host another address."""
        del self.hosts[host.endpoint]
        host.endpoint = endpoint
        self.hosts[endpoint] = host

    # --- operations -------------------------------------------------------------------------------

    def join(self, host: Host, bootstrap: Iterable[Host | Endpoint] = ()) -> OperationId:
        endpoints = [each.endpoint if isinstance(each, Host) else each for each in bootstrap]
        operation = host.node.join(endpoints, self.now, family=host.family)
        self.flush(host)
        return operation

    def ping(self, host: Host, endpoint: Endpoint) -> OperationId:
        operation = host.node.ping(endpoint, self.now)
        self.flush(host)
        return operation

    def lookup(self, host: Host, target: NodeId, **options: object) -> OperationId:
        operation = host.node.start_lookup(target, self.now, family=host.family, **options)  # type: ignore[arg-type]
        self.flush(host)
        return operation

    def result(self, host: Host, operation: OperationId, within_s: float = 60.0) -> Finished:
        """Runs until the operation has ended; returns its terminal event."""
        found: list[Finished] = []

        def ended() -> bool:
            found[:] = (
                event
                for event in host.events
                if isinstance(event, Finished) and event.operation == operation
            )
            return bool(found)

        self.run(within_s, until=ended)
        assert found, f"operation {operation} did not end within {within_s} s"
        assert len(found) == 1
        return found[0]

    def inject(self, destination: Host, source: Endpoint, payload: bytes) -> None:
        """Delivers a forged datagram now."""
        destination.node.receive(payload, source, self.now)
        self.flush(destination)

    def flush(self, host: Host) -> None:
        while host.endpoint in self.refused and (outbox := host.node.drain_outbox()):
            for _, destination in outbox:
                host.node.send_failed(destination, self.now)
        for payload, destination in host.node.drain_outbox():
            self.send(host.endpoint, destination, payload)
        host.events += host.node.drain_events()
        deadline = host.node.next_deadline()
        if deadline < host.tick_at:
            host.tick_at = deadline
            self.at(max(deadline, self.now), lambda: self._tick(host, deadline))

    def send(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        if self.sent is not None:
            self.sent.append((self.now, source, destination, payload))
        if self._loss and self.rng.random() < self._loss:
            return
        if source in self.cut_off:
            return
        delay = self._one_way_s if isinstance(self._one_way_s, float) else self._one_way_s(self.rng)
        self.at(self.now + delay, lambda: self._deliver(source, destination, payload))

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), action))

    # --- time -------------------------------------------------------------------------------------

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        end = self.now + seconds
        while not until():
            if not self._queue or self._queue[0][0] > end:
                self.now = end
                return
            self.now, _, action = heapq.heappop(self._queue)
            action()

    def _tick(self, host: Host, scheduled: float) -> None:
        if not host.up or host.tick_at != scheduled:
            return
        host.tick_at = float("inf")
        host.node.tick(self.now)
        assert host.node.next_deadline() > self.now, (
            "after tick(now) the next deadline lies after now"
        )
        self.flush(host)

    def _deliver(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        host = self.hosts.get(destination)
        if host is not None and host.up and destination not in self.cut_off | self.refused:
            host.node.receive(payload, source, self.now)
            self.flush(host)


def populate(
    world: World, nodes: int, config: CoreConfig = CONFIG, *, knows: int = 1
) -> list[Host]:
    """A network that grows node by node: each joins through ``knows`` of those before it."""
    hosts: list[Host] = []
    for number in range(nodes):
        host = world.add(address(number), config)
        world.join(host, world.rng.sample(hosts, min(knows, len(hosts))))
        hosts.append(host)
        world.run(0.2)
    return hosts


def synthetic(
    world: World, nodes: int, config: CoreConfig = CONFIG, *, dead: float = 0.0
) -> list[Host]:
    """A network with filled tables: in each table, every bucket has random fitting nodes in all its
    places. ``dead`` is the share of nodes that are down.
    """
    hosts = sorted(
        (world.add(address(number), config) for number in range(nodes)), key=lambda host: host.id
    )
    contacts = [host.contact for host in hosts]
    ids = [contact.id for contact in contacts]
    for own_id, host in zip(ids, hosts, strict=True):
        dht = host.node.dhts[host.family]
        low, high = 0, nodes
        for index in range(160):
            # [low, high) are the nodes that share ``index`` bits with this one; the boundary is at
            # their next bit.
            boundary = bisect_left(ids, (own_id >> (159 - index) | 1) << (159 - index), low, high)
            near, far = (
                ((boundary, high), (low, boundary))
                if own_id >> (159 - index) & 1
                else ((low, boundary), (boundary, high))
            )
            for other in world.rng.sample(
                range(*far), min(dht.table.capacity(index), far[1] - far[0])
            ):
                dht.table.offer(contacts[other], world.now)
            low, high = near
            if high - low == 1:
                break
        dht.joined = dht.own_lookup_done = True
    for host in world.rng.sample(hosts, int(dead * nodes)):
        world.kill(host)
    return hosts


def true_closest(hosts: Iterable[Host], target: NodeId, count: int, asker: Host) -> list[NodeId]:
    """The result that a lookup should have, from knowledge of the whole network."""
    return sorted(
        (host.id for host in hosts if host.up and host is not asker),
        key=lambda node_id: node_id ^ target,
    )[:count]


def lookups(
    world: World, hosts: list[Host], number: int, *, spacing_s: float = 0.1, **options: object
) -> list[tuple[Host, LookupFinished]]:
    """Starts a lookup of a random ID at a random live node every ``spacing_s``, and waits for all
    of them.
    """
    live = [host for host in hosts if host.up]
    started = []
    for _ in range(number):
        host = world.rng.choice(live)
        started.append((host, world.lookup(host, world.rng.getrandbits(160), **options)))
        world.run(spacing_s)
    finished = [(host, world.result(host, operation)) for host, operation in started]
    return [(host, event) for host, event in finished if isinstance(event, LookupFinished)]
