"""Latency: a pure function of the two hosts, times a factor drawn for the packet.

``mrtt_s``, the median of the pure function, is the unit that latencies are quoted in.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import exp
from random import Random
from statistics import NormalDist, median
from typing import Final, Protocol

from ..options import LatencyOptions

FACTOR_BITS: Final = 14
"""A packet's factor is drawn from a table of 2**14 quantiles: that is ten times as fast as drawing
from a lognormal distribution.
"""
MRTT_PAIRS: Final = 10_001


class Place(Protocol):
    """What the delay to and from a host depends on. ``number`` identifies the host."""

    @property
    def number(self) -> int: ...

    @property
    def region(self) -> int: ...

    @property
    def access_s(self) -> float: ...


class LatencyModel(Protocol):
    @property
    def factors(self) -> Sequence[float]: ...

    def rtt_s(self, a: Place, b: Place) -> float:
        """The round-trip time between two hosts, without the random factor of a packet."""
        ...


class RegionLatency:
    def __init__(self, options: LatencyOptions) -> None:
        self.factors = packet_factors(options)
        self._between = region_matrix(options)

    def rtt_s(self, a: Place, b: Place) -> float:
        return self._between[a.region][b.region] + a.access_s + b.access_s


class LognormalLatency:
    """The cross-check of the regions: no geography, each pair of hosts has a delay of its own. A
    hash of the pair selects it, so that it need not be stored.
    """

    def __init__(self, options: LatencyOptions) -> None:
        self.factors = packet_factors(options)
        normal = NormalDist()
        size = 1 << FACTOR_BITS
        self._rtt_s = [
            options.lognormal_median_s
            * exp(options.lognormal_sigma * normal.inv_cdf((i + 0.5) / size))
            for i in range(size)
        ]

    def rtt_s(self, a: Place, b: Place) -> float:
        low, high = (a.number, b.number) if a.number < b.number else (b.number, a.number)
        mixed = (low * 0x9E3779B97F4A7C15 + high * 0xC2B2AE3D27D4EB4F) & 0xFFFFFFFFFFFFFFFF
        mixed = ((mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        return self._rtt_s[mixed >> (64 - FACTOR_BITS)]


def latency_model(options: LatencyOptions) -> LatencyModel:
    """Raises ValueError for an unknown profile."""
    models: dict[str, type[RegionLatency | LognormalLatency]] = {
        "regions": RegionLatency,
        "lognormal": LognormalLatency,
    }
    if options.profile not in models:
        raise ValueError(
            f"network.latency.profile is one of {', '.join(models)}, not {options.profile!r}"
        )
    return models[options.profile](options)


@lru_cache(maxsize=4)
def packet_factors(options: LatencyOptions) -> tuple[float, ...]:
    """Quantiles of the lognormal factor; a share ``spike_share`` of them, evenly spaced, are
    spikes.
    """
    normal, size = NormalDist(), 1 << FACTOR_BITS
    factors = [exp(options.packet_sigma * normal.inv_cdf((i + 0.5) / size)) for i in range(size)]
    for spike in range(round(size * options.spike_share)):
        factors[int((spike + 0.5) / options.spike_share)] *= options.spike_factor
    return tuple(factors)


def region_matrix(options: LatencyOptions) -> list[list[float]]:
    """Round-trip times between regions, in the order of `REGIONS`."""
    intra, other = options.intra_rtt_s, options.other_rtt_s
    eu_na, na_as, eu_as = options.eu_na_rtt_s, options.na_as_rtt_s, options.eu_as_rtt_s
    return [
        [intra, eu_na, eu_as, other],
        [eu_na, intra, na_as, other],
        [eu_as, na_as, intra, other],
        [other, other, other, intra],
    ]


def mrtt_s(model: LatencyModel, places: Sequence[Place], rng: Random) -> float:
    """The median round-trip time between two of these hosts."""
    if len(places) < 2:
        return 0.0
    hosts = rng.choices(places, k=2 * MRTT_PAIRS)
    return median(
        model.rtt_s(a, b) for a, b in zip(hosts[::2], hosts[1::2], strict=True) if a is not b
    )
