"""A contact whose operator brings many new addresses of its /16 (IPv6 /32) in.

Attack: the addresses of one operator cost little, and those of one IPv6 /32 nothing. Each has a
record and a key of its own, sends queries and pushes to all nodes, answers each check, and names
the others of its kind. Where places are given to addresses, nearly all go to one netgroup.
"""

from __future__ import annotations

from random import Random

from ...config import CLIENT_VERSION
from ...core.contract.identity import Identity
from ...ids import random_id
from ...wire.messages import FindNode
from ..options import SimOptions
from .adversary import Adversary
from .flooder import Flooder, FlooderGroup
from .kinds import Campaign, MemberParts
from .turning import TurningGroup, TurningNode


class NetgroupNode(TurningNode):
    """It never misbehaves itself."""


class Newcomer(Flooder):
    """A flooder that begins at a given time, and asks in the DHT as often as it pushes."""

    def tick(self, now: float) -> None:
        is_due = now >= self.next_deadline()
        super().tick(now)
        if is_due and self._group.targets:
            victim = self._rng.choice(self._group.targets)
            shown_id = self._group.shown_id(self, victim)
            target = self._rng.getrandbits(160)
            query = FindNode(self._rng.randbytes(2), shown_id, target, version=CLIENT_VERSION)
            self.send(query, victim)


class NetgroupFlood(TurningGroup):
    node_class = NetgroupNode

    def __init__(self, options: SimOptions, rng: Random) -> None:
        super().__init__(options, rng)
        self._addresses = options.attack.addresses
        self._flooders = FlooderGroup(options)
        self._members: list[Adversary] = []

    def member(self, parts: MemberParts) -> Adversary:
        self._members.append(super().member(parts))
        return self._members[-1]

    def begin(self, campaign: Campaign) -> None:
        """The new addresses are up from now on, and silent until the turn."""
        super().begin(campaign)
        if campaign.bring_in is None:
            return
        newcomers = [
            Newcomer(random_id(self.rng), Identity.new(self.rng), self._flooders, self.rng)
            for _ in range(self._addresses)
        ]
        self._flooders.flood({host.outside: host.id for host in campaign.victims})
        for newcomer in newcomers:
            newcomer.begin(campaign.turns_at + self.rng.random() * self._flooders.pause_s)
        for number, newcomer in enumerate(newcomers):
            campaign.bring_in(newcomer, self._members[number % len(self._members)].endpoint)
        # The caller may have had fewer addresses.
        self._flooders.enrol([each for each in newcomers if each.endpoint])
