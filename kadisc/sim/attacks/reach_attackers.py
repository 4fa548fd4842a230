"""Attackers that are members of the peer network with a real node inside, for attacks on tests of
reachability.
"""

from __future__ import annotations

from collections.abc import Callable

from ...core.addressing.bep42 import derive_node_id
from ...core.addressing.external_address import Confidence, ExternalAddress
from ...core.core import Core
from ...endpoints import ip_of
from ..adversaries.adversary import Adversary
from ..lab import Lab
from ..model.host import Host


def member_attackers(
    lab: Lab, number: int, adversary: Callable[[Core, int], Adversary]
) -> list[Host]:
    """``adversary``: makes one from its node and number. The hosts are not up yet."""
    return [_attacker(lab, each, adversary) for each in range(number)]


def _attacker(lab: Lab, number: int, adversary: Callable[[Core, int], Adversary]) -> Host:
    home, now = lab.population.settle(), lab.world.now
    identity = lab.members.identity()
    address = ExternalAddress(
        lab.options.core.address, home.endpoint[:-2], home.endpoint[-2:], Confidence.VOTED
    )
    node = Core(
        lab.options.core,
        lab.rng,
        {lab.family: derive_node_id(identity.public_key, ip_of(home.endpoint))},
        now,
        addresses={lab.family: address},
        membership=lab.members.membership(identity, now),
    )
    return lab.new_adversary(adversary(node, number), home)
