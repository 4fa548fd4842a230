"""The adversaries of a hunt: their addresses, and when they begin."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ...endpoints import Endpoint
from ...ids import random_id
from ..adversaries.adversary import Adversary
from ..adversaries.kinds import AdversaryGroup, AdversaryKind, Campaign, MemberParts
from ..adversaries.registry import KINDS
from ..attacks.attackers import addresses_of_one_operator, home_beside
from ..attacks.member_attackers import member_attackers
from ..lab import Lab
from ..model.host import Host
from .plan import Group


@dataclass(slots=True)
class Attackers:
    """One group. ``hosts``: those that are there from the start."""

    kind: AdversaryKind
    group: AdversaryGroup
    hosts: list[Host]

    def begin(self, lab: Lab, turns_at: float) -> None:
        newcomers: list[Host] = []

        def bring_in(adversary: Adversary, beside: Endpoint) -> None:
            host = lab.new_adversary(adversary, home_beside(lab, beside))
            newcomers.append(host)
            lab.boot(host)

        victims = [host for host in lab.acceptors() if host.nat is None]
        now = lab.world.now
        self.group.begin(Campaign(victims, now, turns_at, bring_in))
        for host in (*self.hosts, *newcomers):
            lab.world.flush(host)


def enlisted(lab: Lab, group: Group) -> Attackers:
    """The group with its hosts, which are not up yet."""
    kind = KINDS[group.kind]
    rng = Random(f"{kind.name} {lab.options.seed}")
    made = kind.group(lab.options, rng)
    if kind.has_node:
        hosts = member_attackers(lab, group.count, lambda parts, _: made.member(parts))
        return Attackers(kind, made, hosts)
    if kind.one_netgroup:
        homes = addresses_of_one_operator(lab, group.count, min(group.count, 256))
    else:
        homes = [lab.population.settle() for _ in range(group.count)]
    hosts = [
        lab.new_adversary(
            made.member(MemberParts(random_id(rng), lab.members.identity(), None)), home
        )
        for home in homes
    ]
    return Attackers(kind, made, hosts)
