"""Metrics of the peer network: its members, the views that they hold, and the peers that the
application is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from ...core.peers.network import PeerNetwork
from ...endpoints import Endpoint
from ..lab import Lab
from ..measure.statistics import Metrics, share
from ..model.host import Host

DRAWS = 10
"""How often each member draws samples while it is watched."""
STREAMED = 4
"""Peers taken from the stream at each draw."""
HOPS = 8
"""First hops of a lookup taken at each draw."""

GOSSIP_SETTINGS = {
    "nodes": "200",
    "gossip.network_share": "1",
    "population.reachable": "1",
    "churn.profile": "ethereum",
    "core.book.new_buckets": "64",
    "core.book.new_buckets_per_source": "4",
    "core.book.tried_buckets": "32",
    "core.book.tried_buckets_per_netgroup": "2",
}
"""All nodes are members, reachable, and stay as long as blockchain nodes do. The two parts of the
address book have a quarter and a half of the usual size.
"""


def peer_network_of(host: Host) -> PeerNetwork:
    peer_network = host.node.peer_network
    assert peer_network is not None, "not a member"
    return peer_network


def members(lab: Lab, *, settled_s: float = 0.0) -> list[Host]:
    """The members that are up."""
    return [host for host in lab.live(settled_s=settled_s) if host.identity is not None]


def rounds_of(host: Host, now: float) -> int:
    return peer_network_of(host).snapshot(now).view.rounds


@dataclass(slots=True)
class DrawTally:
    """Counts drawn peers: all, those of the attacker (``theirs``), and unused addresses."""

    drawn: int = 0
    theirs: int = 0
    unused: int = 0

    def add(self, lab: Lab, endpoints: Iterable[Endpoint]) -> None:
        for endpoint in endpoints:
            host = lab.oracle.at(endpoint)
            self.drawn += 1
            self.theirs += host is not None and not host.honest
            self.unused += host is None

    def shares(self, name: str) -> Metrics:
        return {
            name: share(self.theirs, self.drawn),
            f"{name}_unused": share(self.unused, self.drawn),
        }


@dataclass(slots=True)
class GossipSamples:
    """The peers that members are given while they are watched, by kind.

    ``slots``: at random from slots old enough; ``flat``, ``hierarchical``: the same from slots of
    one kind. ``peers``: what the application gets, from slots and book. ``stream``: what an
    application gets that wants no peer twice, `DRAWS` x `STREAMED` in all. ``hops``: the first hops
    of lookups.
    """

    lab: Lab
    kinds: dict[str, DrawTally] = field(
        default_factory=lambda: {
            name: DrawTally()
            for name in ("slots", "flat", "hierarchical", "peers", "stream", "hops")
        }
    )
    per_member: dict[int, DrawTally] = field(default_factory=dict)
    streamed: dict[int, set[bytes]] = field(default_factory=dict)
    distinct: dict[int, set[bytes]] = field(default_factory=dict)

    def watch(self, seconds: float) -> None:
        """Runs the world for ``seconds``, and draws at regular times."""
        for _ in range(DRAWS):
            self.lab.run(seconds / DRAWS)
            for host in members(self.lab):
                self._draw(host)

    def _draw(self, host: Host) -> None:
        lab, now, peer_network = self.lab, self.lab.world.now, peer_network_of(host)
        count = max(1, round(lab.options.gossip.samples / DRAWS))
        drawn = [peer.endpoint for peer in peer_network.sample_slots(count, now)]
        self.kinds["slots"].add(lab, drawn)
        self.per_member.setdefault(host.number, DrawTally()).add(lab, drawn)
        for name, hierarchical in (("flat", False), ("hierarchical", True)):
            self.kinds[name].add(
                lab,
                (
                    peer.endpoint
                    for peer in peer_network.sample_slots(count, now, hierarchical=hierarchical)
                ),
            )
        given = peer_network.peers(count, now)
        self.kinds["peers"].add(lab, (peer.endpoint for peer in given))
        self.distinct.setdefault(host.number, set()).update(peer.key for peer in given)
        streamed = self.streamed.setdefault(host.number, set())
        fresh = peer_network.peers(STREAMED, now, but_not=streamed)
        self.kinds["stream"].add(lab, (peer.endpoint for peer in fresh))
        streamed.update(peer.key for peer in fresh)
        self.kinds["hops"].add(
            lab, (contact.endpoint for contact in peer_network.first_hops(lab.family, HOPS, now))
        )

    def metrics(self) -> Metrics:
        found: Metrics = {}
        for name, tally in self.kinds.items():
            found |= tally.shares(name)
        by_member = [
            tally.theirs / tally.drawn for tally in self.per_member.values() if tally.drawn
        ]
        distinct = [len(peers) for peers in self.distinct.values()]
        drawn = [tally.drawn for tally in self.per_member.values()]
        return found | {
            "peers_distinct_median": median(distinct) if distinct else None,
            "drawn_per_member": median(drawn) if drawn else None,
            "slots_worst_member": max(by_member, default=None),
        }


def standing(lab: Lab, hosts: Sequence[Host]) -> Metrics:
    """The present state of the views of ``hosts``."""
    now, held, rounds, distinct, known = lab.world.now, DrawTally(), [], [], []
    for host in hosts:
        snapshot = peer_network_of(host).snapshot(now)
        held.add(
            lab, (seen.peer.endpoint for seen in snapshot.view.peers for _ in range(seen.slots))
        )
        rounds.append(snapshot.view.rounds)
        distinct.append(len(snapshot.view.peers))
        known.append(snapshot.verified)
    return {
        **held.shares("held"),
        "rounds_median": median(rounds) if rounds else None,
        "in_slots_median": median(distinct) if distinct else None,
        "verified_median": median(known) if known else None,
    }


def largest_part(lab: Lab, hosts: Sequence[Host]) -> float | None:
    """The share of ``hosts`` in the largest part of the network that is connected by verified
    peers.
    """
    by_endpoint = {host.outside: index for index, host in enumerate(hosts)}
    leader = list(range(len(hosts)))

    def root(index: int) -> int:
        while leader[index] != index:
            leader[index] = index = leader[leader[index]]
        return index

    for index, host in enumerate(hosts):
        for peer in peer_network_of(host).verified():
            other = by_endpoint.get(peer.endpoint)
            if other is not None:
                leader[root(other)] = root(index)
    sizes: dict[int, int] = {}
    for index in range(len(hosts)):
        sizes[root(index)] = sizes.get(root(index), 0) + 1
    return share(max(sizes.values(), default=0), len(hosts))
