"""The lab: a simulated network whose hosts come and go by the churn profile, its oracle, and the
phases of a run.

Scenarios are written in terms of this module: settle a network, begin to measure, run, ask the
oracle.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from random import Random

from ..config import Defences
from ..contacts import Contact
from ..core.addressing.bep42 import derive_node_id, with_bep42_prefix
from ..core.addressing.contact_pool import ContactPool
from ..core.addressing.external_address import Confidence, ExternalAddress
from ..core.contract.identity import Identity
from ..core.contract.saved_state import SavedState
from ..core.core import Core
from ..endpoints import Endpoint, Family, ip_of
from ..ids import NodeId, random_id
from .adversaries.adversary import Adversary, AdversaryHost
from .measure.cost import Cost
from .measure.oracle import Oracle
from .model.churn import Churn, Stay
from .model.faults import Faults
from .model.homes import Homes
from .model.host import Host
from .model.latency import mrtt_s
from .model.mapping_requests import MappingRequests
from .model.members import Members
from .model.nat import Nat
from .model.population import Population, Residence
from .model.steady_state import PlantedContact, TableBuilder, dead_share
from .model.world import World
from .option_rules import check_options
from .options import SimOptions
from .oracles.oracles import Oracles
from .oracles.saved_state import Reload

BOOTSTRAP_HOSTS = 3
"""How many nodes a new node joins by."""
DRAWS_PER_CONTACT = 40
"""Random hosts drawn to find one bootstrap host: two in five hosts accept unsolicited queries."""
MAX_POOLED_CONTACTS = 1 << 20
"""All live contacts of the largest network, so that each is held in memory once."""
REJOIN_S = 5.0
"""How long a new node waits for its bootstrap hosts before it tries others."""


class Lab:
    def __init__(
        self,
        options: SimOptions,
        *,
        wall_clock: Callable[[], float] = time.perf_counter,
        asserted: Defences | None = None,
        reload: Reload | None = None,
    ) -> None:
        """``asserted``: the defences that the oracles rely on, by default those of the options.
        ``reload``: see `oracles/saved_state.py`. Raises ValueError for options with an unknown name
        or an impossible value.
        """
        check_options(options)
        self.options = options
        self.family = Family(options.family)
        self.world = World(options)
        self.oracle = Oracle(self.world)
        self.rng = Random(f"scenario {options.seed}")
        self.mrtt_s = 0.0
        self.dead_at_start = 0.0
        self.phase = "setting up"
        self.ends_at = 0.0
        self._wall_clock = wall_clock
        self._chance = Random(f"nodes {options.seed}")
        self._own_rng = Random(f"world {options.seed}")
        self.population = Population(options, self._own_rng)
        self.homes = Homes(options.network.nat, self.population, self._own_rng)
        self.mapping_requests = MappingRequests(
            self.world, options.network.nat.grant_s, Random(f"mapping requests {options.seed}")
        )
        self.churn = Churn(options.churn, self._own_rng)
        self.members = Members(options)
        self.oracles = Oracles(
            options, self.world, self.oracle, self.members, asserted=asserted, reload=reload
        )
        self.world.watchers.append(self.oracles)
        self.faults: Faults | None = None
        self.restart: Callable[[Host, SavedState], None] = self._restart
        """Starts a process again with its saved state, after a fault."""
        self._pool = ContactPool(MAX_POOLED_CONTACTS)
        self._numbers = 0
        self._numbers_up: list[int] = []
        self.watch: Callable[[Lab], Callable[[], None]] | None = None
        """For a display of progress: given a lab, returns what its world calls regularly."""
        self._began: tuple[float, float, int, int, int] | None = None
        self._costs: dict[str, Cost] = {}

    # --- hosts ------------------------------------------------------------------------------------

    def new_host(
        self,
        *,
        up_since: float | None = None,
        reachable: bool | None = None,
        residence: Residence | None = None,
        nat: Nat | None = None,
        knows_address: bool = False,
        options: SimOptions | None = None,
        own_id: NodeId | None = None,
        public_key: bytes | None = None,
        identity: Identity | None = None,
    ) -> Host:
        """A host that is not up yet. Whether it is reachable, and whether it is a member of the
        peer network, is drawn by their shares unless ``reachable`` and ``identity`` are given; so
        is the NAT in front of it, unless ``nat`` is.
        """
        options, now = options or self.options, self.world.now
        residence = residence or self.population.settle()
        if nat is None:
            if reachable is None:
                reachable = self._own_rng.random() < options.population.reachable
            if not reachable:
                residence, nat = self.homes.settle(residence)
        where = residence.endpoint if nat is None else nat.external
        if own_id is None:
            own_id = random_id(self._own_rng)
            if self._own_rng.random() < options.population.bep42_ids:
                own_id = with_bep42_prefix(ip_of(where), own_id)
        identity = identity or self.members.draw()
        membership = None
        if identity is not None:
            membership = self.members.membership(identity, now)
            own_id = derive_node_id(identity.public_key, ip_of(where))
        addresses = {self.family: self._voted(where)} if knows_address else None
        node = Core(
            options.core,
            self._chance,
            {self.family: own_id},
            now,
            public_key=public_key,
            addresses=addresses,
            membership=membership,
            pool=self._pool,
        )
        self._numbers += 1
        return Host(
            self._numbers, residence, nat, node, now if up_since is None else up_since, identity
        )

    def reborn(self, host: Host, *, knows_address: bool = False) -> Host:
        """A new process with the same ID (and key) at the same place, behind the same NAT."""
        residence = Residence(
            host.endpoint, self.population.systems[host.system - 1], host.access_s
        )
        self.population.move_in(host.endpoint)
        again = self.new_host(
            residence=residence,
            reachable=True,
            own_id=host.id,
            identity=host.identity,
            knows_address=knows_address,
        )
        again.nat = host.nat
        again.here_since = host.here_since
        if host.closing_at != inf:
            self._leaves_after(again, host.closing_at - self.world.now)
        return again

    def new_adversary(self, adversary: Adversary, residence: Residence | None = None) -> Host:
        """A reachable host for the adversary, not up yet. It never leaves."""
        self._numbers += 1
        stay = self.churn.random_stay()
        return AdversaryHost(
            self._numbers,
            residence or self.population.settle(),
            adversary,
            self.world.now - stay.age_s,
        )

    def boot(self, host: Host) -> None:
        self.world.boot(host)
        if host.honest:
            self._numbers_up.append(host.number)
            self.oracle.arrived(host)
            self.mapping_requests.start(host)

    def filled(self, host: Host) -> None:
        """Tells the oracles that the table was filled by the simulator, not by answers."""
        self.oracles.knows(host)

    def move(self, host: Host, nat: Nat | None = None) -> None:
        """Gives the host another address in another network, behind ``nat`` if that is given; the
        node is not told.
        """
        residence, before = self.population.settle(), host.endpoint
        self.world.move(host, residence, nat)
        host.here_since = self.world.now
        self._vacate(before)

    def stop(self, host: Host) -> None:
        if host.up:
            self.oracle.left(host)
            self.world.stop(host)
            self._vacate(host.endpoint)
            self.oracles.left(host)

    def join(self, host: Host, contacts: int = BOOTSTRAP_HOSTS) -> None:
        """Starts the host, which joins by a few nodes that accept unsolicited queries. Until it has
        joined it tries again with others.
        """
        self.boot(host)
        self.go_in(host, contacts)

    def go_in(self, host: Host, contacts: int = BOOTSTRAP_HOSTS) -> None:
        """Lets a host that is up join."""
        self.oracles.joins(host)
        self._try_to_join(host, contacts)

    def arrive(self, stay: Stay | None = None) -> Host:
        """A new host joins, and leaves when its session is over; then another one arrives."""
        host = self.new_host()
        self.join(host)
        self._leaves_after(host, (stay or self.churn.new_stay()).left_s)
        return host

    def live(self, *, settled_s: float = 0.0) -> list[Host]:
        up_since = self.world.now - settled_s
        return [host for host in self.world.hosts.values() if host.up_since <= up_since]

    def any_host(self) -> Host | None:
        """A random host that is up, in constant time: if the drawn number is that of a host that
        has left, it draws again.
        """
        hosts = self.world.hosts
        while hosts:
            host = hosts.get(self._numbers_up[index := self.rng.randrange(len(self._numbers_up))])
            if host is not None:
                return host
            self._numbers_up[index] = self._numbers_up[-1]
            self._numbers_up.pop()
        return None

    def acceptors(self) -> list[Host]:
        return [host for host in self.world.hosts.values() if host.accepts_unsolicited]

    # --- phases -----------------------------------------------------------------------------------

    def settle(self, *, warmup_s: float | None = None, adversaries: Sequence[Host] = ()) -> None:
        """Sets up a network of ``options.nodes`` in its steady state, and runs the warm-up, which
        is not measured. The ``adversaries`` are among those nodes, and in tables like any other
        node.
        """
        with self._phase("setting up"):
            self._populate(adversaries)
            gc.collect()
            gc.freeze()  # these objects stay: no collection need look at them again
        self.warm_up(warmup_s)

    def warm_up(self, warmup_s: float | None = None) -> None:
        with self._phase("warming up"):
            self.run(self.options.warmup_s if warmup_s is None else warmup_s)

    @contextmanager
    def measured(self) -> Iterator[None]:
        with self._phase("measuring"):
            yield

    def run(self, seconds: float) -> None:
        self.ends_at = self.world.now + seconds
        self.world.run_until(self.ends_at)

    def run_while(self, waiting: Callable[[], bool], at_most_s: float, step_s: float = 0.5) -> None:
        """Runs until ``waiting`` is false, or for ``at_most_s``."""
        end = self.world.now + at_most_s
        while waiting() and self.world.now < end:
            self.run(min(step_s, end - self.world.now))

    def cost(self, phase: str) -> Cost:
        return self._costs.get(phase, Cost(0.0, 0.0, 0, 0, 0))

    @property
    def measuring_since(self) -> tuple[float, float, int]:
        """World time, wall time and datagrams at the start of the phase, for a display of
        progress.
        """
        now, wall, datagrams, _, _ = self._began or (0.0, 0.0, 0, 0, 0)
        return now, wall, datagrams

    def another(self, options: SimOptions) -> Lab:
        """A lab with a world of its own as a part of the same run; `absorb` it when it is done."""
        lab = Lab(options, wall_clock=self._wall_clock)
        lab.watch = self.watch
        if lab.watch is not None:
            lab.world.between_slices = lab.watch(lab)
        lab.world.watchers += [
            watcher for watcher in self.world.watchers if not isinstance(watcher, Oracles)
        ]
        return lab

    def absorb(self, other: Lab) -> None:
        """Adds digest and cost of the other lab to this one."""
        other.finish()
        self.world.digest.absorb(other.world.digest)
        for phase, cost in other._costs.items():
            self._costs[phase] = self.cost(phase) + cost

    def finish(self) -> None:
        """The last check of the expensive oracles."""
        self.oracles.finish()

    # --- inside -----------------------------------------------------------------------------------

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        world = self.world
        self.phase = name
        began = self._began = (
            world.now,
            self._wall_clock(),
            world.delivered,
            world.sent,
            world.sent_bytes,
        )
        yield
        wall_s = self._wall_clock() - began[1]
        cost = Cost(
            world.now - began[0],
            wall_s,
            world.delivered - began[2],
            world.sent - began[3],
            world.sent_bytes - began[4],
        )
        self._costs[name] = self.cost(name) + cost

    def _populate(self, adversaries: Sequence[Host]) -> None:
        options = self.options
        stays = [self.churn.random_stay() for _ in range(options.nodes - len(adversaries))]
        hosts = [self.new_host(up_since=-stay.age_s, knows_address=True) for stay in stays]
        self.mrtt_s = mrtt_s(self.world.latency, hosts, self._own_rng)
        known = [
            PlantedContact(host.contact, stay.age_s)
            for host, stay in zip(hosts, stays, strict=True)
            if host.accepts_unsolicited
        ]
        known += [
            PlantedContact(host.contact, -host.up_since, not host.node.dhts) for host in adversaries
        ]
        self.dead_at_start = dead_share(self.churn, options.core.maintenance, self._own_rng)
        dead = round(len(known) * self.dead_at_start / (1.0 - self.dead_at_start))
        known += self._dead_contacts(dead)
        builder = TableBuilder(known, options.core.maintenance, self._own_rng)
        for host, stay in zip(hosts, stays, strict=True):
            without_udp = host.nat is not None and host.nat.outbound(host.endpoint, 0.0) is None
            if not without_udp:  # without UDP a table stays empty
                builder.fill(host, stay.age_s, self.world.now)
            self.boot(host)
            self._leaves_after(host, stay.left_s)
            self.filled(host)
            self.world.between_slices()
        for host in adversaries:
            if host.node.dhts:  # a real node inside
                builder.fill(host, -host.up_since, self.world.now)
            self.boot(host)
        self.members.introduce(self.world, [*hosts, *adversaries])
        rng = Random(f"faults {options.seed}")
        self.faults = Faults(
            self.world, options.faults, rng, self._start_again, self.move, self.oracles.disturbed
        )
        self.faults.start()

    def _start_again(self, host: Host, state: SavedState) -> None:
        self.restart(host, state)

    def _restart(self, host: Host, state: SavedState) -> None:
        """A new process at the same place restores ``state`` and joins; its clock starts anew."""
        self.stop(host)
        restarted = self.reborn(host)
        restarted.node.restore(state, self.world.now)
        self.join(restarted)

    def _vacate(self, endpoint: Endpoint) -> None:
        """The address is free, unless other hosts share it."""
        if not self.world.network.is_used(endpoint[:-2]):
            self.population.move_out(endpoint)

    def _dead_contacts(self, number: int) -> list[PlantedContact]:
        """Contacts of dead nodes, which tables still hold."""
        dead: list[PlantedContact] = []
        while len(dead) < number:
            stay = self.churn.random_stay()
            if stay.left_s != inf:
                contact = Contact(random_id(self._own_rng), self.population.settle().endpoint)
                dead.append(PlantedContact(contact, stay.age_s))
        return dead

    def _leaves_after(self, host: Host, left_s: float) -> None:
        if left_s != inf:
            host.closing_at = self.world.now + left_s
            self.world.at(host.closing_at, self._is_replaced, host)

    def _is_replaced(self, host: Host) -> None:
        if host.up:  # it may have crashed before
            self.stop(host)
            self.arrive()

    def _try_to_join(self, host: Host, contacts: int) -> None:
        dht = host.dht
        if not host.up or dht.joined:
            return
        some = [self.any_host() for _ in range(DRAWS_PER_CONTACT * contacts)]
        acceptors = [
            other
            for other in dict.fromkeys(some)
            if other is not None and other.accepts_unsolicited and other is not host
        ]
        endpoints = [other.outside for other in acceptors[:contacts]]
        self.world.do(host, host.node.join, endpoints, family=self.family)
        self.world.at(self.world.now + REJOIN_S, self._try_to_join, host, contacts)

    def _voted(self, endpoint: Endpoint) -> ExternalAddress:
        return ExternalAddress(
            self.options.core.address, endpoint[:-2], endpoint[-2:], Confidence.VOTED
        )


@contextmanager
def without_pauses() -> Iterator[None]:
    """Collects garbage rarely: with millions of live objects a full collection takes seconds, and
    there are hardly any cycles to find.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(200_000, 50, 1000)
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
