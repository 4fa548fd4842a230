"""Attackers inside the network: as many as they are, where they live, and how long it takes until
samples are worth something.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ...ids import random_id
from ..adversaries.flooder import Flooder, FlooderGroup
from ..lab import Lab
from ..measure.statistics import Metrics
from ..model.host import Host
from ..probes.gossip_metrics import GOSSIP_SETTINGS, GossipSamples, members, standing
from .attackers import addresses_in, part_of

FLOOD_SETTINGS = {
    **GOSSIP_SETTINGS,
    "attack.share": "0.3",
    "attack.prefixes": "0",
    "warmup_s": "1200",
    "minutes": "5",
}
"""20 minutes are some 40 rounds, and a sample comes from slots that are 20 rounds old."""

SMALL_VIEW = {
    "core.gossip.flat_slots": "20",
    "core.gossip.slots_from_8": "2",
    "core.gossip.slots_from_16": "12",
    "core.gossip.slots_from_24": "6",
    "core.gossip.reseed_slots": "2",
}
"""40 slots instead of 100: in a network that is smaller than the view everybody has a place, and
there is nothing to win.
"""


def settle_with_flooders(lab: Lab) -> tuple[FlooderGroup, list[Host]]:
    """A network with attackers among its nodes, that flood from the first moment on; and the
    warm-up.
    """
    attack = lab.options.attack
    group = FlooderGroup(lab.options)
    number = part_of(lab.options)
    rng = Random(f"flooders {lab.options.seed}")
    homes = (
        addresses_in(lab, number, attack.prefixes, thin=lab.options.gossip.thin)
        if attack.prefixes
        else [None] * number
    )
    flooders = [Flooder(random_id(rng), lab.members.identity(), group, rng) for _ in homes]
    hosts = [
        lab.new_adversary(flooder, home) for flooder, home in zip(flooders, homes, strict=True)
    ]
    group.enrol(flooders)
    lab.settle(adversaries=hosts, warmup_s=0.0)
    flood(lab, group, hosts)
    lab.warm_up()
    return group, hosts


def flood(lab: Lab, group: FlooderGroup, hosts: Sequence[Host]) -> None:
    """All members that are up; who comes later is found by the flooders when it asks them."""
    group.flood({host.outside: host.id for host in members(lab)})
    for host in hosts:
        lab.world.flush(host)


def sampled(lab: Lab) -> Metrics:
    """Floods, and looks at what the members are given."""
    _, hosts = settle_with_flooders(lab)
    samples = GossipSamples(lab)
    with lab.measured():
        samples.watch(60.0 * lab.options.minutes)
    honest = members(lab)
    part = len(hosts) / (len(hosts) + len(honest))
    metrics = samples.metrics()
    slots = metrics["slots"]
    return {
        "attackers": len(hosts),
        "members": len(honest),
        "part": round(part, 5),
        "slots_to_part": round(slots / part, 4) if isinstance(slots, float) and part else None,
        **metrics,
        **standing(lab, honest),
    }
