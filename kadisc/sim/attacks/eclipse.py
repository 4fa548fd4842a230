"""An eclipse attack: an attacker from outside floods some running nodes, and some that restart
under the flood. How much of their tables does it get?

Besides the flood of `adversaries/sybil.py` each victim gets datagrams with forged sources: queries
from unused addresses. They fill a table that admits every querier, and cost the attacker no address
of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from ...core.contract.events import ContactRemoved, Datagram, Event
from ...endpoints import Endpoint
from ...ids import random_id
from ...wire import krpc
from ...wire.messages import FindNode
from ..adversaries.sybil import EclipseAttack, Sybil, near
from ..lab import Lab
from ..measure.statistics import Metrics, share
from ..model.host import Host
from ..model.population import unused_endpoint
from ..probes.honest_probe import HonestProbe
from .attackers import addresses_in

LOOKUPS_TAKE_S = 60.0
"""How long the victims' lookups are spread over."""
NEIGHBOURS = 8
"""How many of the nearest entries of a table are counted as neighbours."""
CALM_S = 60.0
"""How long a victim has been up at least, so that it has a table to defend."""
COLUMNS = {
    "sybils": "running_sybil_share",
    "unused": "running_unused_share",
    "displaced": "displaced_incumbents",
    "found": "running_found",
    "re_sybils": "restarted_sybil_share",
    "re_unused": "restarted_unused_share",
    "re_near": "restarted_sybil_neighbours",
    "re_found": "restarted_found",
}
"""Columns of the table: of the victims that keep running, and with ``re_`` of those that restart.
"""


def attack_victims(lab: Lab, prefixes: int) -> Metrics:
    """Sets up the network, attacks for ``minutes``, and then lets the victims do lookups."""
    attack = lab.options.attack
    lab.settle()
    running, restarting = _victims(lab)
    eclipse = EclipseAttack(
        {host.endpoint: host.id for host in (*running, *restarting)}, fabricates=attack.fabricate
    )
    removals = Removals(lab, {host.number for host in running})
    with lab.measured():
        lab.world.watchers.append(removals)
        before = {host.number: [entry.contact for entry in host.dht.table] for host in running}
        sybils = _sybils(lab, eclipse, prefixes)
        _forge(lab, eclipse, sybils)
        lab.run(attack.restart_after_s)
        restarted = [_restart(lab, host) for host in restarting]
        lab.run(max(0.0, 60.0 * lab.options.minutes - attack.restart_after_s))
        found = _look_up(lab, running=running, restarted=restarted)
    lab.world.watchers.remove(removals)
    incumbents = [contact for host in running for contact in before[host.number]]
    kept = sum(
        host.dht.table.get(contact.id) is not None
        for host in running
        for contact in before[host.number]
    )
    return {
        "sybils": len(sybils),
        "honest_accepting": len(lab.oracle),
        "displaced_incumbents": removals.displaced,
        "lost_live_incumbents": removals.alive,
        "kept": share(kept, len(incumbents)),
        **_standing("running", lab, running),
        **_standing("restarted", lab, restarted),
        **found,
    }


@dataclass(slots=True)
class Removals:
    """Counts removed entries of the running victims, from the first datagram of the attack on.
    ``alive``: honest live nodes that were removed, also those whose checks were lost in the
    network. ``displaced``: those of them whose place was given to another node.
    """

    lab: Lab
    hosts: set[int]
    displaced: int = 0
    alive: int = 0

    def sent(self, host: Host, outbox: Sequence[Datagram], now: float) -> None:
        pass

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        pass

    def happened(self, host: Host, events: Sequence[Event], now: float) -> None:
        if host.number not in self.hosts:
            return
        for event in events:
            if isinstance(event, ContactRemoved):
                there = self.lab.oracle.at(event.contact.endpoint)
                if there is not None and there.honest and there.id == event.contact.id:
                    self.alive += 1
                    self.displaced += event.reason == "replaced"


def _victims(lab: Lab) -> tuple[list[Host], list[Host]]:
    """Nodes without a NAT that stay until the end: some keep running, some restart."""
    wanted = lab.options.attack.victims
    end = lab.world.now + 60.0 * lab.options.minutes + LOOKUPS_TAKE_S
    fit = [
        host for host in lab.live(settled_s=CALM_S) if host.nat is None and host.closing_at > end
    ]
    chosen = lab.rng.sample(fit, min(2 * wanted, len(fit)))
    return chosen[::2], chosen[1::2]


