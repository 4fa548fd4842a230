"""In which order the application is given the peers that several sources offer, and others who
gossip those that we know.

The attack: whoever pushes himself ten times as often as others is met by everybody and looked after
by everybody, while each of us has met only a part of the honest. So of those whom a node *has met*,
which is what its address book remembers, three in ten flooders are nearly half; and taking turns
between slots and book gives them what the louder source says. Nobody can push himself into a slot,
though: there secret ranks decide. So those come first whom a rank has chosen: who holds a slot old
enough, and who held one. The others of the book, and those that the tags led to, are for a node
that has no such slots yet, or for an application that wants more than ranks have chosen.

What a node tells others is the same matter. If it named whoever it has met, flooders would be most
of that, and nobody would ever hear of all of the honest; so it names those first that hold slots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from ...endpoints import Endpoint
from ..contract.verified_peer import VerifiedPeer
from .known_peers import Known


class SelectionRule(Protocol):
    def order(
        self,
        slots: Sequence[VerifiedPeer],
        seated: Sequence[VerifiedPeer],
        book: Sequence[VerifiedPeer],
        by_tag: Sequence[VerifiedPeer],
    ) -> Iterable[VerifiedPeer]:
        """``slots``: who holds a slot old enough; ``seated``: of the book, who ever did; ``book``:
        all of it; ``by_tag``: of those, whom the network's tags led to. A peer may be in several
        and come more than once.
        """
        ...

    def tiers(
        self, known: Iterable[Known], slots_of: Callable[[Endpoint], int]
    ) -> list[list[Known]]:
        """Those that others may be told of: all of the first list before any of the next."""
        ...


class RanksFirst:
    __slots__ = ()

    def order(
        self,
        slots: Sequence[VerifiedPeer],
        seated: Sequence[VerifiedPeer],
        book: Sequence[VerifiedPeer],
        by_tag: Sequence[VerifiedPeer],
    ) -> Iterable[VerifiedPeer]:
        yield from slots
        yield from seated
        yield from _in_turn(book, by_tag)

    def tiers(
        self, known: Iterable[Known], slots_of: Callable[[Endpoint], int]
    ) -> list[list[Known]]:
        tiers: list[list[Known]] = [[], []]
        for each in known:
            tiers[not slots_of(each.peer.endpoint)].append(each)
        return tiers


class AllInTurn:
    """What ranks are measured against: every source has the same weight, whoever is in it."""

    __slots__ = ()

    def order(
        self,
        slots: Sequence[VerifiedPeer],
        seated: Sequence[VerifiedPeer],
        book: Sequence[VerifiedPeer],
        by_tag: Sequence[VerifiedPeer],
    ) -> Iterable[VerifiedPeer]:
        return _in_turn(slots, book, by_tag)

    def tiers(
        self, known: Iterable[Known], slots_of: Callable[[Endpoint], int]
    ) -> list[list[Known]]:
        return [list(known)]


def _in_turn(*sources: Sequence[VerifiedPeer]) -> Iterable[VerifiedPeer]:
    for index in range(max(map(len, sources))):
        for source in sources:
            yield from source[index : index + 1]
