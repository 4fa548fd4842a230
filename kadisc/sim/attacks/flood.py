"""A gossip flood: attackers inside the peer network, their number and addresses, and the settings
under which samples are measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ...ids import random_id
from ..adversaries.flooder import Flooder, FlooderGroup
from ..lab import Lab
from ..measure.statistics import Metrics
from ..model.host import Host
from ..model.population import Residence
from ..probes.gossip_metrics import GOSSIP_SETTINGS, GossipSamples, members, standing
from .attackers import addresses_in, part_of

FLOOD_SETTINGS = {
    **GOSSIP_SETTINGS,
    "attack.share": "0.3",
    "attack.prefixes": "0",
    "warmup_s": "1200",
    "minutes": "5",
}
"""The warm-up of 20 minutes is some 40 rounds, and a sample comes from slots 20 rounds old."""

SMALL_VIEW = {
    "core.gossip.flat_slots": "20",
    "core.gossip.slots_from_8": "2",
    "core.gossip.slots_from_16": "12",
    "core.gossip.slots_from_24": "6",
    "core.gossip.reseed_slots": "2",
}
"""40 slots instead of 100: in a network smaller than the view every member has a place, and a flood
could win nothing.
"""


def settle_with_flooders(lab: Lab) -> tuple[FlooderGroup, list[Host]]:
    """Sets up a network with attackers among its nodes that flood from the start, and warms up."""
    attack = lab.options.attack
    group = FlooderGroup(lab.options)
    number = part_of(lab.options)
    rng = Random(f"flooders {lab.options.seed}")
    homes: Sequence[Residence | None] = [None] * number
    if attack.prefixes:
        homes = addresses_in(lab, number, attack.prefixes, thin=lab.options.gossip.thin)
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
    """Floods all members that are up. Members that arrive later are not pushed to."""
    group.flood({host.outside: host.id for host in members(lab)})
    for host in hosts:
        lab.world.flush(host)


def sampled(lab: Lab) -> Metrics:
    """Floods, and measures the samples that members are given."""
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
