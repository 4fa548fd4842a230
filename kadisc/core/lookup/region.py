"""Region lookups: a lookup that found improbably many nodes near its target asks on, until it has
covered the region in which the k closest nodes of an honest network would be.

Attack: colluders with IDs near a target are closer than all honest nodes, answer, and fill the k
closest, where a search ends and an announce goes. Defence: where the density is improbable
(`density.py`) the lookup is not over when the k closest have answered. It asks, up to a bound
(`LookupConfig.region_nodes`), all that are named within the radius that would hold k nodes by the
size of the network, closest first; never more with IDs that do not follow from their address (BEP
42) than others, while there are others. Before them come the contacts that the lookup began with,
up to 1.5 k of them: where all that were asked are colluders, none has named an honest node. Nodes
right beside the target no longer count among the k. What is announced or put goes to all of the
region that answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from math import sqrt
from typing import Final, Protocol

from ..addressing.bep42 import Bep42Check
from .density import ALARM, DOUBT, Density
from .peer import PENDING, Peer, State

BESIDE: Final = 0.01
"""Closer than the node expected at this share of the mean gap, a node is right beside the target:
of 100 honest lookups one has such a node.
"""
UNUSABLE: Final = (State.FAILED, State.SILENT)
NO_PEERS: Final[tuple[Peer, ...]] = ()


class RegionRule(Protocol):
    @property
    def suspicious(self) -> bool:
        """Whether the density near the target is improbable."""
        ...

    @property
    def beside(self) -> int:
        """Nodes that are closer do not count among the k while there are others."""
        ...

    def look(self, peers: Sequence[Peer]) -> bool:
        """Looks at all that were named, closest first, when those that count have answered.
        Returns whether ``beside`` has changed.
        """
        ...

    def to_ask(self, peers: Sequence[Peer], asked: int) -> Iterable[Peer]:
        """The nodes to query besides, where ``asked`` have been queried."""
        ...

    def awaits(self, peers: Sequence[Peer]) -> bool:
        """Whether a node of the region has been queried and may still answer."""
        ...

    def also(self, peers: Sequence[Peer], closest: Sequence[Peer]) -> list[Peer]:
        """Nodes that answered in the region, besides the k closest."""
        ...


class NoRegion:
    """The lookup ends when the k closest have answered, however many they are."""

    __slots__ = ()

    @property
    def suspicious(self) -> bool:
        return False

    @property
    def beside(self) -> int:
        return 0

    def look(self, peers: Sequence[Peer]) -> bool:
        return False

    def to_ask(self, peers: Sequence[Peer], asked: int) -> Iterable[Peer]:
        return NO_PEERS

    def awaits(self, peers: Sequence[Peer]) -> bool:
        return False

    def also(self, peers: Sequence[Peer], closest: Sequence[Peer]) -> list[Peer]:
        return []


NO_REGION: Final = NoRegion()


class Region:
    """The region around the target of one lookup. ``most``: how many nodes the lookup asks then."""

    __slots__ = ("_bep42_valid", "_beside", "_density", "_k", "_most", "_radius", "_suspicious")

    def __init__(self, size: float | None, k: int, most: int, bep42_valid: Bep42Check) -> None:
        self._density = Density(size, k)
        self._k = k
        self._most = most
        self._bep42_valid = bep42_valid
        self._radius = 0
        self._beside = 0
        self._suspicious = False

    @property
    def suspicious(self) -> bool:
        return self._suspicious

    @property
    def beside(self) -> int:
        return self._beside

    def look(self, peers: Sequence[Peer]) -> bool:
        if self.suspicious:
            return False
        distances = [
            peer.distance for peer in peers if peer.id is not None and peer.state not in UNUSABLE
        ]
        if distances and distances[0] == 0 and 0 not in distances[1:2]:
            # The ID of a node is looked up, and that node is there: no chance has put it there.
            del distances[0]
        if not self._radius:
            if not self._density.is_improbable(distances, DOUBT):
                return False
            self._radius = self._density.radius_of(self._k + 2.0 * sqrt(self._k))
        if not self._density.is_improbable(distances, ALARM):
            return False
        self._suspicious = True
        self._beside = self._density.radius_of(BESIDE)
        return True

    def to_ask(self, peers: Sequence[Peer], asked: int) -> Iterable[Peer]:
        if not self._radius or asked >= self._most:
            return NO_PEERS
        own: list[Peer] = []
        valid: list[Peer] = []
        invalid: list[Peer] = []
        beside: list[Peer] = []
        surplus = 0
        """How many more with invalid IDs than with valid ones have been asked."""
        own_left = self._k + self._k // 2
        for peer in peers:
            if peer.hops == 1:
                own_left -= peer.state is not State.KNOWN
            if peer.distance > self._radius:
                if peer.hops == 1 and peer.state is State.KNOWN:
                    own.append(peer)
                continue
            is_valid = peer.id is not None and self._bep42_valid(peer.id, peer.endpoint)
            if 0 < peer.distance < self._beside:
                beside.append(peer)
            elif peer.state is State.KNOWN:
                (valid if is_valid else invalid).append(peer)
            else:
                surplus += -1 if is_valid else 1
        in_turn = _at_most_half(valid, invalid, surplus)
        known = (peer for peer in beside if peer.state is State.KNOWN)
        return islice(chain(own[: max(0, own_left)], in_turn, known), self._most - asked)

    def awaits(self, peers: Sequence[Peer]) -> bool:
        radius = self._radius
        return radius > 0 and any(
            peer.state in PENDING and (peer.distance <= radius or peer.hops == 1) for peer in peers
        )

    def also(self, peers: Sequence[Peer], closest: Sequence[Peer]) -> list[Peer]:
        if not self.suspicious:
            return []
        chosen = set(map(id, closest))
        return [
            peer
            for peer in peers
            if peer.state is State.ANSWERED
            and peer.distance <= self._radius
            and id(peer) not in chosen
        ]


def _at_most_half(valid: list[Peer], invalid: list[Peer], surplus: int) -> Iterator[Peer]:
    """Both in the order of distance, but of the invalid ones never more than of the valid ones,
    while there are any.
    """
    valid.reverse()
    invalid.reverse()
    while valid or invalid:
        takes_invalid = not valid or bool(invalid and surplus < 0 and invalid[-1] < valid[-1])
        surplus += 1 if takes_invalid else -1
        yield (invalid if takes_invalid else valid).pop()


class MakeRegion(Protocol):
    def __call__(
        self, size: float | None, k: int, most: int, bep42_valid: Bep42Check
    ) -> RegionRule: ...
