"""An iterative lookup (Kademlia, section 2.3) as named peer states and three callbacks, each of
which says whom to query next.

It is continuous, not in rounds: each answer, stall or failure frees a slot that is filled at once
with the closest peer not yet asked. A query that exceeds its peer's expected round-trip time is
*stalled*: it frees its slot, while a late answer is still used. Stalled a second time, the peer no
longer counts among the k. The lookup is over when the k closest that count have answered.

Losses come in bursts, so two in a row are no proof of death: of the lookups that missed the closest
node of 1,000 at 1 % loss, each one had asked it twice and heard nothing. So a silent peer that
would be among the k is asked once more, at twice the pace, while others take its place; the end
waits for it.

The number of slots adapts: it grows by one with each answer that brought nothing into the k
closest, because all of those must be asked anyway and nothing more is to be learned about whom; it
falls back when answers get closer again, when it pays to wait and ask the better ones.

Of a search for peers, time is all that counts until the first is found, and completeness hardly
matters afterwards: the others that are asked name them too. So until then only those hold a slot
who are among the k closest that are known (`eager`): an answer that brings k closer ones frees all
slots, and nobody waits for a dead one of the hop before. Afterwards (`settle`) each is asked once
(decision 0013).

The attack: one operator floods the neighbourhood of the target with IDs from his own network. So
per /24 one answering node counts; the others wait as alternates, used only when nobody else is
left.

Another attack: IDs made up right beside the target, each nearer than any honest one. An ID that BEP
42 ties to its address cannot be put anywhere; so of those whose ID is not tied, at most five
eighths of the k count while there are others. (Half of them, where a fifth of the honest have such
IDs, cost half a per cent of recall.) In a network where most are not tied (old clients), the k are
filled with them after all.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Final

from ...config import LookupConfig
from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import ID_SPACE, NodeId
from ..addressing.bep42 import Bep42Check, anywhere


class State(Enum):
    HEARD = "heard"  # not asked yet
    ASKED = "asked"  # holds a slot
    STALLED = "stalled"  # sent once more; holds no slot, still counts
    SILENT = "silent"  # stalled again; no longer counts, unless it answers after all
    LAST_CHANCE = "last chance"  # silent, and asked anew, because it would be among the k; the end waits for it
    ANSWERED = "answered"
    FAILED = "failed"


STALLS_OF_A_QUERY: Final = 2
PENDING: Final = (State.ASKED, State.STALLED)
AWAITED: Final = (*PENDING, State.LAST_CHANCE)
COUNTED: Final = (State.HEARD, State.ASKED, State.STALLED, State.ANSWERED)


@dataclass(slots=True, eq=False)
class Peer:
    """One endpoint in one lookup. ``hops``: how many answers in a chain it took to reach it, its
    own included.
    """

    endpoint: Endpoint
    id: NodeId | None
    distance: int
    hops: int
    network: bytes
    host: bytes
    state: State = State.HEARD
    chances: int = 0
    """Stalls of the last query that the end still waits for."""
    bep42_valid: bool | None = None
    """Whether the ID follows from the address; found out when it matters."""

    def __init__(
        self,
        endpoint: Endpoint,
        id: NodeId | None,
        distance: int,
        hops: int,
        network: bytes,
        host: bytes,
    ) -> None:
        """Written out to be compiled: there is one for each contact in each answer."""
        self.endpoint = endpoint
        self.id = id
        self.distance = distance
        self.hops = hops
        self.network = network
        self.host = host
        self.state = State.HEARD
        self.chances = 0
        self.bep42_valid = None

    def __lt__(self, other: Peer) -> bool:
        return self.distance < other.distance


@dataclass(frozen=True, slots=True)
class LookupRules:
    """What a lookup needs to know of addresses: whose /24 and whose host an endpoint is;
    ``per_network``, how many answering nodes of one /24 count; ``bep42_valid``, whether an ID
    follows from its address; and ``is_free``, with which disjoint paths keep off each other's
    peers.
    """

    network: Callable[[Endpoint], bytes]
    host: Callable[[Endpoint], bytes]
    per_network: int
    bep42_valid: Bep42Check = anywhere
    is_free: Callable[[Endpoint], bool] = lambda endpoint: True


class ClosestLookup:
    __slots__ = (
        "_alpha",
        "_answered_networks",
        "_chances_left",
        "_config",
        "_eager",
        "_horizon",
        "_hosts_asked",
        "_max_bep42_invalid",
        "_own_id",
        "_peers",
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
        own_id: NodeId,
        config: LookupConfig,
        rules: LookupRules,
        k: int,
        *,
        eager: bool = False,
    ) -> None:
        """``eager``: until it is settled, only those who are among the k closest that are known
        hold a slot.
        """
        self.target = target
        self.k = k
        self.finished = False
        self.refused: dict[str, int] = {}
        self._own_id = own_id
        self._config = config
        self._rules = rules
        self._alpha = config.alpha
        self._eager = eager
        self._settled = False
        self._horizon = ID_SPACE  # the distance of the k-th closest that counts
        self._peers: dict[Endpoint, Peer] = {}
        self._sorted: list[Peer] = []  # by distance; peers whose ID is unknown come last
        self._slots_used = 0
        self._chances_left = config.silent_retries
        self._max_bep42_invalid = max(1, k - -(-3 * k // 8))
        self._hosts_asked: set[bytes] = set()
        self._answered_networks: dict[bytes, int] = {}
        self.answered_count = 0

    # --- the three callbacks, and the start -------------------------------------------------------

    def start(self, contacts: Iterable[Contact], endpoints: Iterable[Endpoint] = ()) -> list[Peer]:
        """From contacts of the own table, and from endpoints whose ID nobody has told us
        (bootstrap).
        """
        for endpoint in endpoints:
            self._learn(endpoint, None, 1)
        for contact in contacts:
            self._learn(contact.endpoint, contact.id, 1)
        return self._next()

    def answered(
        self, endpoint: Endpoint, sender: NodeId, contacts: Iterable[Contact]
    ) -> list[Peer]:
        """``sender`` is the ID in the answer: another than expected refutes the hearsay, not the
        node.
        """
        peer = self._peers.get(endpoint)
        if peer is None or peer.state is State.ANSWERED:
            return []
        if sender == self._own_id:
            return self.failed(endpoint)
        self._release(peer)
        if sender != peer.id:
            self._sorted.remove(peer)
            peer.id, peer.distance, peer.bep42_valid = sender, sender ^ self.target, None
            insort(self._sorted, peer)
        peer.state = State.ANSWERED
        self._count_answer(peer)
        nearest = sorted(contacts, key=lambda contact: contact.id ^ self.target)
        if len(nearest) > self._config.contacts_per_answer:
            self._refuse("answer-too-long", len(nearest) - self._config.contacts_per_answer)
        for contact in nearest[: self._config.contacts_per_answer]:
            self._learn(contact.endpoint, contact.id, peer.hops + 1)
        return self._next(adapt=True)

    def stalled(self, endpoint: Endpoint) -> list[Peer]:
        peer = self._peers.get(endpoint)
        if peer is None or peer.state not in AWAITED:
            return []
        if peer.state is State.ASKED:
            self._slots_used -= 1
            peer.state = State.STALLED
        elif peer.state is State.STALLED:
            self._hosts_asked.discard(peer.host)
            peer.state = State.SILENT
            return [*self._last_chance(peer), *self._next()]
        else:
            peer.chances -= 1
            if not peer.chances:
                self._hosts_asked.discard(peer.host)
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
        """Takes over what another lookup of the same target has learned; where both know a peer,
        whatever is more than hearsay.
        """
        for peer in other._sorted:
            mine = self._peers.get(peer.endpoint)
            if mine is not None and (mine.state is not State.HEARD or peer.state is State.HEARD):
                continue
            if mine is not None:
                self._sorted.remove(mine)
            self._peers[peer.endpoint] = peer
            insort(self._sorted, peer)
            self._slots_used += peer.state is State.ASKED
            if peer.state in AWAITED:
                self._hosts_asked.add(peer.host)
            if peer.state is State.ANSWERED:
                self._count_answer(peer)

    def settle(self) -> None:
        """What it was for is found: the rest is asked without haste, and nobody once more."""
        self._eager, self._settled = False, True
        self._slots_used = sum(peer.state is State.ASKED for peer in self._sorted)
        self._alpha, self._chances_left = self._config.alpha, 0

    def resume(self) -> list[Peer]:
        return self._next()

    # --- what it found ----------------------------------------------------------------------------

    def closest(self) -> list[Peer]:
        """The k closest that answered, closest first, at most ``per_network`` of one /24 unless
        there are too few others.
        """
        answered = sorted(
            islice((peer for peer in self._counting() if peer.state is State.ANSWERED), self.k)
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

    @property
    def known_count(self) -> int:
        return len(self._peers)

    # --- whom to ask next -------------------------------------------------------------------------

    def _next(self, *, adapt: bool = False) -> list[Peer]:
        """Fills the free slots, and notes when all is done. What comes after that is still noted,
        for whoever absorbs this lookup.
        """
        if self.finished:
            return []
        front = self._front()
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
            self._slots_used = sum(peer.state is State.ASKED for peer in front)
        asked = self._fill(front)
        stalled = sum(peer.state is State.STALLED for peer in front)
        if stalled and not self._settled:
            # Each of them may be dead, and the next in line then has to answer instead: it is asked
            # now, not when the silence is certain.
            asked += self._fill(islice(self._counting(), self.k, self.k + stalled))
        if (
            asked
            or any(peer.state is not State.ANSWERED for peer in front)
            or self._awaits_within(horizon)
        ):
            return asked
        # Everything that counts has answered. With fewer than k of those, alternates and then the
        # silent ones are all that is left.
        if self.answered_count < self.k:
            alternates = [
                peer
                for peer in self._sorted
                if peer.state is State.HEARD and self._rules.is_free(peer.endpoint)
            ]
            asked = self._fill(alternates)
            if asked or any(peer.state in PENDING for peer in self._sorted):
                return asked
        waits_for_silent = not self.answered_count and any(
            peer.state is State.SILENT for peer in self._sorted
        )
        self.finished = not waits_for_silent
        return []

    def _last_chance(self, peer: Peer) -> list[Peer]:
        """The peer, to be asked anew, if it would be among the k; of so many silent ones that the
        network must have changed, only a few.
        """
        if peer.id is None or peer.distance > self._horizon or not self._chances_left:
            return []
        self._chances_left -= 1
        peer.state, peer.chances = State.LAST_CHANCE, STALLS_OF_A_QUERY
        self._hosts_asked.add(peer.host)
        return [peer]

    def _awaits_within(self, horizon: int) -> bool:
        for peer in self._sorted:
            if peer.distance > horizon:
                return False
            if peer.state is State.LAST_CHANCE:
                return True
        return False

    def _fill(self, peers: Iterable[Peer]) -> list[Peer]:
        asked: list[Peer] = []
        for peer in peers:
            if self._slots_used >= self._alpha:
                break
            if peer.state is State.HEARD and peer.host not in self._hosts_asked:
                peer.state = State.ASKED
                self._slots_used += 1
                self._hosts_asked.add(peer.host)
                asked.append(peer)
        return asked

    def _front(self) -> list[Peer]:
        """The k closest that count; until k have answered, preceded by peers of unknown ID: nobody
        knows how close those are.
        """
        closest = list(islice(self._counting(), self.k))
        if self.answered_count >= self.k:
            return closest
        return [
            *(
                peer
                for peer in self._peers_of_unknown_id()
                if peer.state in COUNTED and self._rules.is_free(peer.endpoint)
            ),
            *closest,
        ]

    def _peers_of_unknown_id(self) -> Iterator[Peer]:
        for peer in reversed(self._sorted):
            if peer.id is not None:
                return
            yield peer

    def _counting(self) -> Iterator[Peer]:
        """Those that count among the k, closest first: not failed, not silent, and no alternate. Of
        those whose ID is not tied to their address, the ones beyond their share come after all
        others.
        """
        per_network, passed = self._rules.per_network, dict[bytes, int]()
        bep42_invalid, put_off = 0, list[Peer]()
        for peer in self._sorted:
            if peer.id is None or peer.state not in COUNTED:
                continue
            if peer.state is State.ANSWERED:
                passed[peer.network] = passed.get(peer.network, 0) + 1
                if passed[peer.network] > per_network:
                    continue
            elif peer.state is State.HEARD and (
                self._answered_networks.get(peer.network, 0) >= per_network
                or not self._rules.is_free(peer.endpoint)
            ):
                continue
            if not (peer.bep42_valid if peer.bep42_valid is not None else self._find_out(peer)):
                bep42_invalid += 1
                if bep42_invalid > self._max_bep42_invalid:
                    put_off.append(peer)
                    continue
            yield peer
        yield from put_off

    def _find_out(self, peer: Peer) -> bool:
        peer.bep42_valid = peer.id is not None and self._rules.bep42_valid(peer.id, peer.endpoint)
        return peer.bep42_valid

    def _learn(self, endpoint: Endpoint, node_id: NodeId | None, hops: int) -> None:
        if endpoint in self._peers or node_id == self._own_id:
            return
        distance = ID_SPACE if node_id is None else node_id ^ self.target
        peer = Peer(
            endpoint,
            node_id,
            distance,
            hops,
            self._rules.network(endpoint),
            self._rules.host(endpoint),
        )
        self._peers[endpoint] = peer
        insort(self._sorted, peer)
        if len(self._sorted) > self._config.max_known:
            self._forget_farthest()

    def _forget_farthest(self) -> None:
        for index in range(len(self._sorted) - 1, -1, -1):
            if self._sorted[index].state is State.HEARD:
                del self._peers[self._sorted.pop(index).endpoint]
                self._refuse("too-many-known")
                return

    def _count_answer(self, peer: Peer) -> None:
        self.answered_count += 1
        self._answered_networks[peer.network] = self._answered_networks.get(peer.network, 0) + 1

    def _release(self, peer: Peer) -> None:
        if peer.state is State.ASKED:
            self._slots_used -= 1
        if peer.state in AWAITED:
            self._hosts_asked.discard(peer.host)

    def _refuse(self, reason: str, times: int = 1) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + times
