"""What colluders share: the list of colluders, and which forged IDs each asker was told.

Attack: a colluder that is asked for a target names other colluders, under forged IDs nearer to the
target than any honest node's. Each of those, when it is asked in turn, answers with the ID under
which it was named, and names further colluders. KRPC cannot prevent that: a node chooses the ID in
its answers. Towards a node that knows it by its usual ID (and checks it now and then) a colluder
keeps that ID. Asked for its own ID it keeps it, too, and says that others are right beside it, so
that the network looks denser than it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from ...contacts import Contact
from ...core.addressing.bep42 import with_bep42_prefix
from ...endpoints import Endpoint, ip_of, subnet_prefix
from ...ids import NodeId
from ...wire.messages import FindNode, Get, GetPeers, Query, Reply
from .adversary import Adversary, name

PER_ANSWER = 8
"""Colluders named in an answer."""
MAX_LOOKUPS_REMEMBERED = 4096
"""Pairs of asker and target that are remembered; beyond that the oldest are dropped."""
BESIDE_BYTES = 12
"""A forged ID differs from its target in so many last bytes alone."""


class CollusionRing:
    """``fabricates``: whether IDs are forged; otherwise all colluders keep their usual IDs, and
    those nearest to the target are named. ``brute_forces``: whether forged IDs are valid by BEP 42.
    """

    def __init__(self, *, fabricates: bool, brute_forces: bool = False) -> None:
        self.fabricates = fabricates
        self._forged_id = nearest_bep42_id if brute_forces else beside
        self._brute_forces = brute_forces
        self._members: list[Adversary] = []
        self._referrals_by_lookup: dict[tuple[Endpoint, NodeId], Referrals] = {}

    def enrol(self, members: Sequence[Adversary]) -> None:
        """Sets the order of naming: consecutive colluders lie in different /24s where possible."""
        by_subnet: dict[bytes, list[Adversary]] = {}
        for member in members:
            by_subnet.setdefault(subnet_prefix(member.endpoint), []).append(member)
        rows = list(by_subnet.values())
        self._members = [
            row[i] for i in range(max(map(len, rows), default=0)) for row in rows if i < len(row)
        ]

    def shown_id(self, member: Adversary, asker: Endpoint) -> NodeId:
        """The ID that this member shows to the asker unless it was named with a forged one."""
        return member.own_id

    def answer(self, member: Adversary, query: Query, asker: Endpoint) -> Reply:
        reply = Reply(query.tid, self.shown_id(member, asker), seen_as=asker)
        if isinstance(query, FindNode):
            self._mislead(reply, member, query.target, query, asker)
        elif isinstance(query, GetPeers):
            self._mislead(reply, member, query.info_hash, query, asker)
            reply.token = b"token"
        elif isinstance(query, Get):
            self._mislead(reply, member, query.target, query, asker)
            reply.token = b"token"
        return reply

    def _mislead(
        self, reply: Reply, member: Adversary, target: NodeId, query: Query, asker: Endpoint
    ) -> None:
        if not self.fabricates or target == query.sender:
            # A lookup of its own ID may be a check, and a member with two IDs would be removed from
            # the table: here all members show their usual IDs.
            shown = sorted(
                (self.shown_id(each, asker) ^ target, each.endpoint)
                for each in self._members
                if each is not member
            )
            named = [
                Contact(distance ^ target, endpoint) for distance, endpoint in shown[:PER_ANSWER]
            ]
        else:
            referrals = self._referrals(asker, target)
            if member.endpoint in referrals.told and target != member.own_id:
                reply.sender = self._forged_id(target, member.endpoint)
            named = [
                Contact(self._forged_id(target, each.endpoint), each.endpoint)
                for each in referrals.next()
            ]
        name(reply, named)

    def _referrals(self, asker: Endpoint, target: NodeId) -> Referrals:
        referrals = self._referrals_by_lookup.get((asker, target))
        if referrals is None:
            members: Sequence[Adversary] = self._members
            if self._brute_forces:
                members = sorted(
                    members, key=lambda member: nearest_bep42_id(target, member.endpoint) ^ target
                )
            referrals = self._referrals_by_lookup[asker, target] = Referrals(
                members, 0 if self._brute_forces else target
            )
            if len(self._referrals_by_lookup) > MAX_LOOKUPS_REMEMBERED:
                del self._referrals_by_lookup[next(iter(self._referrals_by_lookup))]
        return referrals


class Referrals:
    """The members named to one asker for one target. Each answer continues where the last one
    ended, so that every path of a lookup is led to colluders that no other path has visited.
    """

    __slots__ = ("_cursor", "_members", "told")

    def __init__(self, members: Sequence[Adversary], first: int) -> None:
        self.told: set[Endpoint] = set()
        self._members = members
        self._cursor = first

    def next(self) -> list[Adversary]:
        members = self._members
        named = [
            members[(self._cursor + i) % len(members)] for i in range(min(PER_ANSWER, len(members)))
        ]
        self._cursor += len(named)
        self.told.update(each.endpoint for each in named)
        return named


def beside(target: NodeId, endpoint: Endpoint) -> NodeId:
    """A forged ID near the target: always the same for the same member and target, so that all
    colluders name the same.
    """
    noise = blake2b(ip_of(endpoint) + target.to_bytes(20, "big"), digest_size=BESIDE_BYTES).digest()
    return target ^ int.from_bytes(noise, "big")


def nearest_bep42_id(target: NodeId, endpoint: Endpoint) -> NodeId:
    """Of the IDs that are valid for the address by BEP 42, the nearest to ``target``: bits that BEP
    42 leaves free are those of the target.
    """
    ip = ip_of(endpoint)
    return min((with_bep42_prefix(ip, target & ~7 | r) for r in range(8)), key=target.__xor__)
