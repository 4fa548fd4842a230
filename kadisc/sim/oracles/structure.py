"""The order of tables, and the bounds of every store.

Promise: a core does not contradict itself (`core/self_check.py`): buckets are in order and within
their capacity, caps by address hold, no queue, cache or store is beyond its bound.
"""

from __future__ import annotations

from typing import Final

from ..model.host import Host
from ..options import SimOptions
from .violation import Broken


class StructureOracle:
    name: Final = "structure"

    def __init__(self, broken: Broken, options: SimOptions) -> None:
        self._broken = broken
        query = options.core.query
        self._most_in_flight = query.max_outstanding + query.max_waiting

    def check(self, host: Host, now: float) -> None:
        for found in host.node.inconsistencies(now + host.skew_s):
            self._broken(host, found)
        if (size := host.node.queries_in_flight) > self._most_in_flight:
            self._broken(host, f"{size} queries in flight; the bound is {self._most_in_flight}")
