"""One operator against a network, in the small world: one real node, honest nodes that answer from
what they know, and an operator of many addresses that has a valid ID (BEP 42) beside every target.

The operator answers from each of its addresses, and names its own nodes only, under IDs that it
searched for. Every honest node has been made to name two of them in each answer.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import address_checksum, with_bep42_prefix
from kadisc.core.contract.events import LookupResult
from kadisc.endpoints import IPV6_ENDPOINT_BYTES, Endpoint, ip_of, netgroup_prefix, subnet_prefix
from kadisc.errors import DecodeError
from kadisc.ids import ID_BITS, NodeId, random_id
from kadisc.wire import krpc
from kadisc.wire.compact import pack_contacts
from kadisc.wire.messages import FindNode, GetPeers, Ping, Query, Reply

from .scripted import ScriptedPeer
from .world import CONFIG, Host, World

BITS = 21
"""How many bits of an ID follow from the address."""
PORT = b"\x1a\xe1"


def in_subnet(prefix: bytes, subnet: int, host: int) -> Endpoint:
    """An address of the host-th /64 of the subnet-th /48 of a /32."""
    return Endpoint(
        prefix + subnet.to_bytes(2, "big") + host.to_bytes(2, "big") + bytes(7) + b"\1" + PORT
    )


def of_32(prefix: bytes, subnets: int, hosts: int) -> list[Endpoint]:
    """Addresses in so many /64s of each of so many /48s of a /32."""
    return [in_subnet(prefix, subnet, host) for subnet in range(subnets) for host in range(hosts)]


def of_16(prefix: bytes, addresses: int) -> list[Endpoint]:
    """So many addresses of an IPv4 /16, evenly in its /24s."""
    return [
        Endpoint(prefix + bytes((number % 256, 1 + number // 256)) + PORT)
        for number in range(addresses)
    ]


class Operator:
    """It answers at ``endpoints``, and may choose among the valid IDs of each."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = endpoints
        self._owned = {netgroup_prefix(endpoint) for endpoint in endpoints}
        self.ordinary = list({subnet_prefix(each): each for each in endpoints}.values())
        """One node of each /24 (IPv6 /48), which takes part in the network under one ID."""
        self._places = sorted(
            (address_checksum(ip_of(endpoint), r) >> 32 - BITS, r, number)
            for number, endpoint in enumerate(self.endpoints)
            for r in range(8)
        )
        self._shown: dict[tuple[Endpoint, NodeId], NodeId] = {}

    def owns(self, endpoint: Endpoint) -> bool:
        return netgroup_prefix(endpoint) in self._owned

    def beside(self, target: NodeId, count: int) -> list[Contact]:
        """Its valid contacts nearest to ``target``, each in another subnet, nearest first."""
        low, high = 0, len(self._places)
        for bit in range(BITS):
            shift = BITS - 1 - bit
            start = target >> ID_BITS - BITS >> shift << shift
            inner_low = bisect_left(self._places, (start, 0, 0), low, high)
            inner_high = bisect_left(self._places, (start + (1 << shift), 0, 0), low, high)
            if inner_high - inner_low < 32 * count:
                break
            low, high = inner_low, inner_high
        free = (1 << ID_BITS - BITS) - 8
        nearest = sorted(
            ((place << ID_BITS - BITS | target & free | r) ^ target, number)
            for place, r, number in self._places[low:high]
        )
        found: dict[bytes, Contact] = {}
        for distance, number in nearest:
            endpoint = self.endpoints[number]
            found.setdefault(subnet_prefix(endpoint), Contact(distance ^ target, endpoint))
            if len(found) == count:
                break
        for contact in found.values():
            self._shown[contact.endpoint, target] = contact.id
        return list(found.values())

    def shown_id(self, endpoint: Endpoint, target: NodeId) -> NodeId:
        usual = with_bep42_prefix(ip_of(endpoint), int.from_bytes(endpoint, "big") << 16 | 5)
        return self._shown.get((endpoint, target), usual)

    def ordinary_contact(self, endpoint: Endpoint) -> Contact:
        return Contact(self.shown_id(endpoint, -1), endpoint)


def named(reply: Reply, contacts: Sequence[Contact]) -> Reply:
    if contacts and len(contacts[0].endpoint) == IPV6_ENDPOINT_BYTES:
        reply.nodes6 = pack_contacts(contacts)
    else:
        reply.nodes = pack_contacts(contacts)
    return reply


class AnsweringNode(ScriptedPeer):
    """Answers at once; takes no notice of what it cannot read."""

    def __init__(self, endpoint: Endpoint, network: OneOperatorNetwork) -> None:
        super().__init__(partial(network.answer, endpoint))

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        with suppress(DecodeError):
            super().receive(payload, source, now)


