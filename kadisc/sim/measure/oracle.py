"""The oracle: which nodes are alive and which are closest. Nodes never see it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import ID_BITS, NodeId
from ..model.host import Host
from ..model.nat import STRANGER
from ..model.router import RoutedNat
from ..model.world import World

SETTLED_S = 600.0
"""How long a node must be up to count among the closest: before, others need not know it."""


class Oracle:
    """Of live nodes that accept unsolicited queries; the lab reports arrivals and departures."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ids: list[NodeId] = []
        self._hosts: dict[NodeId, Host] = {}
        self._known_as: dict[int, NodeId] = {}
        """The ID under which each host is held here: its node may have another one by now."""

    def __len__(self) -> int:
        return len(self._ids)

    def arrived(self, host: Host) -> None:
        if host.accepts_unsolicited:
            insort(self._ids, host.id)
            self._hosts[host.id] = host
            self._known_as[host.number] = host.id

    def left(self, host: Host) -> None:
        known_as = self._known_as.pop(host.number, None)
        if known_as is not None and self._hosts.pop(known_as, None) is not None:
            del self._ids[bisect_left(self._ids, known_as)]

    def changed_box(self, host: Host) -> None:
        """The box in front of the host forwards a port to it now, or does so no more."""
        if host.number not in self._known_as:
            self.arrived(host)
        elif not host.accepts_unsolicited:
            self.left(host)

    def changed_id(self, host: Host) -> None:
        """The node has derived a new ID from its new address."""
        if host.number in self._known_as:
            self.left(host)
            self.arrived(host)

    def closest(
        self,
        target: NodeId,
        count: int,
        *,
        besides: Host | None = None,
        settled_s: float = SETTLED_S,
    ) -> list[Host]:
        """The true ``count`` closest nodes that have been up for ``settled_s``, closest first,
        without the asker ``besides``.
        """
        up_since, hosts = self._world.now - settled_s, self._hosts
        wanted = max(4 * count, 32)
        while True:
            low, high = self._around(target, wanted)
            found = sorted((node_id ^ target, node_id) for node_id in self._ids[low:high])
            fit = [
                hosts[node_id]
                for _, node_id in found
                if hosts[node_id].up_since <= up_since and hosts[node_id] is not besides
            ]
            if len(fit) >= count or high - low == len(self._ids):
                return fit[:count]
            wanted *= 2

    def _around(self, target: NodeId, wanted: int) -> tuple[int, int]:
        """The index range of the IDs that share a prefix with the target, the longest that at least
        ``wanted`` IDs share. These IDs are closer to the target than all others.
        """
        ids, low, high = self._ids, 0, len(self._ids)
        for bit in range(ID_BITS):
            shift = ID_BITS - 1 - bit
            start = target >> shift << shift
            inner_low = bisect_left(ids, start, low, high)
            inner_high = bisect_left(ids, start + (1 << shift), inner_low, high)
            if inner_high - inner_low < wanted:
                break
            low, high = inner_low, inner_high
        return low, high

    def count_in(self, own_id: NodeId, index: int, at_most: int) -> int:
        """How many settled nodes belong into bucket ``index`` of a node with ``own_id``; counted up
        to ``at_most``.
        """
        shift = ID_BITS - 1 - index
        start = ((own_id >> shift) ^ 1) << shift
        up_since, count = self._world.now - SETTLED_S, 0
        for position in range(
            bisect_left(self._ids, start), bisect_left(self._ids, start + (1 << shift))
        ):
            count += self._hosts[self._ids[position]].up_since <= up_since
            if count >= at_most:
                break
        return count

    def at(self, endpoint: Endpoint) -> Host | None:
        """The host that is up at this endpoint, or None (also for a wrong port)."""
        return self._world.network.host_seen_at(endpoint)

    def strangers_reach(self, host: Host, endpoint: Endpoint) -> bool:
        """Whether a packet to this endpoint, from a host that ``host`` never sent to, reaches it
        now and is answered from there: the box in front of it is asked, and nothing changes there.
        """
        if not host.up:
            return False
        if host.nat is None:
            return endpoint == host.endpoint
        if isinstance(host.nat, RoutedNat) and not host.nat.answers_from(endpoint):
            return False
        return host.nat.lets_in(STRANGER, endpoint, self._world.now)

    def is_alive(self, contact: Contact) -> bool:
        host = self.at(contact.endpoint)
        return host is not None and host.id == contact.id

    def accepts_unsolicited(self, contact: Contact) -> bool:
        host = self.at(contact.endpoint)
        return host is not None and host.id == contact.id and host.accepts_unsolicited

    def share_alive(self, contacts: Iterable[Contact]) -> float:
        alive = [self.is_alive(contact) for contact in contacts]
        return sum(alive) / len(alive) if alive else 1.0
