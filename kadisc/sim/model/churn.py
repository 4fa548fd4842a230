"""Churn: how long nodes stay. Session lengths have a Weibull distribution, heavy-tailed in all
networks that were measured.

In a network in its steady state the sessions seen at one moment are not average ones: a session is
seen in proportion to its length. With X Weibull of shape k and scale s, the length of a session
seen at random is s * G**(1/k), with G gamma-distributed of shape 1 + 1/k; its age is uniform within
that length.
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
"""Of the session lengths: shape of the Weibull distribution, and scale in seconds."""
FOREVER_S = 30 * 86_400.0
"""The greatest age of a node that never leaves."""


@dataclass(frozen=True, slots=True)
class Stay:
    """``age_s``: how long the node has been up; ``left_s``: how much longer it stays."""

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

    def random_stay(self) -> Stay:
        """The stay of a random node that is up now, in a network in its steady state."""
        rng = self._rng
        if rng.random() < self._permanent:
            return Stay(FOREVER_S * rng.random(), inf)
        length_s = self._scale_s * rng.gammavariate(1.0 + 1.0 / self._shape, 1.0) ** (
            1.0 / self._shape
        )
        age_s = length_s * rng.random()
        return Stay(age_s, length_s - age_s)

    def new_stay(self) -> Stay:
        """The stay of a node that starts now. It replaces a node that has left, so it is never a
        permanent one.
        """
        return Stay(0.0, self._rng.weibullvariate(self._scale_s, self._shape))

    def hazard(self, age_s: float) -> float:
        """The rate per second at which a node of that age leaves, permanent nodes aside."""
        relative_age = max(age_s, 1.0) / self._scale_s
        return self._shape / self._scale_s * float(relative_age ** (self._shape - 1.0))