def _sybils(lab: Lab, eclipse: EclipseAttack, prefixes: int) -> list[Host]:
    attack = lab.options.attack
    homes = addresses_in(lab, attack.addresses, prefixes)
    rng = Random(f"sybils {lab.options.seed}")
    members = [Sybil(random_id(rng), eclipse, rng, attack.interval_s, lab.world.now) for _ in homes]
    hosts = [lab.new_adversary(member, home) for member, home in zip(members, homes, strict=True)]
    eclipse.enrol(members)
    for host in hosts:
        lab.boot(host)
    return hosts


def _forge(lab: Lab, eclipse: EclipseAttack, sybils: Sequence[Host]) -> None:
    """Sends queries with random forged sources and IDs near the victim until the attack ends."""
    per_s, rng = lab.options.attack.forged_per_s, Random(f"forger {lab.options.seed}")
    end = lab.world.now + 60.0 * lab.options.minutes
    if per_s <= 0.0 or not sybils:
        return

    def forge() -> None:
        for victim, victim_id in eclipse.victims.items():
            source = unused_endpoint(rng, lab.family)
            query = FindNode(rng.randbytes(2), near(victim_id, source), rng.getrandbits(160))
            lab.world.forge(rng.choice(sybils), krpc.encode(query), source, victim)
        if lab.world.now < end:
            lab.world.at(lab.world.now + 1.0 / per_s, forge)

    forge()


def _restart(lab: Lab, host: Host) -> Host:
    """Restarts the host with its ID and without its contacts; it joins by honest nodes."""
    lab.stop(host)
    again = lab.reborn(host)
    lab.join(again)
    return again


def _look_up(lab: Lab, **victims: list[Host]) -> Metrics:
    """Lookups of random targets by the victims; metrics for each kind of victim."""
    seconds = min(LOOKUPS_TAKE_S, 60.0 * lab.options.minutes)
    probes: list[tuple[str, HonestProbe]] = []
    for kind, hosts in victims.items():
        probe = HonestProbe(lab, partial(_idle, lab, hosts))
        probe.plan(seconds, lab.options.attack.lookups)
        probes.append((kind, probe))
    lab.run(seconds)
    found: Metrics = {}
    for kind, probe in probes:
        probe.wait()
        found.update(probe.metrics(f"{kind}_"))
    return found


def _idle(lab: Lab, hosts: list[Host]) -> Host | None:
    free = [host for host in hosts if host.up and host.on_event is None]
    return lab.rng.choice(free) if free else None


def _standing(name: str, lab: Lab, hosts: Sequence[Host]) -> Metrics:
    """The attacker's share of the entries, of answers to random queries, and of the nearest
    neighbours; and the share of entries at unused addresses.
    """
    entries = handed = neighbours = 0
    theirs = theirs_handed = theirs_near = unused = 0
    for host in hosts:
        table, k = host.dht.table, lab.options.core.table.k
        for entry in table:
            there = lab.oracle.at(entry.contact.endpoint)
            entries += 1
            theirs += there is not None and not there.honest
            unused += there is None
        for _ in range(50):
            answer = table.closest(lab.rng.getrandbits(160), k)
            handed += len(answer)
            theirs_handed += sum(_is_sybil(lab, entry.contact.endpoint) for entry in answer)
        nearest = table.closest(host.id, NEIGHBOURS)
        neighbours += len(nearest)
        theirs_near += sum(_is_sybil(lab, entry.contact.endpoint) for entry in nearest)
    return {
        f"{name}_entries_mean": round(entries / len(hosts), 1) if hosts else None,
        f"{name}_sybil_share": share(theirs, entries),
        f"{name}_unused_share": share(unused, entries),
        f"{name}_sybils_handed_out": share(theirs_handed, handed),
        f"{name}_sybil_neighbours": share(theirs_near, neighbours),
    }


def _is_sybil(lab: Lab, endpoint: Endpoint) -> bool:
    host = lab.oracle.at(endpoint)
    return host is not None and not host.honest
