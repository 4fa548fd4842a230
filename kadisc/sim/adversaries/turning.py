"""The base classes of adversaries that change: real nodes that behave until they are in tables, in
slots and in address books, and misbehave from a given moment on.

Attack: what a node is trusted with it has earned by good answers. A defence that looks at newcomers
alone does not see what an old contact does.
"""

from __future__ import annotations

from math import inf
from random import Random
from typing import ClassVar

from ...core.core import Core
from ...endpoints import Endpoint, Family
from ...errors import DecodeError
from ...wire import krpc
from ...wire.messages import Query, Reply
from ..options import SimOptions
from .adversary import Adversary
from .kinds import Campaign, MemberParts
from .node_inside import NodeInside


class TurningGroup:
    """``turns_at``: on the world's clock."""

    node_class: ClassVar[type[TurningNode]]

    def __init__(self, options: SimOptions, rng: Random) -> None:
        self.family = Family(options.family)
        self.rng = rng
        self.turns_at = inf

    def member(self, parts: MemberParts) -> Adversary:
        assert parts.node is not None
        return self.node_class(parts.node, self)

    def begin(self, campaign: Campaign) -> None:
        self.turns_at = campaign.turns_at


class TurningNode(NodeInside):
    """A subclass overrides `withholds`, for what the node is not to see, and `altered`, for what it
    is not to answer as it would. Both are called once the node has turned.
    """

    def __init__(self, node: Core, group: TurningGroup) -> None:
        super().__init__(node)
        self._group = group
        self._has_turned = False

    def withholds(self, query: Query, source: Endpoint) -> bool:
        """Whether the node does not see this query."""
        return False

    def altered(self, reply: Reply, destination: Endpoint) -> bool:
        """Changes the reply that the node gives, if it likes; returns whether it did."""
        return False

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        self._has_turned = now >= self._group.turns_at
        super().receive(payload, source, now)

    def tick(self, now: float) -> None:
        self._has_turned = now >= self._group.turns_at
        super().tick(now)

    def intercepts(self, payload: bytes, source: Endpoint, now: float) -> bool:
        if not self._has_turned or b"1:y1:q" not in payload:
            return False
        try:
            message = krpc.decode(payload)
        except DecodeError:
            return False
        return isinstance(message, Query) and self.withholds(message, source)

    def passed_on(self, payload: bytes, destination: Endpoint) -> bytes | None:
        if not self._has_turned or b"1:y1:r" not in payload:
            return payload
        message = krpc.decode(payload)
        if isinstance(message, Reply) and self.altered(message, destination):
            return krpc.encode(message)
        return payload
