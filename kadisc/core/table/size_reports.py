"""How large the network is, by what contacts answer when they are asked for their own ID.

A node knows its own neighbourhood best: asked for its own ID, it names the 8 nodes closest to it.
With N nodes at random IDs, N times the distance of the 8th (a share of the ID space) has a gamma
distribution of shape 8, whichever contact answers. So each answer is one report on another part of
the ID space; the checks of contacts that are made anyway bring them.

Attack: an attacker that is named in every lookup of this node makes the network look denser, or
sparser, than it is, and then nothing looks wrong with the nodes that it puts beside a target.
Defence: the size does not follow from lookups. Each contact of the table has one report, and what
counts is the upper quartile of the distances. Where 20, 30 or 50 % of the contacts lie that their
neighbours are right beside them, the size is 7, 12 or 30 % too large; where 15 % lie that there are
none, it is a third too small.
"""

from __future__ import annotations

from array import array
from typing import Final

from ...endpoints import IPV4, Family
from ...ids import ID_SPACE, NodeId
from ...wire.compact import CONTACT_BYTES
from ...wire.messages import FindNode, Query, Reply
from .bucket import Entry

NAMED: Final = 8
"""The rank whose distance is reported."""
KEPT: Final = 64
"""The newest reports. One contact is checked so rarely that it has one or two of them."""
ENOUGH: Final = 24
"""With fewer reports there is no estimate: this many are off by 9 % (standard deviation)."""
UPPER_QUARTILE: Final = 9.684
"""Of the gamma distribution of shape 8."""
ID_BYTES: Final = 20


class SizeReports:
    """The reports of the contacts of one address family."""

    __slots__ = ("_distances", "_oldest", "_turn")

    def __init__(self) -> None:
        self._distances = array("f")
        self._oldest = 0
        self._turn = False

    def target(self, node_id: NodeId, otherwise: NodeId, entry: Entry | None) -> NodeId:
        """What to ask a node for that is checked: every second contact of the table for its own ID,
        and all other nodes for ``otherwise``.
        """
        if entry is None:
            return otherwise
        self._turn = not self._turn
        return node_id if self._turn else otherwise

    def answered(self, query: Query, reply: Reply, family: Family) -> None:
        """A contact has answered a check; that is a report if it was asked for its own ID."""
        if not isinstance(query, FindNode) or query.target != reply.sender:
            return
        nodes = (reply.nodes if family is IPV4 else reply.nodes6) or b""
        stride = CONTACT_BYTES[family]
        named = {
            int.from_bytes(nodes[start : start + ID_BYTES], "big") ^ reply.sender
            for start in range(0, len(nodes) - stride + 1, stride)
        }
        named.discard(0)
        if len(named) >= NAMED:
            self.add(sorted(named)[NAMED - 1] / ID_SPACE)

    def add(self, distance: float) -> None:
        """A report: how far the 8th neighbour of a contact is, as a share of the ID space."""
        if len(self._distances) < KEPT:
            self._distances.append(distance)
        else:
            self._distances[self._oldest] = distance
            self._oldest = (self._oldest + 1) % KEPT

    @property
    def estimate(self) -> float | None:
        """How many nodes there are, None while too few contacts have reported, or where most report
        the impossible.
        """
        count = len(self._distances)
        if count < ENOUGH:
            return None
        place = 0.75 * (count - 1)
        distances = sorted(self._distances)
        low = int(place)
        upper = distances[min(low + 1, count - 1)]
        distance = distances[low] + (place - low) * (upper - distances[low])
        return UPPER_QUARTILE / distance if distance else None
