"""The self-check: does a core contradict itself? Its stores keep their bounds, and two notes of the
same fact agree.

It finds faults of this program, never of other nodes: whatever they send, nothing is reported. The
fuzzers check the core by it after every few moves, the simulator at every look, and `kadisc run
--self-check N` a live node every N datagrams. It costs a pass through everything that is stored.
The model is ``-checkaddrman`` of Bitcoin Core.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..config import CoreConfig
from ..endpoints import Scope, host_prefix, subnet_prefix, tunnelled_ipv4
from ..ids import NodeId
from .contract.counters import Counters
from .dht import Dht
from .peers.known_peers import MAX_KNOWN
from .peers.network import PeerNetwork
from .peers.network_snapshot import PeerNetworkSnapshot
from .serving.responder import Responder


def of_dht(dht: Dht, own_ids: set[NodeId], config: CoreConfig) -> Iterator[str]:
    """What is wrong with one address family, each a sentence whose part before the first colon is
    the same for all faults of one kind.
    """
    table, parts = dht.table, dht.parts
    yield from table.inconsistencies(table.pins)
    for entry in table:
        if entry.id in own_ids:
            yield f"an entry has an ID of this node: {entry.contact}"
    for bucket in table.buckets():
        for replacement in bucket.replacements:
            if replacement in own_ids:
                yield f"a replacement has an ID of this node: bucket {bucket.index}"
    if len(parts.revalidation) != len(table):
        planned = len(parts.revalidation)
        yield f"not every contact has one check planned: {planned} for {len(table)}"
    if len(parts.candidates) > config.maintenance.max_candidates:
        yield f"too many candidates wait: {len(parts.candidates)}"
    if config.defences.diversity_caps:
        yield from _beyond_caps(dht, config)


def _beyond_caps(dht: Dht, config: CoreConfig) -> Iterator[str]:
    """The hard caps on entries; the own subnet has wider ones, and static peers none."""
    hosts: dict[bytes, int] = {}
    subnets: dict[bytes, int] = {}
    for entry in dht.table:
        endpoint = entry.contact.endpoint
        if dht.parts.scopes.of(endpoint) is not Scope.PUBLIC or tunnelled_ipv4(endpoint):
            continue
        host, subnet = host_prefix(endpoint), subnet_prefix(endpoint)
        hosts[host] = hosts.get(host, 0) + 1
        subnets[subnet] = subnets.get(subnet, 0) + 1
    surplus = dht.table.pins + config.table.own_subnet_places
    if max(hosts.values(), default=0) > config.table.per_host + surplus:
        yield f"too many contacts are at one address: {max(hosts.values())}"
    if max(subnets.values(), default=0) > config.table.per_subnet_in_table + surplus:
        yield f"too many contacts are in one subnet: {max(subnets.values())}"


def of_stores(responder: Responder) -> Iterator[str]:
    """What is wrong with what is stored for other nodes."""
    yield from responder.peers.inconsistencies()
    yield from responder.items.store.inconsistencies()


def of_counters(counters: Counters) -> Iterator[str]:
    """Each datagram is counted once, as accepted or as dropped."""
    ended = sum(counters.accepted.values()) + sum(counters.dropped.values())
    if counters.received != ended:
        yield f"received is not the sum of accepted and dropped: {counters.received}, {ended}"


def of_network(network: PeerNetwork, config: CoreConfig, now: float) -> Iterator[str]:
    """What is wrong with the peers of the own network: those known, the view, the book."""
    yield from network.verifier.known.inconsistencies()
    yield from network.components.view.inconsistencies()
    yield from network.components.book.inconsistencies()
    yield from over_bounds(config, network.snapshot(now))


def over_bounds(config: CoreConfig, seen: PeerNetworkSnapshot) -> Iterator[str]:
    """The stores of a network that are above their bounds."""
    gossip, book = config.gossip, config.book
    for size, bound, what in (
        (seen.candidates, gossip.max_candidates, "gossip candidates"),
        (seen.tombstones, gossip.max_tombstones, "tombstones"),
        (seen.verified, MAX_KNOWN, "verified peers"),
        (seen.pushes, gossip.reservoir, "pushes kept of a round"),
        (sum(peer.slots for peer in seen.view.peers), seen.view.slots, "slots held"),
        (
            seen.book_unverified,
            book.new_buckets * book.new_bucket_size,
            "unverified peers in the book",
        ),
        (
            seen.book_verified,
            book.tried_buckets * book.tried_bucket_size,
            "verified peers in the book",
        ),
    ):
        if size > bound:
            yield f"{what} are above their bound: {size}; the bound is {bound}"
