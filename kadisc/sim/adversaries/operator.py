"""One operator with many addresses, which has a valid ID (BEP 42) beside any target.

Attack: of the IDs that are valid for its addresses the operator knows the nearest to each target. A
node of it that is asked names the nodes that have those, nearest first, each in another subnet, and
they answer under the IDs under which they were named. In IPv6 this costs nothing: BEP 42 gives each
/64 of a /48 its 8 places in the ID space, and brokers give /48s away.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from ...contacts import Contact
from ...core.addressing.bep42 import BEP42_BITS, address_checksum
from ...endpoints import Endpoint, ip_of, subnet_prefix
from ...ids import ID_BITS, NodeId
from ...wire.messages import FindNode, GetPeers, Query, Reply
from .adversary import Adversary, name
from .ring import PER_ANSWER

_REST_BITS = ID_BITS - BEP42_BITS


class ValidPlaces:
    """The places in the ID space that are valid for many endpoints, found by target."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = endpoints
        self._places = sorted(
            (address_checksum(ip_of(endpoint), r) >> 32 - BEP42_BITS, r, number)
            for number, endpoint in enumerate(endpoints)
            for r in range(8)
        )

    def beside(self, target: NodeId, count: int) -> list[Contact]:
        """The valid contacts nearest to ``target``, each in another subnet, nearest first."""
        low, high = 0, len(self._places)
        for bit in range(BEP42_BITS):
            shift = BEP42_BITS - 1 - bit
            start = target >> _REST_BITS >> shift << shift
            inner_low = bisect_left(self._places, (start, 0, 0), low, high)
            inner_high = bisect_left(self._places, (start + (1 << shift), 0, 0), low, high)
            if inner_high - inner_low < 32 * count:
                break
            low, high = inner_low, inner_high
        free = (1 << _REST_BITS) - 8
        nearest = sorted(
            ((place << _REST_BITS | target & free | r) ^ target, number)
            for place, r, number in self._places[low:high]
        )
        found: dict[bytes, Contact] = {}
        for distance, number in nearest:
            endpoint = self._endpoints[number]
            found.setdefault(subnet_prefix(endpoint), Contact(distance ^ target, endpoint))
            if len(found) == count:
                break
        return list(found.values())


class Operator:
    """What the nodes of one operator share."""

    def __init__(self) -> None:
        self._places = ValidPlaces(())
        self._shown: dict[tuple[Endpoint, NodeId], NodeId] = {}

    def enrol(self, members: Sequence[Adversary]) -> None:
        self._places = ValidPlaces([member.endpoint for member in members])

    def answer(self, member: Adversary, query: Query, asker: Endpoint) -> Reply:
        reply = Reply(query.tid, member.own_id, seen_as=asker)
        if isinstance(query, FindNode | GetPeers):
            target = query.target if isinstance(query, FindNode) else query.info_hash
            named = self._places.beside(target, PER_ANSWER)
            self._shown.update({(each.endpoint, target): each.id for each in named})
            reply.sender = self._shown.get((member.endpoint, target), member.own_id)
            if isinstance(query, GetPeers):
                reply.token = b"token"
            name(reply, named)
        return reply


class OperatedNode(Adversary):
    def __init__(self, own_id: NodeId, operator: Operator) -> None:
        super().__init__(own_id)
        self._operator = operator

    def asked(self, query: Query, source: Endpoint, now: float) -> Reply | None:
        return self._operator.answer(self, query, source)
