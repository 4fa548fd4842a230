"""Adversaries that behave until they are in tables, slots and address books, and then turn."""

from __future__ import annotations

from random import Random

from ...endpoints import Endpoint
from ..adversaries.adversary import Adversary
from ..adversaries.kinds import AdversaryGroup, AdversaryKind, Campaign
from ..adversaries.node_inside import NodeInside
from ..lab import Lab
from ..measure.statistics import Metrics
from ..model.host import Host
from ..probes.turning_probe import measure_part
from .attackers import home_beside, part_of
from .member_attackers import member_attackers

SHARE_BEFORE = 0.5
"""The length of the parts without the attack, as a share of the part with it."""
AWAY_S = 180.0
"""How long the adversaries have been gone when it is measured whether the network has recovered."""


def turn(lab: Lab, kind: AdversaryKind) -> Metrics:
    """Measures before the turn, for ``minutes`` after it, and again after the adversaries have been
    gone for a while.
    """
    group = kind.group(lab.options, Random(f"{kind.name} {lab.options.seed}"))
    hosts = admitted(lab, group)
    with lab.measured():
        before = measure_part(lab, "before", SHARE_BEFORE * lab.options.minutes)
        return {"adversaries": len(hosts), **before, **after_the_turn(lab, group, hosts)}


def admitted(lab: Lab, group: AdversaryGroup) -> list[Host]:
    """Sets up a network with the group among its nodes, and warms up. What happens is the same
    whatever the group will do.
    """
    number = max(1, part_of(lab.options))
    hosts = member_attackers(lab, number, lambda parts, _: group.member(parts))
    lab.settle(adversaries=hosts, warmup_s=0.0)
    _introduce(lab, hosts)
    lab.warm_up()
    return hosts


def after_the_turn(lab: Lab, group: AdversaryGroup, hosts: list[Host]) -> Metrics:
    now = lab.world.now
    newcomers: list[Host] = []

    def bring_in(adversary: Adversary, beside: Endpoint) -> None:
        host = lab.new_adversary(adversary, home_beside(lab, beside))
        newcomers.append(host)
        lab.boot(host)

    victims = [host for host in lab.acceptors() if host.identity is not None]
    group.begin(Campaign(victims, now, now, bring_in))
    for host in (*hosts, *newcomers):
        lab.world.flush(host)
    after = measure_part(lab, "after", lab.options.minutes)
    for host in list(lab.world.adversaries.values()):
        lab.world.stop(host)
    lab.run(AWAY_S)
    recovered = measure_part(lab, "recovered", SHARE_BEFORE * lab.options.minutes)
    return {"newcomers": len(newcomers), **after, **recovered}


def _introduce(lab: Lab, hosts: list[Host]) -> None:
    """Tells the adversaries of some members, as members are told of each other."""
    rng = Random(f"introduced {lab.options.seed}")
    members = [host.outside for host in lab.acceptors() if host.identity is not None]
    for host in hosts:
        inside = host.node
        assert isinstance(inside, NodeInside)
        peer_network = inside.node.peer_network
        assert peer_network is not None
        heard = rng.sample(members, min(lab.options.gossip.saved_contacts, len(members)))
        lab.world.do(host, peer_network.report, heard, "file")
