"""One network and its lookups, run twice: in virtual time here, and on real sockets by the command
line (`kadisc sim calibrate`).

Both runs have the same nodes with the same IDs at the same addresses, the same entries in their
tables, dead ones included, and the same lookups at the same moments of a clock that begins at 0.
The same `Network` decides on the loss and delay of every datagram. So the two differ only in what a
simulation leaves out: sockets, the shell, the event loop, and a clock that goes on while the
program computes.

A network is used for a few seconds only, because later the nodes detect dead entries: after two
failures at least 20 seconds apart. So many lookups take many networks, each with another seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from random import Random

from ...core.addressing.external_address import Confidence, ExternalAddress
from ...core.contract.events import LookupFinished, LookupResult
from ...core.core import Core
from ...endpoints import Endpoint, Family, make_endpoint
from ...errors import UsageError
from ...ids import NodeId, random_id
from ..measure.counting import SentTraffic, sent_since, traffic_of
from ..model.churn import Churn, Stay
from ..model.host import Host
from ..model.latency import latency_model
from ..model.population import Population, Residence
from ..model.steady_state import PlantedContact, TableBuilder
from ..model.world import World
from ..option_rules import check_options
from ..options import SimOptions

LOOKUPS = 1575
"""Lookups on each side: seven networks of 225."""
ROUND_S = 15.0
"""How long lookups are started in one network."""
TAIL_S = 6.0
"""How long after the last start counting ends; a lookup still running then counts as unfinished."""
MAX_NODES = 254
"""The limit of nodes: in the worst case each needs a /16 of its own in 127/8."""
SETTINGS = {
    "nodes": "200",
    "warmup_s": "4",
    "lookups_per_minute": "900",
    "crash": "0.3",
    "population.reachable": "1",
    "network.loss.mean": "0.05",
    "core.allow_private": "on",
    "core.table.bucket_sizes": "8",
}
"""Default options. ``crash`` is the share of the nodes that are dead. Loopback addresses count as
public ones, so that all caps are active. With wide buckets each node would know nearly all others
in so small a network, and every lookup would end after one hop.
"""


NO_TRAFFIC = SentTraffic(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Spot:
    """One node, to run on either side. The port of its endpoint is set when its socket is bound.
    ``starts_at`` lies in the warm-up: nodes that start together check their contacts at the same
    instants, and checks at the end of counting would be counted on one side only.
    """

    residence: Residence
    stay: Stay
    own_id: NodeId
    alive: bool
    starts_at: float


@dataclass(frozen=True, slots=True)
class PlannedLookup:
    """``at_s``: start, counted from the end of the warm-up. ``asker``: index of the node that looks
    up. ``closest``: ID of the live node that is truly the closest, the asker aside.
    """

    at_s: float
    asker: int
    target: NodeId
    closest: NodeId


@dataclass(frozen=True, slots=True)
class NodeTraffic:
    """What one node has sent and received since its start, in datagrams and bytes."""

    sent: SentTraffic
    received: int


@dataclass(slots=True)
class Observed:
    """The results of one side, summed over its networks. ``elapsed_s`` has a value for each lookup,
    ``inf`` for an unfinished one.
    """

    elapsed_s: list[float] = field(default_factory=list)
    lookup_queries: list[int] = field(default_factory=list)
    hops: list[int] = field(default_factory=list)
    found_closest: int = 0
    traffic: SentTraffic = NO_TRAFFIC
    received: int = 0
    started: int = 0

    def ended(self, lookup: PlannedLookup, result: LookupResult) -> None:
        self.elapsed_s.append(result.elapsed_s)
        self.lookup_queries.append(result.queries)
        self.hops.append(result.hops)
        self.found_closest += (
            bool(result.closest) and result.closest[0].contact.id == lookup.closest
        )

    def counted(
        self, started: int, before: Sequence[NodeTraffic], after: Sequence[NodeTraffic]
    ) -> None:
        """Adds the counts of one network with ``started`` lookups. ``before`` and ``after``: what
        its nodes have sent and received at the first lookup and at the end.
        """
        for then, now in zip(before, after, strict=True):
            self.traffic = SentTraffic(
                *(a + b for a, b in zip(self.traffic, sent_since(then.sent, now.sent), strict=True))
            )
            self.received += now.received - then.received
        self.started += started
        self.elapsed_s += [inf] * (self.started - len(self.elapsed_s))


class CalibrationRound:
    """One network and its lookups, determined by ``options.seed`` and ``number``."""

    def __init__(self, options: SimOptions, number: int, lookups: int) -> None:
        self.options = replace(options, seed=options.seed * 1000 + number)
        rng = Random(f"calibration {self.options.seed}")
        self.spots = _spots(self.options, rng)
        self._alive = [index for index, spot in enumerate(self.spots) if spot.alive]
        every_s = 60.0 / options.lookups_per_minute
        self.lookups = [self._planned(order * every_s, rng) for order in range(lookups)]
        self.measured_s = lookups * every_s + TAIL_S

    def hosts(self, endpoints: Sequence[Endpoint]) -> list[Host]:
        """The nodes at these endpoints, with filled tables, on a clock at 0. Dead nodes are
        included and down.
        """
        hosts = [
            self._host(number, spot, endpoint)
            for number, (spot, endpoint) in enumerate(
                zip(self.spots, endpoints, strict=True), start=1
            )
        ]
        known = [
            PlantedContact(host.contact, spot.stay.age_s)
            for host, spot in zip(hosts, self.spots, strict=True)
        ]
        builder = TableBuilder(
            known, self.options.core.maintenance, Random(f"tables {self.options.seed}")
        )
        for host, spot in zip(hosts, self.spots, strict=True):
            builder.fill(host, spot.stay.age_s, 0.0)
        return hosts

    def run(self, endpoints: Sequence[Endpoint], observed: Observed) -> None:
        """Runs the network in virtual time, and adds its results to ``observed``."""
        world, hosts, began = World(self.options), self.hosts(endpoints), self.options.warmup_s
        waiting: dict[tuple[Host, int], PlannedLookup] = {}

        def start(lookup: PlannedLookup) -> None:
            host = hosts[lookup.asker]
            waiting[
                host, world.do(host, host.node.start_lookup, lookup.target, family=Family.IPV4)
            ] = lookup

        def watch(host: Host) -> None:
            def on_event(now: float, event: object) -> None:
                if (
                    isinstance(event, LookupFinished)
                    and (lookup := waiting.get((host, event.operation))) is not None
                ):
                    observed.ended(lookup, event.result)

            host.on_event = on_event

        for host, spot in zip(hosts, self.spots, strict=True):
            if host.up:
                watch(host)
                # Datagrams until then wait, as in a socket that is not read yet.
                host.stalled_until = spot.starts_at
                world.boot(host)
            else:
                world.network.attach(host)
        world.run_until(began)
        before = counts(hosts)
        for lookup in self.lookups:
            world.at(began + lookup.at_s, start, lookup)
        world.run_until(began + self.measured_s)
        observed.counted(len(self.lookups), before, counts(hosts))

    def _planned(self, at_s: float, rng: Random) -> PlannedLookup:
        asker, target = rng.choice(self._alive), random_id(rng)
        closest = min(
            (self.spots[index].own_id for index in self._alive if index != asker),
            key=lambda own_id: own_id ^ target,
        )
        return PlannedLookup(at_s, asker, target, closest)

    def _host(self, number: int, spot: Spot, endpoint: Endpoint) -> Host:
        core = self.options.core
        address = ExternalAddress(core.address, endpoint[:-2], endpoint[-2:], Confidence.VOTED)
        # A generator of its own, because on sockets the nodes run in another order.
        rng = Random(f"node {self.options.seed} {number}")
        node = Core(core, rng, {Family.IPV4: spot.own_id}, 0.0, addresses={Family.IPV4: address})
        host = Host(
            number, spot.residence._replace(endpoint=endpoint), None, node, -spot.stay.age_s
        )
        host.up = spot.alive
        return host


def rounds(options: SimOptions, lookups: int) -> list[CalibrationRound]:
    """The networks that ``lookups`` take. Raises UsageError for options with an unknown name or an
    impossible value.
    """
    try:
        check_options(options)
        latency_model(options.network.latency)
        Churn(options.churn, Random(0))
    except ValueError as error:
        raise UsageError(str(error)) from None
    each = max(1, round(ROUND_S * options.lookups_per_minute / 60.0))
    numbers = range(-(-lookups // each))
    return [
        CalibrationRound(options, number, min(each, lookups - number * each)) for number in numbers
    ]


def counts(hosts: Sequence[Host]) -> list[NodeTraffic]:
    return [NodeTraffic(traffic_of(host.node), host.node.counters.received) for host in hosts]


def _spots(options: SimOptions, rng: Random) -> list[Spot]:
    """The nodes. Addresses cluster like those of any simulated population, but each /16 is mapped
    to a /16 of 127/8.
    """
    population, churn = Population(options, rng), Churn(options.churn, rng)
    dead = set(rng.sample(range(options.nodes), round(options.crash * options.nodes)))
    loopback: dict[bytes, int] = {}
    spots = []
    for index in range(options.nodes):
        residence = population.settle()
        ip = residence.endpoint
        ip_text = f"127.{loopback.setdefault(ip[:2], len(loopback) + 1)}.{ip[2]}.{ip[3]}"
        residence = residence._replace(endpoint=make_endpoint(ip_text, 1))
        spots.append(
            Spot(
                residence,
                churn.random_stay(),
                random_id(rng),
                index not in dead,
                rng.random() * options.warmup_s,
            )
        )
    return spots
