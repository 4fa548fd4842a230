"""A node and its place in the world: an address, a region, the NAT in front of it, and how long it
stays.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random
from typing import ClassVar

from ...contacts import Contact
from ...core.contract.identity import Identity
from ...core.core import Core
from ...core.dht import Dht
from ...endpoints import Endpoint, family_of
from .nat import Nat
from .population import Residence


class Host:
    """``number`` is never given twice. ``closing_at`` is when the host leaves, on the world's
    clock. The clock of the node is ahead of the world's by ``skew_s``. ``here_since`` is when a
    node with its ID first came up at its address, over restarts.
    """

    honest: ClassVar[bool] = True
    """Whether a real node runs here, for which the invariants must hold. The world and the
    observers read it; nodes never do.
    """
    __slots__ = (
        "access_s",
        "closing_at",
        "deadline",
        "endpoint",
        "here_since",
        "identity",
        "in_burst",
        "nat",
        "node",
        "number",
        "on_datagram",
        "on_event",
        "region",
        "side",
        "skew_s",
        "stalled_until",
        "system",
        "tick_at",
        "up",
        "up_since",
    )

    def __init__(
        self,
        number: int,
        residence: Residence,
        nat: Nat | None,
        node: Core,
        up_since: float,
        identity: Identity | None = None,
    ) -> None:
        self.number = number
        self.identity = identity  # None unless a member of the peer network
        self.region = residence.system.region
        self.system = residence.system.number
        self.access_s = residence.access_s
        self.endpoint = residence.endpoint
        self.nat = nat
        self.node = node
        self.up = True
        self.up_since = self.here_since = up_since
        self.closing_at = inf
        self.tick_at = inf  # when the host's valid tick in the world's queue is due
        self.deadline = inf  # what the node asked for, on its own clock
        self.skew_s = 0.0
        self.stalled_until = -inf
        self.side = 0  # of a partition
        self.in_burst = False
        self.on_datagram: Callable[[float, bytes], None] | None = None
        self.on_event: Callable[[float, object], None] | None = None

    def moved(self, residence: Residence, rng: Random) -> None:
        """Gives the host another address; a NAT in front of it gets the new external address."""
        self.region = residence.system.region
        self.system = residence.system.number
        self.access_s = residence.access_s
        self.endpoint = residence.endpoint
        if self.nat is not None:
            self.nat.rebind(residence.endpoint[:-2], rng)

    @property
    def dht(self) -> Dht:
        """The DHT of its one address family."""
        return self.node.dhts[family_of(self.endpoint)]

    @property
    def id(self) -> int:
        return self.dht.own_id

    @property
    def contact(self) -> Contact:
        return Contact(self.id, self.outside)

    @property
    def outside(self) -> Endpoint:
        """The endpoint at which other hosts see this one, or would see it with a NAT that had one
        mapping for all destinations.
        """
        return self.endpoint if self.nat is None else self.nat.external

    @property
    def accepts_unsolicited(self) -> bool:
        """Whether an unsolicited query reaches the host. For the oracle."""
        return self.nat is None or self.nat.accepts_unsolicited
