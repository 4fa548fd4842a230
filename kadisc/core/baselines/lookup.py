"""Lookups without the region around their target."""

from __future__ import annotations

from ..addressing.bep42 import Bep42Check
from ..lookup.region import NO_REGION, RegionRule


def no_region(size: float | None, k: int, most: int, bep42_valid: Bep42Check) -> RegionRule:
    """In place of `Region`: no lookup is suspicious, and each ends when the k closest answered."""
    return NO_REGION
