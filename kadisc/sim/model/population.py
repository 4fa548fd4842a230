"""The population: autonomous systems of very unequal size, their /16 networks, regions and access
delays.

How well diversity caps protect depends on how honest addresses cluster. So they cluster here as
they do in the world: a few large providers with many networks, and a long tail with one each.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate, islice
from random import Random
from typing import NamedTuple

from ...endpoints import Endpoint, Family
from ..options import SimOptions

_MIXED_OR_PRIVATE = (10, 100, 127, 169, 172, 192, 198, 203)
FIRST_BYTES = tuple(a for a in range(1, 224) if a not in _MIXED_OR_PRIVATE)
IPV4_BLOCK_BYTES = 2
IPV6_BYTES = 16
IPV6_FIRST_BYTE = b"\x2a"
BLOCKS = len(FIRST_BYTES) * 256
"""/16 networks in which every address is public."""


class AutonomousSystem(NamedTuple):
    number: int
    region: int
    blocks: tuple[bytes, ...]
    """Its /16 networks, two bytes each; in IPv6 its /32s, four bytes each."""


class Residence(NamedTuple):
    endpoint: Endpoint
    system: AutonomousSystem
    access_s: float


def unused_endpoint(rng: Random, family: Family = Family.IPV4) -> Endpoint:
    """A public endpoint at which most likely nobody is."""
    if family is Family.IPV6:
        ip = IPV6_FIRST_BYTE + rng.randbytes(IPV6_BYTES - 1)
    else:
        ip = bytes((rng.choice(FIRST_BYTES),)) + rng.randbytes(3)
    return Endpoint(ip + rng.randrange(1024, 65_536).to_bytes(2, "big"))


class Population:
    """Assigns addresses, each to one host at a time."""

    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._latency = options.network.latency
        self._rng = rng
        self._taken: set[bytes] = set()
        self.systems = _systems(options, rng)
        self._cumulative = list(
            accumulate(1.0 / n**options.population.zipf for n in range(1, len(self.systems) + 1))
        )

    def settle(self) -> Residence:
        """An unused address in a random autonomous system, the large ones more often."""
        system = self.systems[
            bisect_left(self._cumulative, self._rng.random() * self._cumulative[-1])
        ]
        return self.settle_in(system)

    def settle_in(self, system: AutonomousSystem) -> Residence:
        rng, latency = self._rng, self._latency
        while True:
            ip = rng.choice(system.blocks)
            if len(ip) == IPV4_BLOCK_BYTES:
                ip += bytes((rng.randrange(256), rng.randrange(1, 255)))
            else:
                ip += rng.randbytes(IPV6_BYTES - len(ip))
            if ip not in self._taken:
                break
        self._taken.add(ip)
        port = 6881 if rng.random() < 0.3 else rng.randrange(1024, 65_536)
        access_s = latency.access_median_s * rng.lognormvariate(0.0, latency.access_sigma)
        return Residence(Endpoint(ip + port.to_bytes(2, "big")), system, access_s)

    def is_taken(self, endpoint: Endpoint) -> bool:
        """Whether the address is used."""
        return endpoint[:-2] in self._taken

    def move_out(self, endpoint: Endpoint) -> None:
        """Marks the address as unused."""
        self._taken.discard(endpoint[:-2])

    def move_in(self, endpoint: Endpoint) -> None:
        """Marks the address as used."""
        self._taken.add(endpoint[:-2])


def _network(block: int, family: str) -> bytes:
    if family == Family.IPV6.value:
        return IPV6_FIRST_BYTE + block.to_bytes(3, "big")
    return bytes((FIRST_BYTES[block // 256], block % 256))


def _systems(options: SimOptions, rng: Random) -> list[AutonomousSystem]:
    population = options.population
    sizes = [
        max(1, round(population.max_blocks / number**population.zipf))
        for number in range(1, population.autonomous_systems + 1)
    ]
    blocks = iter(rng.sample(range(BLOCKS), min(sum(sizes), BLOCKS)))
    systems = []
    for number, size in enumerate(sizes, start=1):
        networks = tuple(_network(block, options.family) for block in islice(blocks, size))
        region = rng.choices(range(4), options.network.latency.region_shares)[0]
        systems.append(AutonomousSystem(number, region, networks))
    return systems
