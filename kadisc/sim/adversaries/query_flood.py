"""A flood of queries with forged sources at one node, faster than the node takes queries from
everywhere together: then it drops what comes from hosts that have proved nothing to it, and a
witness is such a host.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ...endpoints import Endpoint
from ...ids import random_id
from ...wire import krpc
from ...wire.messages import FindNode
from ..model.host import Host
from ..model.population import unused_endpoint
from ..model.world import World

BATCH_S = 0.05
"""The datagrams of so much time are sent at once."""


class QueryFlood:
    """``per_s`` queries at each of ``victims``, from ``start`` until ``stop``."""

    def __init__(self, world: World, sender: Host, per_s: float, rng: Random) -> None:
        self._world = world
        self._sender = sender
        self._per_batch = max(1, round(per_s * BATCH_S))
        self._rng = rng
        self._victims: Sequence[Endpoint] = ()

    def start(self, victims: Sequence[Endpoint]) -> None:
        self._victims = victims
        self._strike()

    def stop(self) -> None:
        self._victims = ()

    def _strike(self) -> None:
        world, rng = self._world, self._rng
        for victim in self._victims:
            for _ in range(self._per_batch):
                query = FindNode(rng.randbytes(2), random_id(rng), rng.getrandbits(160))
                world.forge(self._sender, krpc.encode(query), unused_endpoint(rng), victim)
        if self._victims:
            world.at(world.now + BATCH_S, self._strike)
