"""A contact that changes its ID: each ID of it is in two answers in a row to the same node.

Attack: an answer with another ID than the expected one needs a further query, to find out which of
the two is right. The second answer confirms the new ID, and the next one contradicts it again: so
each answer brings a query, and a node that asks without a pause asks at the speed of the network.
"""

from __future__ import annotations

from ...core.core import Core
from ...endpoints import Endpoint
from ...ids import NodeId, random_id
from ...wire.messages import Reply
from .turning import TurningGroup, TurningNode

ANSWERS_PER_ID = 2


class ChangingIdsNode(TurningNode):
    def __init__(self, node: Core, group: TurningGroup) -> None:
        super().__init__(node, group)
        self._shown: dict[Endpoint, tuple[NodeId, int]] = {}
        """The ID that each node was shown last, and in how many answers."""

    def altered(self, reply: Reply, destination: Endpoint) -> bool:
        shown, times = self._shown.get(destination, (self.own_id, ANSWERS_PER_ID))
        if times >= ANSWERS_PER_ID:
            shown, times = random_id(self._group.rng), 0
        self._shown[destination] = shown, times + 1
        reply.sender = shown
        return True


class ChangingIds(TurningGroup):
    node_class = ChangingIdsNode
