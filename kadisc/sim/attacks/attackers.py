"""The number of attackers and their addresses."""

from __future__ import annotations

from collections import Counter

from ...endpoints import Endpoint
from ...errors import UsageError
from ..lab import Lab
from ..model.population import FIRST_BYTES, Residence
from ..options import SimOptions

PER_PREFIX = 256


def part_of(options: SimOptions) -> int:
    """The number of adversaries that make up ``attack.share`` of the nodes that accept unsolicited
    queries, in a network of ``nodes``.
    """
    share, nat = options.attack.share, options.network.nat
    honest = options.population.reachable + (1.0 - options.population.reachable) * nat.open_share
    return round(share * honest * options.nodes / (1.0 - share + share * honest))


def addresses_in(lab: Lab, addresses: int, prefixes: int, *, thin: bool = False) -> list[Residence]:
    """Addresses spread evenly over ``prefixes`` /24 subnets, each in a /16 of its own: the best
    choice of an attacker. ``thin``: each subnet in another of the /8s in which autonomous systems
    have the fewest networks. Raises UsageError.
    """
    if prefixes < 1 or addresses > PER_PREFIX * prefixes or prefixes > 256 * len(FIRST_BYTES):
        raise UsageError(
            f"{addresses} addresses do not fit into {prefixes} /24 subnets of {PER_PREFIX}: "
            "see attack.addresses and attack.prefixes"
        )
    rng, population = lab.rng, lab.population
    blocks = (
        _thin_blocks(lab, prefixes) if thin else rng.sample(range(256 * len(FIRST_BYTES)), prefixes)
    )
    networks = [
        bytes((FIRST_BYTES[block // 256], block % 256, rng.randrange(256))) for block in blocks
    ]
    homes = []
    for number in range(addresses):
        ip = networks[number % prefixes] + bytes((number // prefixes,))
        endpoint = Endpoint(ip + rng.randrange(1024, 65_536).to_bytes(2, "big"))
        population.move_in(endpoint)
        homes.append(
            Residence(
                endpoint,
                rng.choice(population.systems),
                lab.options.network.latency.access_median_s,
            )
        )
    return homes


def _thin_blocks(lab: Lab, count: int) -> list[int]:
    """Numbers of unused /16s, one from each /8 in turn, the /8 with the fewest networks first."""
    used = {block for system in lab.population.systems for block in system.blocks}
    crowd = Counter(block[0] for block in used)
    thinnest = sorted(range(len(FIRST_BYTES)), key=lambda index: (crowd[FIRST_BYTES[index]], index))
    free = [
        [second for second in range(256) if bytes((FIRST_BYTES[index], second)) not in used]
        for index in thinnest
    ]
    return [
        256 * thinnest[i % len(thinnest)] + free[i % len(thinnest)][i // len(thinnest)]
        for i in range(count)
    ]
