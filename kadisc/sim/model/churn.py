"""How long nodes stay: sessions with a Weibull distribution, heavy-tailed in all networks that were
measured.

A network that has been running for long is not made of average sessions: at any moment, long ones
are met in proportion to their length. With X Weibull of shape k and scale s, the length of a
session met at random is s * G**(1/k), with G gamma-distributed of shape 1 + 1/k; its age is uniform
within it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from random import Random

from ..options import ChurnOptions

PROFILES: dict[str, tuple[float, float]] = {
    "bittorrent": (0.38, 42.4 * 60),
    "ipfs": (0.52, 1.94 * 3600),
    "ipfs-rfm2": (0.61, 3.66 * 3600),
    "ethereum": (0.5, 150.0 * 3600),
}
"""Shape, and scale in seconds."""
FOREVER_S = 30 * 86_400.0
"""How old a node that never leaves is taken to be."""


@dataclass(frozen=True, slots=True)
class Stay:
    """``age_s``: how long it has been up; ``left_s``: until it goes."""

    age_s: float
    left_s: float


class Churn:
    def __init__(self, options: ChurnOptions, rng: Random) -> None:
        """Raises ValueError for an unknown profile."""
        known = (*PROFILES, "custom", "none")
        if options.profile not in known:
            raise ValueError(f"churn.profile is one of {', '.join(known)}, not {options.profile!r}")
        self._rng = rng
        self._shape, self._scale_s = PROFILES.get(options.profile, (options.shape, options.scale_s))
        self._permanent = 1.0 if options.profile == "none" else options.permanent

    def met(self) -> Stay:
        """A node of a network that has been running for long, looked at now."""
        rng = self._rng
        if rng.random() < self._permanent:
            return Stay(FOREVER_S * rng.random(), inf)
        length_s = self._scale_s * rng.gammavariate(1.0 + 1.0 / self._shape, 1.0) ** (
            1.0 / self._shape
        )
        age_s = length_s * rng.random()
        return Stay(age_s, length_s - age_s)

    def newcomer(self) -> Stay:
        """A node that starts now; it takes the place of one that left, so it is not one that stays
        for ever.
        """
        return Stay(0.0, self._rng.weibullvariate(self._scale_s, self._shape))

    def hazard(self, age_s: float) -> float:
        """Of a node that may leave: the chance to leave, per second, at that age."""
        return (
            self._shape
            / self._scale_s
            * float((max(age_s, 1.0) / self._scale_s) ** (self._shape - 1.0))
        )