class Everywhere(dict[Endpoint, Host]):
    """Also has a host for each address of the operator."""

    def __init__(self, network: OneOperatorNetwork) -> None:
        self._network = network

    def get(self, endpoint: Endpoint, default: Host | None = None) -> Host | None:  # type: ignore[override]
        if endpoint not in self and self._network.operator.owns(endpoint):
            self[endpoint] = self._network.host_at(endpoint)
        return super().get(endpoint, default)


class OneOperatorNetwork:
    """``victim`` is the real node, which has joined and filled its table."""

    def __init__(
        self,
        honest: Sequence[Endpoint],
        operator: Operator,
        config: CoreConfig = CONFIG,
        *,
        at: Endpoint,
        seed: int = 1,
        knows: int = 150,
        misled: int = 2,
    ) -> None:
        """``knows``: how many random honest nodes each honest node knows, besides its neighbours;
        ``misled``: how many contacts of the operator an honest node names in each answer.
        """
        rng = random.Random(seed)
        self.operator = operator
        self.misled = misled
        self.world = World(seed, one_way_s=0.02)
        self.world.hosts = Everywhere(self)
        self.honest = {
            endpoint: Contact(with_bep42_prefix(ip_of(endpoint), random_id(rng)), endpoint)
            for endpoint in honest
        }
        contacts = sorted(self.honest.values())
        ids = [contact.id for contact in contacts]
        self.known: dict[Endpoint, list[NodeId]] = {}
        for endpoint, contact in self.honest.items():
            near = sorted(ids, key=contact.id.__xor__)[1:17]
            self.known[endpoint] = [*{*near, *rng.sample(ids, min(knows, len(ids)))}]
            self.world.hosts[endpoint] = self.host_at(endpoint)
        self.by_id = {contact.id: contact for contact in contacts}
        own_id = with_bep42_prefix(ip_of(at), random_id(rng))
        self.victim = self.world.add(at, config, own_id)
        self.world.join(self.victim, rng.sample([*self.honest], min(3, len(self.honest))))
        self.world.run(30.0)
        for endpoint in operator.ordinary:  # they make themselves known
            query = FindNode(b"in", operator.ordinary_contact(endpoint).id, own_id)
            self.world.inject(self.victim, endpoint, krpc.encode(query))
        self.world.run(60.0)

    def host_at(self, endpoint: Endpoint) -> Host:
        # It has all methods of a node that the world calls.
        return Host(AnsweringNode(endpoint, self), endpoint)  # type: ignore[arg-type]

    def answer(self, endpoint: Endpoint, query: Query) -> Reply:
        target = query.sender
        if isinstance(query, FindNode):
            target = query.target
        elif isinstance(query, GetPeers):
            target = query.info_hash
        own = self.honest.get(endpoint)
        reply = Reply(query.tid, own.id if own else self.operator.shown_id(endpoint, target))
        if isinstance(query, Ping):
            return reply
        reply.token = b"token"
        if own is None:
            return named(reply, self.operator.beside(target, 8))
        theirs = self.operator.beside(target, self.misled) if self.misled else []
        known = sorted(self.known[endpoint], key=target.__xor__)[: 8 - len(theirs)]
        return named(reply, [*theirs, *(self.by_id[each] for each in known)])

    # --- what came of it --------------------------------------------------------------------------

    def look_up(self, target: NodeId, **options: object) -> LookupResult:
        operation = self.world.lookup(self.victim, target, **options)
        event = self.world.result(self.victim, operation)
        return event.result  # type: ignore[attr-defined, no-any-return]

    def share_of_table(self) -> float:
        entries = [*self.victim.node.dhts[self.victim.family].table]
        return sum(self.operator.owns(each.contact.endpoint) for each in entries) / len(entries)

    def lookups(self, number: int, seed: int = 1, **options: object) -> Captures:
        rng, captures = random.Random(seed), Captures()
        for _ in range(number):
            target = rng.getrandbits(ID_BITS)
            result = self.look_up(target, **options)
            truth = min(self.by_id, key=target.__xor__)
            closest = [each.contact for each in result.closest]
            captures.places.append(sum(self.operator.owns(each.endpoint) for each in closest))
            captures.found.append(truth in [each.id for each in closest])
            captures.queries.append(result.queries)
            insort(captures.hops, result.hops)
        return captures


@dataclass
class Captures:
    """Of each lookup: places of the operator among the k closest, whether the closest honest node
    is among them, and queries.
    """

    places: list[int] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    hops: list[int] = field(default_factory=list)

    @property
    def share_found(self) -> float:
        return sum(self.found) / len(self.found)

    @property
    def queries_mean(self) -> float:
        return sum(self.queries) / len(self.queries)
