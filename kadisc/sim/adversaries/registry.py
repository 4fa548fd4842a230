"""The kinds of adversaries by name, for simulations that draw them at random.

A kind makes groups. A group belongs to one run, makes its members, and begins when they are up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from ...core.contract.identity import Identity
from ...core.core import Core
from ...endpoints import Endpoint
from ...ids import NodeId
from ..model.host import Host
from ..options import SimOptions
from .adversary import Adversary
from .colluder import Colluder
from .flooder import Flooder, FlooderGroup
from .knocker import Knocker
from .liar import Liar
from .operator import OperatedNode, Operator
from .reach_liar import ReachLiar, unused_endpoint
from .ring import CollusionRing
from .sybil import EclipseAttack, Sybil
from .unresponsive import UnresponsiveNode


@dataclass(frozen=True, slots=True)
class MemberParts:
    """What one member is made of. ``node``: a real node with that ID for the kinds that have one
    inside, which is a member of the peer network under ``identity``; None for the others.
    """

    own_id: NodeId
    identity: Identity
    node: Core | None


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a group does. ``victims``: honest hosts that are up and reachable; ``begins_at`` and
    ``turns_at`` on the world's clock: until the latter a kind that turns behaves.
    """

    victims: Sequence[Host]
    begins_at: float
    turns_at: float

    @property
    def targets(self) -> list[Endpoint]:
        """Where other hosts see the victims."""
        return [host.outside for host in self.victims]


class AdversaryGroup(Protocol):
    def member(self, parts: MemberParts) -> Adversary:
        """One more member, not up yet; its ``endpoint`` is set afterwards."""
        ...

    def begin(self, campaign: Campaign) -> None:
        """All members are up. The caller flushes their hosts afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class AdversaryKind:
    """``has_node``: a real node is inside. ``gossips``: it is of use only where there is a peer
    network. ``against``: the names of the defences that hold it off.
    """

    name: str
    summary: str
    group: Callable[[SimOptions, Random], AdversaryGroup]
    has_node: bool = False
    gossips: bool = False
    against: tuple[str, ...] = ()


class Colluders:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        attack = options.attack
        self._ring = CollusionRing(fabricates=attack.fabricate, brute_forces=attack.grind)
        self._members: list[Adversary] = []

    def member(self, parts: MemberParts) -> Adversary:
        self._members.append(Colluder(parts.own_id, self._ring))
        return self._members[-1]

    def begin(self, campaign: Campaign) -> None:
        self._ring.enrol(self._members)


class Operated:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._operator = Operator()
        self._members: list[Adversary] = []

    def member(self, parts: MemberParts) -> Adversary:
        self._members.append(OperatedNode(parts.own_id, self._operator))
        return self._members[-1]

    def begin(self, campaign: Campaign) -> None:
        self._operator.enrol(self._members)


MAX_VICTIMS: Final = 4
"""The number of victims that a group of Sybils aims at."""


class Sybils:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._rng = rng
        self._interval_s = options.attack.interval_s
        self._attack = EclipseAttack({}, fabricates=options.attack.fabricate)
        self._members: list[Sybil] = []

    def member(self, parts: MemberParts) -> Adversary:
        self._members.append(Sybil(parts.own_id, self._attack, self._rng, self._interval_s, 0.0))
        return self._members[-1]

    def begin(self, campaign: Campaign) -> None:
        self._attack.enrol(self._members)
        victims = campaign.victims[:MAX_VICTIMS]
        self._attack.victims.update({host.outside: host.id for host in victims})
        for member in self._members:
            member.attack(list(self._attack.victims), campaign.begins_at)


class UnresponsiveNodes:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._rng = rng
        self._interval_s = options.attack.interval_s
        self._members: list[UnresponsiveNode] = []

    def member(self, parts: MemberParts) -> Adversary:
        self._members.append(UnresponsiveNode(parts.own_id, self._rng, self._interval_s))
        return self._members[-1]

    def begin(self, campaign: Campaign) -> None:
        for member in self._members:
            member.query(campaign.targets, campaign.begins_at)


class Liars:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._lie = unused_endpoint(rng)

    def member(self, parts: MemberParts) -> Adversary:
        assert parts.node is not None
        return Liar(parts.node, self._lie)

    def begin(self, campaign: Campaign) -> None:
        pass


class ReachLiars:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._rng = rng

    def member(self, parts: MemberParts) -> Adversary:
        assert parts.node is not None
        return ReachLiar(parts.node, self._rng)

    def begin(self, campaign: Campaign) -> None:
        pass


KNOCK_EVERY_S: Final = 0.5
"""The time between two knocks at one witness."""


class Knockers:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._rng = rng
        self._witnesses: list[Endpoint] = []
        self._target = unused_endpoint(rng)
        self._members: list[Adversary] = []

    def member(self, parts: MemberParts) -> Adversary:
        self._members.append(
            Knocker(parts.own_id, self._witnesses, lambda: self._target, KNOCK_EVERY_S, self._rng)
        )
        return self._members[-1]

    def begin(self, campaign: Campaign) -> None:
        self._witnesses += campaign.targets


class Flooders:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._group = FlooderGroup(options)
        self._rng = rng
        self._members: list[Adversary] = []

    def member(self, parts: MemberParts) -> Adversary:
        self._members.append(Flooder(parts.own_id, parts.identity, self._group, self._rng))
        return self._members[-1]

    def begin(self, campaign: Campaign) -> None:
        self._group.enrol(self._members)
        members = [host for host in campaign.victims if host.identity is not None]
        self._group.flood({host.outside: host.id for host in members})


STEADY: Final = (
    AdversaryKind(
        "colluders",
        "answer lookups with each other under forged IDs",
        Colluders,
        against=("lookup_caps", "bep42_ids"),
    ),
    AdversaryKind(
        "operator",
        "one operator with a valid ID beside any target",
        Operated,
        against=("lookup_caps", "bep42_ids"),
    ),
    AdversaryKind(
        "sybils",
        "press for places in the tables of some victims under IDs near theirs",
        Sybils,
        against=("verified_admission", "ping_before_evict", "diversity_caps"),
    ),
    AdversaryKind(
        "unresponsive",
        "answer pings and drop everything else",
        UnresponsiveNodes,
        against=("verified_admission", "inbound_quarantine"),
    ),
    AdversaryKind(
        "liars",
        "report a wrong address to those that query them",
        Liars,
        has_node=True,
    ),
    AdversaryKind(
        "reach-liars",
        "say of every node that no stranger reaches it",
        ReachLiars,
        has_node=True,
        gossips=True,
        against=("two_rounds",),
    ),
    AdversaryKind(
        "knockers",
        "ask all witnesses to ping one endpoint",
        Knockers,
        gossips=True,
        against=("witness_budgets",),
    ),
    AdversaryKind(
        "flooders",
        "fill the views of members with each other and with peers that do not exist",
        Flooders,
        gossips=True,
        against=("ranked_slots", "push_reservoir", "peer_candidate_limits"),
    ),
)
"""Kinds that misbehave from the start."""

TURNING: Final[tuple[AdversaryKind, ...]] = ()
"""Kinds that behave until ``Campaign.turns_at``, so that they are in tables, slots and books."""

KINDS: Final[dict[str, AdversaryKind]] = {kind.name: kind for kind in (*STEADY, *TURNING)}
