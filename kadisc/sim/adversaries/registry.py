"""The kinds of adversaries by name, for simulations that draw them at random.

A kind makes groups. A group belongs to one run, makes its members, and begins when they are up.
"""

from __future__ import annotations

from random import Random
from typing import Final

from ...endpoints import Endpoint, Family
from ..model.population import unused_endpoint
from ..options import SimOptions
from .adversary import Adversary
from .changing_ids import ChangingIds
from .colluder import Colluder
from .dead_names import DeadNames
from .errors_alone import ErrorsAlone
from .flooder import Flooder, FlooderGroup
from .greedy_asker import GreedyAsker
from .kinds import AdversaryKind, Campaign, MemberParts
from .knocker import Knocker
from .liar import Liar
from .netgroup_flood import NetgroupFlood
from .operator import OperatedNode, Operator
from .pings_alone import PingsAlone
from .reach_liar import ReachLiar
from .ring import CollusionRing
from .store_filler import StoreFiller
from .sybil import EclipseAttack, Sybil
from .turning_liar import TurningLiars
from .unresponsive import UnresponsiveNode


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
        self._lie = unused_endpoint(rng, Family(options.family))

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
        self._target = unused_endpoint(rng, Family(options.family))
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


FILLED_PER_S: Final = 8.0
"""Info-hashes that one store filler announces a second."""


class StoreFillers:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._rng = rng
        # Together they announce twice as many as there is room for.
        self._most = 2 * options.core.serving.max_info_hashes
        self._members: list[StoreFiller] = []

    def member(self, parts: MemberParts) -> Adversary:
        filler = StoreFiller(parts.own_id, self._rng, FILLED_PER_S, self._most)
        self._members.append(filler)
        return filler

    def begin(self, campaign: Campaign) -> None:
        targets, share = campaign.targets, max(1, len(self._members))
        for number, member in enumerate(self._members):
            member.fill(targets[number::share], campaign.begins_at)


ASKED_PER_S: Final = 200.0
ASKING_S: Final = 25.0
"""Two windows in which bytes are counted, and some seconds."""


class GreedyAskers:
    def __init__(self, options: SimOptions, rng: Random) -> None:
        self._rng = rng
        self._members: list[GreedyAsker] = []

    def member(self, parts: MemberParts) -> Adversary:
        self._members.append(GreedyAsker(parts.own_id, self._rng, ASKED_PER_S, ASKING_S))
        return self._members[-1]

    def begin(self, campaign: Campaign) -> None:
        """Each asks another victim."""
        victims = self._rng.sample(campaign.targets, min(len(campaign.victims), len(self._members)))
        for member, victim in zip(self._members, victims, strict=False):
            member.ask(victim, campaign.turns_at)


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
    AdversaryKind(
        "store-fillers",
        "fill the peer stores of all nodes with info-hashes that they make up",
        StoreFillers,
        one_netgroup=True,
        against=("store_shares",),
    ),
    AdversaryKind(
        "greedy-askers",
        "prove their endpoint, and then ask one node as fast as they can",
        GreedyAskers,
        against=("proven_budgets",),
    ),
)
"""Kinds that misbehave from the start."""

TURNING: Final = (
    AdversaryKind(
        "changing-ids",
        "answer with another ID in every second answer",
        ChangingIds,
        has_node=True,
        against=("spaced_maintenance",),
    ),
    AdversaryKind(
        "errors-alone",
        "answer every query with an error",
        ErrorsAlone,
        has_node=True,
        against=("spaced_maintenance",),
    ),
    AdversaryKind(
        "dead-names",
        "name endpoints where nobody is, in lookups and in gossip",
        DeadNames,
        has_node=True,
        against=("teller_doubts", "candidate_shares", "gossip_backoff", "tombstones"),
    ),
    AdversaryKind(
        "pings-alone",
        "answer pings, and no other query",
        PingsAlone,
        has_node=True,
        against=("verified_admission", "offline_detection"),
    ),
    AdversaryKind(
        "turning-liars",
        "tell every node the same wrong address of it",
        TurningLiars,
        has_node=True,
    ),
    AdversaryKind(
        "netgroup-flood",
        "bring many new addresses of their netgroup in",
        NetgroupFlood,
        has_node=True,
        against=("diversity_caps", "lookup_caps", "ranked_slots", "ipv6_shares", "book_groups"),
    ),
)
"""Kinds that behave until ``Campaign.turns_at``, so that they are in tables, slots and books."""

KINDS: Final[dict[str, AdversaryKind]] = {kind.name: kind for kind in (*STEADY, *TURNING)}
