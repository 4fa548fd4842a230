"""What a kind of adversaries is: it makes groups. A group belongs to one run, makes its members,
and begins when they are up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from ...core.contract.identity import Identity
from ...core.core import Core
from ...endpoints import Endpoint
from ...ids import NodeId
from ..model.host import Host
from ..options import SimOptions
from .adversary import Adversary


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
    bring_in: Callable[[Adversary, Endpoint], None] | None = None
    """Boots one more adversary, at a new address of the netgroup in which the endpoint is; None
    where the attack has no more addresses.
    """

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
    network. ``one_netgroup``: its members are in one /16 (IPv6 /32). ``against``: the names of the
    defences that hold it off.
    """

    name: str
    summary: str
    group: Callable[[SimOptions, Random], AdversaryGroup]
    has_node: bool = False
    gossips: bool = False
    one_netgroup: bool = False
    against: tuple[str, ...] = ()
