"""A lookup for more nodes than one answer names: several plain lookups around one target.

A node answers with the k contacts of its table that are closest to the target, and all nodes near
the target name the same k. A plain lookup of more is therefore right for the first k only; of the
nodes beyond, it finds those that some table happens to name. What it lacks is looked up: a lookup
of a point in a part of the ID space finds the k nodes that are closest to that point, and if one of
them lies outside of the part, it has found all that are inside.

The parts are subtrees of the ID space, in the order of their distance from the target. After a
lookup that found k nodes inside one part, the part is split at the farthest of them: the nodes that
share more bits with the point than that one are all known. In a network of random IDs a lookup of k
= 100 takes some 24 of them, 2 queries a node.

Attack: 8 nodes with IDs beside the target make the parts next to it tiny and empty, and each would
be looked up. Defence: the number of lookups is bounded (`max_lookups`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import nsmallest
from typing import Final

from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import ID_BITS, NodeId, shared_prefix_bits
from .operation import LookupLike
from .peer import Peer, State

SEEDS_PER_K: Final = 2
"""A lookup starts from so many times k contacts."""
DEAD_AFTER_STALLS: Final = 2


def max_lookups(k: int) -> int:
    """Twice as many as a lookup for ``k`` nodes takes, and some more."""
    return 8 + k // 2


class WideLookup:
    """Has the interface of one `ClosestLookup`. ``query_target`` is the point that is looked up
    now.
    """

    def __init__(
        self,
        target: NodeId,
        k: int,
        lookup_k: int,
        make: Callable[[NodeId], LookupLike],
        known: Callable[[], Iterable[Contact]],
    ) -> None:
        """``k``: how many nodes are wanted; ``make`` gives a lookup for ``lookup_k`` nodes;
        ``known``: the contacts that have answered this node.
        """
        self.target = target
        self.k = k
        self.finished = False
        self.refused: dict[str, int] = {}
        self._lookup_k = lookup_k
        self._make = make
        self._known = known
        self._lookups_left = max_lookups(k)
        self._parts: list[tuple[int, NodeId]] = []
        """Not looked up yet, the closest last: how many bits its IDs share, and its closest ID."""
        self._part = (0, target)
        self._step = make(target)
        self._found: dict[Endpoint, Peer] = {}
        """All that a lookup has returned."""
        self._answered: set[Endpoint] = set()
        self._heard: dict[Endpoint, tuple[NodeId, int]] = {}
        """The ID and the number of hops of each contact in an answer."""
        self._stalls: dict[Endpoint, int] = {}
        self._region: list[Peer] = []
        self._is_suspicious = False
        self._dead: set[Endpoint] = set()
        """Those that were silent, or answered with an error, in a lookup that has ended."""

    @property
    def query_target(self) -> NodeId:
        return self._step.target

    @property
    def answered_count(self) -> int:
        return len(self._answered)

    def start(self, contacts: Iterable[Contact], endpoints: Iterable[Endpoint] = ()) -> list[Peer]:
        return self._go_on(self._step.start(contacts, endpoints))

    def answered(
        self, endpoint: Endpoint, sender: NodeId, contacts: Iterable[Contact]
    ) -> list[Peer]:
        hops = self._hops(endpoint) + 1
        contacts = list(contacts)
        for contact in contacts:
            self._heard.setdefault(contact.endpoint, (contact.id, hops))
        self._answered.add(endpoint)
        self._stalls.pop(endpoint, None)
        self._dead.discard(endpoint)
        living = [contact for contact in contacts if contact.endpoint not in self._dead]
        return self._go_on(self._step.answered(endpoint, sender, living))

    def stalled(self, endpoint: Endpoint) -> list[Peer]:
        self._stalls[endpoint] = self._stalls.get(endpoint, 0) + 1
        return self._go_on(self._step.stalled(endpoint))

    def failed(self, endpoint: Endpoint) -> list[Peer]:
        self._stalls[endpoint] = DEAD_AFTER_STALLS
        return self._go_on(self._step.failed(endpoint))

    def settle(self) -> None:
        self._step.settle()

    def closest(self) -> list[Peer]:
        """The k closest peers that answered, closest first."""
        found = dict(self._found)
        if not self.finished:
            found.update((peer.endpoint, self._copy(peer)) for peer in self._step.closest())
        return sorted(found.values())[: self.k]

    def region(self) -> list[Peer]:
        """Of the lookup of the target itself, the first one."""
        chosen = {peer.endpoint for peer in self.closest()}
        region = self._region or self._step.region()
        return [peer for peer in region if peer.endpoint not in chosen]

    @property
    def suspicious(self) -> bool:
        return bool(self._is_suspicious or self._step.suspicious)

    # --- from one lookup to the next --------------------------------------------------------------

    def _go_on(self, queried: list[Peer]) -> list[Peer]:
        while self._step.finished and not self.finished:
            self._end_step()
            if self._is_enough():
                self.finished = True
                return []
            self._part = self._parts.pop()
            self._step = self._make(self._part[1])
            queried = self._step.start(self._seeds(self._part[1]))
        return queried

    def _end_step(self) -> None:
        for reason, times in self._step.refused.items():
            self.refused[reason] = self.refused.get(reason, 0) + times
        self._dead.update(
            endpoint for endpoint, times in self._stalls.items() if times >= DEAD_AFTER_STALLS
        )
        self._stalls.clear()
        if self._step.suspicious:
            self._is_suspicious = True
            self._region = [self._copy(peer) for peer in self._step.region()]
        closest = self._step.closest()
        for peer in closest:
            self._found[peer.endpoint] = self._copy(peer)
        bits, point = self._part
        shared = min((shared_prefix_bits(_id(peer), point) for peer in closest), default=0)
        if len(closest) < self._lookup_k or shared < bits:
            return  # all nodes of that part are known
        # All 160 bits are shared where k nodes bear the very ID that is looked up.
        last = min(shared, ID_BITS - 1)
        self._parts += [(bit + 1, point ^ 1 << ID_BITS - 1 - bit) for bit in range(bits, last + 1)]

    def _is_enough(self) -> bool:
        """Whether the k closest are known: no part that is left holds a closer one."""
        self._lookups_left -= 1
        if not self._parts or not self._lookups_left:
            return True
        horizon = self._parts[-1][1] ^ self.target
        return sum(peer.distance < horizon for peer in self._found.values()) >= self.k

    def _seeds(self, point: NodeId) -> list[Contact]:
        contacts = {contact.endpoint: contact for contact in self._known()}
        for endpoint, (node_id, _) in self._heard.items():
            contacts[endpoint] = Contact(node_id, endpoint)
        for endpoint, peer in self._found.items():
            contacts[endpoint] = Contact(_id(peer), endpoint)
        living = (each for each in contacts.values() if each.endpoint not in self._dead)
        count = SEEDS_PER_K * self._lookup_k
        return nsmallest(count, living, key=lambda contact: contact.id ^ point)

    def _copy(self, peer: Peer) -> Peer:
        """The same peer, with its distance from the target of all."""
        node_id = _id(peer)
        copy = Peer(
            peer.endpoint,
            node_id,
            node_id ^ self.target,
            self._hops(peer.endpoint) - 1 + peer.hops,
            peer.subnet,
            peer.host,
        )
        copy.state = State.ANSWERED
        return copy

    def _hops(self, endpoint: Endpoint) -> int:
        """How many answers led to it, before the lookup that runs now."""
        heard = self._heard.get(endpoint)
        return 1 if heard is None else heard[1]


def _id(peer: Peer) -> NodeId:
    assert peer.id is not None  # it answered
    return peer.id
