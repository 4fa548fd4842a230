"""An iterative lookup (Kademlia, section 2.3): peers in named states, and three callbacks that each
return the peers to query next.

The lookup is continuous and has no rounds: each answer, stall or failure frees a slot, which is
filled at once with the closest peer not queried yet. A query that takes longer than the expected
round-trip time *stalls*: it frees its slot, and a late answer is still used. A peer that stalls
twice no longer counts among the k. The lookup ends when the k closest peers that count have
answered.

Retries: losses come in bursts, so two losses in a row do not prove that a peer is dead. Of the
lookups that missed the closest node of 1,000 at 1 % loss, each had queried that node twice without
an answer. A silent peer that would be among the k is therefore queried once more, at twice the
pace, while other peers take its place; the end of the lookup waits for it.

Slots: their number grows by one with each answer that brings nothing into the k closest, because
all of those must be queried anyway. It falls back when answers get closer again, because waiting
for better peers then pays.

Lookups for peers (`eager`): until the first peer is found only the time counts, so only peers among
the k closest known hold a slot. An answer that brings k closer ones frees all slots, and the lookup
does not wait for a dead peer of the hop before. Afterwards (`settle`) completeness hardly matters,
and each peer is queried once (decision 0013).

Which of the peers count among the k is decided in `counting.py`; what a lookup does that found
improbably many of them, in `region.py`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from ...config import LookupConfig
from ...contacts import Contact
from ...endpoints import IPV6_ENDPOINT_BYTES, Endpoint
from ...ids import ID_SPACE, NodeId
from .counting import CountingPeers
from .peer import AWAITED, COUNTED, PENDING, UNHEARD, LookupRules, Peer, State
from .region import NO_REGION, RegionRule

STALLS_OF_A_QUERY: Final = 2


class ClosestLookup:
    __slots__ = (
        "_alpha",
        "_config",
        "_counting",
        "_eager",
        "_horizon",
        "_hosts_queried",
        "_own_ids",
        "_peers",
        "_region",
        "_retries_left",
        "_rules",
        "_settled",
        "_slots_used",
        "_sorted",
        "answered_count",
        "finished",
        "k",
        "refused",
        "target",
    )

    def __init__(
        self,
        target: NodeId,
        own_ids: Container[NodeId],
        config: LookupConfig,
        rules: LookupRules,
        k: int,
        *,
        eager: bool = False,
        least_distances: Sequence[int] = (),
        known: Callable[[], Iterable[Contact]] = tuple,
        region: RegionRule = NO_REGION,
    ) -> None:
        """``own_ids``: of this node, also while the lookup runs. ``eager``: until the lookup is
        settled, only peers among the k closest known ones hold a slot. ``least_distances``: of the
        closest valid ID, of the second closest, and so on. ``known``: the contacts that have
        answered this node.
        """
        self.target = target
        self.k = k
        self.finished = False
        self.refused: dict[str, int] = {}
        self._own_ids = own_ids
        self._config = config
        self._rules = rules
        self._alpha = config.alpha
        self._eager = eager
        self._settled = False
        self._horizon = ID_SPACE  # the distance of the k-th closest that counts
        self._peers: dict[Endpoint, Peer] = {}
        self._sorted: list[Peer] = []  # by distance; peers whose ID is unknown come last
        self._slots_used = 0
        self._retries_left = config.silent_retries
        self._hosts_queried: set[bytes] = set()
        self._counting = CountingPeers(rules, k, least_distances, known)
        self._region = region
        self.answered_count = 0

    # --- the start and the three callbacks -------------------------------------------------------

    def start(self, contacts: Iterable[Contact], endpoints: Iterable[Endpoint] = ()) -> list[Peer]:
        """Begins with contacts, and with endpoints whose ID is unknown (bootstrap nodes)."""
        for endpoint in endpoints:
            self._learn(endpoint, None, 1)
        for contact in contacts:
            self._learn(contact.endpoint, contact.id, 1)
        return self._next()

    def answered(
        self, endpoint: Endpoint, sender: NodeId, contacts: Iterable[Contact]
    ) -> list[Peer]:
        """``sender`` is the ID in the answer. If it is not the expected one, the report of the
        third party was wrong; the node itself is kept under its true ID.
        """
        peer = self._peers.get(endpoint)
        if peer is None or peer.state is State.ANSWERED:
            return []
        if sender in self._own_ids:
            return self.failed(endpoint)
        self._release(peer)
        if sender != peer.id:
            self._sorted.remove(peer)
            peer.id = sender
            peer.distance = sender ^ self.target
            peer.bep42_valid = None
            insort(self._sorted, peer)
        if len(endpoint) == IPV6_ENDPOINT_BYTES:
            peer.bep42_valid = None  # its /48 may have had all its places
        peer.state = State.ANSWERED
        self._rules.tellers.answered(endpoint)
        self._count_answer(peer)
        nearest = sorted(contacts, key=lambda contact: contact.id ^ self.target)
        if len(nearest) > self._config.contacts_per_answer:
            self._refuse("answer-too-long", len(nearest) - self._config.contacts_per_answer)
        for contact in nearest[: self._config.contacts_per_answer]:
            self._learn(contact.endpoint, contact.id, peer.hops + 1)
            self._rules.tellers.named(contact.endpoint, endpoint)
        return self._next(adapt=True)

    def stalled(self, endpoint: Endpoint) -> list[Peer]:
        peer = self._peers.get(endpoint)
        if peer is None or peer.state not in AWAITED:
            return []
        if peer.state is State.QUERIED:
            self._slots_used -= 1
            peer.state = State.STALLED
            self._rules.tellers.silent(endpoint)
        elif peer.state is State.STALLED:
            self._hosts_queried.discard(peer.host)
            peer.state = State.SILENT
            return [*self._retry(peer), *self._next()]
        else:
            peer.stalls_left -= 1
            if not peer.stalls_left:
                self._hosts_queried.discard(peer.host)
                peer.state = State.SILENT
        return self._next()

    def failed(self, endpoint: Endpoint) -> list[Peer]:
        peer = self._peers.get(endpoint)
        if peer is None or peer.state in (State.ANSWERED, State.FAILED):
            return []
        self._release(peer)
        peer.state = State.FAILED
        return self._next()

    def absorb(self, other: ClosestLookup) -> None:
        """Takes over what another lookup of the same target has learned. Where both know a peer,
        the state of the one that has queried it wins.
        """
        for peer in other.known_peers():
            mine = self._peers.get(peer.endpoint)
            if mine is not None and (mine.state is not State.KNOWN or peer.state is State.KNOWN):
                continue
            if mine is not None:
                self._sorted.remove(mine)
            self._peers[peer.endpoint] = peer
            insort(self._sorted, peer)
            self._slots_used += peer.state is State.QUERIED
            if peer.state in AWAITED:
                self._hosts_queried.add(peer.host)
            if peer.state is State.ANSWERED:
                self._count_answer(peer)

    @property
    def query_target(self) -> NodeId:
        return self.target

    def settle(self) -> None:
        """The lookup has found what it is for: the other peers are queried at the usual pace, and
        silent ones are not retried.
        """
        self._eager = False
        self._settled = True
        self._slots_used = sum(peer.state is State.QUERIED for peer in self._sorted)
        self._alpha = self._config.alpha
        self._retries_left = 0

    def resume(self) -> list[Peer]:
        return self._next()

    # --- what it found ----------------------------------------------------------------------------

    def closest(self) -> list[Peer]:
        """The k closest peers that answered, closest first; at most ``per_subnet`` of one /24
        unless there are too few others.
        """
        answered = sorted(
            islice(
                (
                    peer
                    for peer in self._counting.peers(self._sorted)
                    if peer.state is State.ANSWERED
                ),
                self.k,
            )
        )
        if len(answered) < self.k:
            chosen = set(map(id, answered))
            alternates = [
                peer
                for peer in self._sorted
                if peer.state is State.ANSWERED and id(peer) not in chosen
            ]
            answered = sorted(answered + alternates[: self.k - len(answered)])
        return answered

    def region(self) -> list[Peer]:
        """Further peers that answered in the region of the target, of a suspicious lookup."""
        return self._region.also(self._sorted, self.closest())

    @property
    def suspicious(self) -> bool:
        return self._region.suspicious

    def known_peers(self) -> list[Peer]:
        """All peers of the lookup, closest first; to be read only."""
        return self._sorted

    @property
    def known_count(self) -> int:
        return len(self._peers)

    # --- which peers to query next ----------------------------------------------------------------

    def _next(self, *, adapt: bool = False) -> list[Peer]:
        """Fills the free slots, and notes when the lookup has finished. Answers that come later are
        still noted, for a lookup that absorbs this one.
        """
        if self.finished:
            return []
        netgroups = self._counting.netgroups
        netgroups.passed_over = False
        front = self._front()
        passed_over = netgroups.passed_over
        horizon = max(peer.distance for peer in front) if len(front) >= self.k else ID_SPACE
        if adapt:
            progress = horizon < self._horizon
            self._alpha = (
                max(self._config.alpha, self._alpha - 1)
                if progress
                else min(self._config.max_alpha, self._alpha + 1)
            )
        self._horizon = horizon
        if self._eager:
            self._slots_used = sum(peer.state is State.QUERIED for peer in front)
        queried = self._fill(front)
        stalled = sum(peer.state is State.STALLED for peer in front)
        if stalled and not self._settled:
            # Each of them may be dead, and the next peer in line then has to answer instead: it is
            # queried now, and not when the silence is certain.
            queried += self._fill(
                islice(self._counting.peers(self._sorted), self.k, self.k + stalled)
            )
        if (
            queried
            or any(peer.state is not State.ANSWERED for peer in front)
            or self._awaits_within(horizon)
        ):
            return queried
        # All peers that count have answered. If they are fewer than k, alternates are left, and
        # then the silent ones.
        if passed_over:
            further = netgroups.widen(self.target, self.k, len(front))
            if further is not None:
                for contact in further:
                    self._learn(contact.endpoint, contact.id, 1)
                return self._next()
        if self.answered_count < self.k:
            alternates = [
                peer
                for peer in self._sorted
                if peer.state is State.KNOWN and self._rules.is_free(peer.endpoint)
            ]
            queried = self._fill(alternates)
            if queried or any(peer.state in PENDING for peer in self._sorted):
                return queried
        if self.answered_count >= self.k:
            credible = self._credible()
            if self._region.look(credible):
                self._counting.beside = self._region.beside
                return self._next()
            asked = sum(peer.state is not State.KNOWN for peer in self._sorted)
            queried = self._fill(self._region.to_ask(credible, asked))
            if queried or self._region.awaits(credible):
                return queried
        waits_for_silent = not self.answered_count and any(
            peer.state is State.SILENT for peer in self._sorted
        )
        self.finished = not waits_for_silent
        return []

    def _credible(self) -> list[Peer]:
        """All peers but those that doubted nodes alone have named."""
        tellers = self._rules.tellers
        if not tellers.any_doubted:
            return self._sorted
        return [
            peer
            for peer in self._sorted
            if peer.state not in UNHEARD or not tellers.is_doubtful(peer.endpoint)
        ]

    def _retry(self, peer: Peer) -> list[Peer]:
        """The peer, to be queried anew, if it would be among the k. Only a few peers of one lookup
        are retried: where many are silent, the network has changed.
        """
        if peer.id is None or peer.distance > self._horizon or not self._retries_left:
            return []
        if self._rules.tellers.is_doubtful(peer.endpoint):
            return []
        self._retries_left -= 1
        peer.state = State.RETRIED
        peer.stalls_left = STALLS_OF_A_QUERY
        self._hosts_queried.add(peer.host)
        return [peer]

    def _awaits_within(self, horizon: int) -> bool:
        for peer in self._sorted:
            if peer.distance > horizon:
                return False
            if peer.state is State.RETRIED:
                return True
        return False

    def _fill(self, peers: Iterable[Peer]) -> list[Peer]:
        queried: list[Peer] = []
        for peer in peers:
            if self._slots_used >= self._alpha:
                break
            if peer.state is State.KNOWN and peer.host not in self._hosts_queried:
                peer.state = State.QUERIED
                self._slots_used += 1
                self._hosts_queried.add(peer.host)
                queried.append(peer)
        return queried

    def _front(self) -> list[Peer]:
        """The k closest peers that count. Until k have answered, peers of unknown ID stand before
        them, because their distance is unknown.
        """
        closest = list(islice(self._counting.peers(self._sorted), self.k))
        if self.answered_count >= self.k:
            return closest
        unknown = [
            peer
            for peer in self._peers_of_unknown_id()
            if peer.state in COUNTED and self._rules.is_free(peer.endpoint)
        ]
        return unknown + closest

    def _peers_of_unknown_id(self) -> Iterator[Peer]:
        for peer in reversed(self._sorted):
            if peer.id is not None:
                return
            yield peer

    def _learn(self, endpoint: Endpoint, node_id: NodeId | None, hops: int) -> None:
        if node_id in self._own_ids:
            return
        if (known := self._peers.get(endpoint)) is not None:
            if known.id is None and node_id is not None:
                self._identify(known, node_id)
            return
        distance = ID_SPACE if node_id is None else node_id ^ self.target
        peer = Peer(
            endpoint,
            node_id,
            distance,
            hops,
            self._rules.subnet(endpoint),
            self._rules.host(endpoint),
        )
        self._peers[endpoint] = peer
        insort(self._sorted, peer)
        if len(self._sorted) > self._config.max_known:
            self._forget_farthest()

    def _identify(self, peer: Peer, node_id: NodeId) -> None:
        """A peer of unknown ID was named by another: from now on it counts by its distance, so that
        the lookup waits for it if it is among the k closest, and not otherwise.
        """
        self._sorted.remove(peer)
        peer.id = node_id
        peer.distance = node_id ^ self.target
        insort(self._sorted, peer)

    def _forget_farthest(self) -> None:
        for index in range(len(self._sorted) - 1, -1, -1):
            if self._sorted[index].state is State.KNOWN:
                del self._peers[self._sorted.pop(index).endpoint]
                self._refuse("too-many-known")
                return

    def _count_answer(self, peer: Peer) -> None:
        self.answered_count += 1
        self._counting.answered(peer)

    def _release(self, peer: Peer) -> None:
        if peer.state is State.QUERIED:
            self._slots_used -= 1
        if peer.state in AWAITED:
            self._hosts_queried.discard(peer.host)

    def _refuse(self, reason: str, times: int = 1) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + times
