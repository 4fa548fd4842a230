"""Times that stand for "never" on the clock of the caller, and seconds with jitter."""

from __future__ import annotations

from math import inf
from random import Random
from typing import Final

NEVER: Final = -inf
"""The time of an event that did not happen. It is one object for all users: ``-inf`` makes a new
object wherever it is evaluated.
"""
FOREVER: Final = inf
"""A deadline that does not come."""


def jittered(seconds: float, share: float, rng: Random) -> float:
    """``seconds``, shorter or longer by up to ``share`` of it, drawn uniformly."""
    return seconds * rng.uniform(1.0 - share, 1.0 + share)
