"""A contact that lies about the address of those that ask it (``ip`` of BEP 42). All tell the same
lie.

Attack: a node that believes it takes the lie for its own address, derives its ID from it and puts
it into its record, and is found by nobody.
"""

from __future__ import annotations

from random import Random

from ...endpoints import Endpoint
from ...wire.messages import Reply
from ..model.population import unused_endpoint
from ..options import SimOptions
from .turning import TurningGroup, TurningNode


class TurningLiar(TurningNode):
    def altered(self, reply: Reply, destination: Endpoint) -> bool:
        assert isinstance(self._group, TurningLiars)
        if reply.seen_as is None:
            return False
        reply.seen_as = self._group.lie
        return True


class TurningLiars(TurningGroup):
    node_class = TurningLiar

    def __init__(self, options: SimOptions, rng: Random) -> None:
        super().__init__(options, rng)
        self.lie = unused_endpoint(rng, self.family)
