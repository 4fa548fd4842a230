"""Attackers that are members of the peer network with a real node inside."""

from __future__ import annotations

from collections.abc import Callable

from ...core.addressing.bep42 import derive_node_id
from ...core.addressing.external_address import Confidence, ExternalAddress
from ...core.core import Core
from ...endpoints import ip_of
from ..adversaries.adversary import Adversary
from ..adversaries.kinds import MemberParts
from ..lab import Lab
from ..model.host import Host


def member_attackers(
    lab: Lab, number: int, adversary: Callable[[MemberParts, int], Adversary]
) -> list[Host]:
    """``adversary``: makes one from its parts and number. The hosts are not up yet."""
    return [_attacker(lab, each, adversary) for each in range(number)]


def node_of(parts: MemberParts) -> Core:
    assert parts.node is not None
    return parts.node


def _attacker(lab: Lab, number: int, adversary: Callable[[MemberParts, int], Adversary]) -> Host:
    home, now = lab.population.settle(), lab.world.now
    identity = lab.members.identity()
    address = ExternalAddress(
        lab.options.core.address, home.endpoint[:-2], home.endpoint[-2:], Confidence.VOTED
    )
    own_id = derive_node_id(identity.public_key, ip_of(home.endpoint))
    node = Core(
        lab.options.core,
        lab.rng,
        {lab.family: own_id},
        now,
        addresses={lab.family: address},
        membership=lab.members.membership(identity, now),
    )
    return lab.new_adversary(adversary(MemberParts(own_id, identity, node), number), home)
