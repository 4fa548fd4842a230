"""What adversaries that turn do to honest nodes, in one part of a run: before they turn, after
that, or after they have left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...endpoints import Endpoint
from ..lab import Lab
from ..measure.honest_traffic import HonestTraffic
from ..measure.statistics import Metrics, rounded, share
from ..model.host import Host
from .gossip_metrics import members, peer_network_of
from .honest_probe import HonestProbe

SAMPLED = 20
"""Peers that the application of each node asks for at the end of a part."""


@dataclass(slots=True)
class Shares:
    """Counts of endpoints: in all, of adversaries, and of nobody."""

    counted: int = 0
    theirs: int = 0
    dead: int = 0

    def add(self, lab: Lab, endpoints: Iterable[Endpoint]) -> None:
        for endpoint in endpoints:
            host = lab.oracle.at(endpoint)
            self.counted += 1
            self.dead += host is None
            self.theirs += host is not None and not host.honest


def measure_part(lab: Lab, name: str, minutes: float) -> Metrics:
    """Runs ``minutes``, with ``attack.lookups`` lookups. The names of the metrics end in ``name``.

    ``found``, ``returned``: see `HonestProbe`; ``recall``: of the 8 closest honest nodes, the share
    that is in the result. ``queries``: of one honest node in a minute, retransmissions and lookups
    included; ``to_adversary``: the same to one adversary, the mean and the most of any pair.
    ``checks_wasted``, ``to_nobody``: the share of checks, and of all queries, that went to an
    endpoint without a node. ``table``, ``named``, ``slots``, ``samples``: the adversaries' share of
    table entries, of those that answers may name, of slots, and of the peers that applications are
    given; ``samples_dead``: the share of peers that are not there. ``offline``: how often a node
    took itself for offline; ``wrong_address``: how many nodes believe in a wrong address.
    """
    traffic, probe = HonestTraffic(lab.world), HonestProbe(lab)
    lab.world.watchers.append(traffic)
    probe.go_on_for(60.0 * minutes, lab.options.attack.lookups)
    lab.world.watchers.remove(traffic)
    hosts, adversaries = lab.live(), len(lab.world.adversaries)
    node_minutes = max(1, len(hosts)) * minutes
    found: Metrics = {
        **probe.metrics(),
        "recall": probe.recall(),
        "queries": rounded(traffic.queries / node_minutes, 2),
        "to_adversary": rounded(
            sum(traffic.to_adversary.values()) / node_minutes / max(1, adversaries), 3
        ),
        "to_adversary_most": rounded(max(traffic.to_adversary.values(), default=0) / minutes, 2),
        "to_nobody": share(traffic.to_nobody, traffic.queries),
        "checks_wasted": share(traffic.checks_wasted, traffic.checks),
        "offline": traffic.offline,
        "wrong_address": sum(map(_is_wrong, hosts)),
        **_places(lab, hosts),
    }
    return {f"{each}_{name}": value for each, value in found.items()}


def _is_wrong(host: Host) -> bool:
    ip = host.dht.parts.address.ip
    return ip is not None and ip != host.outside[:-2]


def _places(lab: Lab, hosts: list[Host]) -> Metrics:
    now, table, named, slots, samples = lab.world.now, Shares(), Shares(), Shares(), Shares()
    for host in hosts:
        entries = list(host.dht.table)
        table.add(lab, (entry.contact.endpoint for entry in entries))
        named.add(lab, (entry.contact.endpoint for entry in entries if entry.returnable))
    for host in members(lab):
        network = peer_network_of(host)
        view = network.snapshot(now).view
        slots.add(lab, (seen.peer.endpoint for seen in view.peers for _ in range(seen.slots)))
        samples.add(lab, (peer.endpoint for peer in network.peers(SAMPLED, now)))
    return {
        "table": share(table.theirs, table.counted),
        "named": share(named.theirs, named.counted),
        "named_dead": share(named.dead, named.counted),
        "slots": share(slots.theirs, slots.counted),
        "samples": share(samples.theirs, samples.counted),
        "samples_dead": share(samples.dead, samples.counted),
    }
