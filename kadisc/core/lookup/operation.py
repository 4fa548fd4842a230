"""A running lookup: the owner of its queries, from the first one to the event that ends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ...config import LookupConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...ids import ID_SPACE, NodeId
from ...wire.messages import Error, FindNode, Get, GetPeers, Reply
from ..contract import purposes
from ..contract.counters import Counters
from ..contract.events import (
    FoundNode,
    LookupFinished,
    LookupKind,
    LookupResult,
    NodeAnswered,
    OperationId,
    Outcome,
    PeersFound,
    SuspiciousLookup,
)
from ..contract.queries import (
    NO_COMMANDS,
    Command,
    Commands,
    PendingQuery,
    QueryFailure,
    SendQuery,
)
from ..contract.query_group import QueryGroup
from .item_collector import ItemCollector
from .network_size import NetworkSize
from .peer import Peer, State


class LookupLike(Protocol):
    """`ClosestLookup`, `DisjointLookup` or `WideLookup`. ``query_target``: what the next find_node
    queries ask for; only a `WideLookup` asks for other IDs than ``target``.
    """

    target: NodeId
    k: int

    @property
    def query_target(self) -> NodeId: ...

    @property
    def answered_count(self) -> int: ...

    @property
    def finished(self) -> bool: ...

    @property
    def refused(self) -> dict[str, int]: ...

    def start(
        self, contacts: Iterable[Contact], endpoints: Iterable[Endpoint] = ()
    ) -> list[Peer]: ...

    def answered(
        self, endpoint: Endpoint, sender: NodeId, contacts: Iterable[Contact]
    ) -> list[Peer]: ...

    def stalled(self, endpoint: Endpoint) -> list[Peer]: ...

    def failed(self, endpoint: Endpoint) -> list[Peer]: ...

    def closest(self) -> list[Peer]: ...

    def region(self) -> list[Peer]: ...

    @property
    def suspicious(self) -> bool: ...

    def settle(self) -> None: ...


class StopRule(Protocol):
    """Tells after each answer whether the lookup has reached its purpose."""

    def is_enough(self) -> bool: ...


class PeersListener(Protocol):
    """Is told of the peers that an answer names."""

    def __call__(self, peers: Sequence[Endpoint], now: float) -> None: ...


class Continuation(Protocol):
    """What follows a lookup."""

    def lookup_ended(self, outcome: Outcome, result: LookupResult, now: float) -> Commands:
        """Called once, when the lookup ends; returns the commands that follow."""
        ...


ALL_PEERS: Final = 1 << 16
"""More peers than a datagram can name."""


@dataclass(frozen=True, slots=True)
class LookupOptions:
    """``announces_answers``: whether each answer is an event, for a caller that streams.
    ``answers_of``: the operation that these events name, where it is not the lookup itself.
    ``first_value``: whether the first peers found end the lookup. ``for_peers``: the peers are
    wanted and not the closest nodes, so silent nodes are not retried once a node has named peers.
    ``salt``: of a mutable item. ``is_for_table``: the lookup waits for those of callers.
    ``peers_per_answer``: how many peers of one answer count, those that it names first.
    ``purpose``: what its queries are counted as.
    """

    operation: OperationId
    kind: LookupKind
    family: Family
    announces_answers: bool = True
    first_value: bool = False
    for_peers: bool = False
    salt: bytes = b""
    is_for_table: bool = False
    peers_per_answer: int = ALL_PEERS
    answers_of: OperationId | None = None
    purpose: str = purposes.CALLER


class LookupOperation:
    """Translates between a `ClosestLookup`, which knows endpoints and distances, and messages,
    which carry tokens and peers as well.
    """

    __slots__ = (
        "_answers",
        "_collector",
        "_config",
        "_counters",
        "_listener",
        "_lookup",
        "_own_id",
        "_peers",
        "_size",
        "_stop",
        "_then",
        "finished",
        "group",
        "options",
        "started_at",
    )

    def __init__(
        self,
        lookup: LookupLike,
        options: LookupOptions,
        own_id: NodeId,
        config: LookupConfig,
        now: float,
        *,
        collector: ItemCollector | None = None,
        stop: StopRule | None = None,
        then: Continuation | None = None,
        size: NetworkSize | None = None,
        listener: PeersListener | None = None,
        counters: Counters | None = None,
    ) -> None:
        """``collector`` takes the items of the answers; ``stop`` may end the lookup before the k
        closest nodes have answered; ``then`` is told when it has ended; ``size`` learns from it;
        ``listener`` is told of peers as answers name them; ``counters`` count it.
        """
        self.options = options
        self.finished = False
        self.group = QueryGroup()
        self._collector = collector
        self._stop = stop
        self._then = then
        self._size = size
        self._listener = listener
        self._counters = counters
        self._lookup = lookup
        self._own_id = own_id
        self._config = config
        self.started_at = now
        self._answers: dict[Endpoint, tuple[float | None, bytes | None, bytes | None]] = {}
        self._peers: dict[Endpoint, None] = {}

    @property
    def target(self) -> NodeId:
        return self._lookup.target

    @property
    def queries(self) -> int:
        """Datagrams sent, retransmissions included."""
        return self.group.queries

    @property
    def owners(self) -> tuple[object, ...]:
        return (self,)

    @property
    def answered_count(self) -> int:
        return self._lookup.answered_count

    def start(
        self, contacts: Sequence[Contact], endpoints: Sequence[Endpoint], now: float
    ) -> Commands:
        return self._go_on(self._lookup.start(contacts, endpoints), now)

    # --- as an owner of queries -------------------------------------------------------------------

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        if self.finished:
            if self._collector is not None and reply.held is not None:
                self._collector.take(reply.held)  # a put that follows still looks at it
            return NO_COMMANDS
        endpoint = pending.endpoint
        self._answers[endpoint] = (pending.rtt_s(now), reply.version, reply.token)
        if reply.values and self.options.for_peers and self.group.retransmit:
            self.group.retransmit = False  # what it is for has been found
            self._lookup.settle()
        asked = self._lookup.answered(endpoint, reply.sender, pending.contacts)
        commands: list[Command] = []
        if self.options.announces_answers and reply.sender != self._own_id:
            rtt_s, client, token = self._answers[endpoint]
            commands.append(
                NodeAnswered(
                    self.options.answers_of or self.options.operation,
                    FoundNode(Contact(reply.sender, endpoint), rtt_s, client, token, 0),
                )
            )
        if self.options.kind is LookupKind.GET_PEERS and reply.values:
            commands += self._found(reply.values, now)
            if self.options.first_value:
                return [*commands, *self.end(Outcome.DONE, now)]
        if self._collector is not None and reply.held is not None:
            self._collector.take(reply.held)
        if self._stop is not None and self._stop.is_enough():
            return [*commands, *self.end(Outcome.DONE, now)]
        return [*commands, *self._go_on(asked, now)]

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        if self.finished:
            return NO_COMMANDS
        return self._go_on(self._lookup.stalled(pending.endpoint), now)

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        if self.finished:
            return NO_COMMANDS
        return self._go_on(self._lookup.failed(command.endpoint), now)

    def end(self, outcome: Outcome, now: float, *, complete: bool = False) -> Commands:
        """Ends the lookup now, with what it has found; ``complete``: that is all it looked for."""
        if self.finished:
            return NO_COMMANDS
        self.finished = True
        result = self._result(now)
        if complete:
            self._learn_from(result)
        after = self._then.lookup_ended(outcome, result, now) if self._then is not None else ()
        finished = LookupFinished(self.options.operation, outcome, result)
        return [*self._alarm(result), finished, *after]

    # --- inside -----------------------------------------------------------------------------------

    def _go_on(self, peers: Sequence[Peer], now: float) -> Commands:
        if self._lookup.finished:
            return self.end(self._outcome(), now, complete=True)
        background = self.options.is_for_table
        return [
            SendQuery(
                peer.endpoint,
                peer.id,
                self._query(),
                self,
                fast_retry=peer.state is State.RETRIED,
                background=background,
                group=self.group,
                purpose=self.options.purpose,
            )
            for peer in peers
        ]

    def _learn_from(self, result: LookupResult) -> None:
        if self._counters is not None and not self.options.is_for_table:
            self._counters.lookup_ended(suspicious=result.suspicious)
        if self._size is not None and result.closest and not result.suspicious:
            distance = result.closest[-1].contact.id ^ result.target
            self._size.found(len(result.closest), distance, self._lookup.k)

    def _alarm(self, result: LookupResult) -> list[SuspiciousLookup]:
        size = self._size.reported if self._size is not None else None
        if not result.suspicious or size is None:
            return []
        target, region = result.target, len(result.region)
        return [SuspiciousLookup(target, result.family, size, result.answered, region)]

    def _outcome(self) -> Outcome:
        if self._lookup.answered_count:
            return Outcome.DONE
        return Outcome.NO_ANSWER if self.queries else Outcome.NO_CONTACTS

    def _query(self) -> FindNode | GetPeers | Get:
        if self.options.kind is LookupKind.GET:
            return Get(b"", self._own_id, self._lookup.target)
        if self.options.kind is LookupKind.GET_PEERS:
            return GetPeers(b"", self._own_id, self._lookup.target)
        return FindNode(b"", self._own_id, self._lookup.query_target)

    def _found(self, values: Sequence[Endpoint], now: float) -> list[Command]:
        room = self._config.max_peers - len(self._peers)
        values = values[: self.options.peers_per_answer]
        new = [peer for peer in dict.fromkeys(values) if peer not in self._peers][:room]
        self._peers.update(dict.fromkeys(new))
        if new and self._listener is not None:
            self._listener(new, now)
        return [PeersFound(self.options.operation, tuple(new))] if new else []

    def _result(self, now: float) -> LookupResult:
        closest = self._lookup.closest()
        return LookupResult(
            target=self._lookup.target,
            kind=self.options.kind,
            family=self.options.family,
            closest=tuple(self._found_node(peer) for peer in closest),
            peers=tuple(self._peers),
            answered=self._lookup.answered_count,
            queries=self.queries,
            hops=max((peer.hops for peer in closest), default=0),
            elapsed_s=now - self.started_at,
            refused=self._refused(),
            network_size=estimated_network_size([peer.distance for peer in closest]),
            item=self._collector.item if self._collector is not None else None,
            suspicious=self._lookup.suspicious,
            region=tuple(self._found_node(peer) for peer in self._lookup.region()),
            purpose=self.options.purpose,
        )

    def _refused(self) -> dict[str, int]:
        items = self._collector.refused if self._collector is not None else 0
        return dict(self._lookup.refused) | ({"item": items} if items else {})

    def _found_node(self, peer: Peer) -> FoundNode:
        rtt_s, client, token = self._answers[peer.endpoint]
        assert peer.id is not None  # it answered
        return FoundNode(Contact(peer.id, peer.endpoint), rtt_s, client, token, peer.hops)


def estimated_network_size(distances: Sequence[int]) -> float | None:
    """How many nodes there are, from the distances of the closest to a random target, closest
    first.

    With N uniformly random IDs the i-th closest is expected at i / (N + 1) of the space; N comes
    from the least-squares line through them. One lookup is off by some 1/sqrt(k); an average over
    many is good.
    """
    if len(distances) < 2:
        return None
    squares = sum(i * i for i in range(1, len(distances) + 1))
    weighted = sum(i * distance for i, distance in enumerate(distances, start=1)) / ID_SPACE
    return squares / weighted - 1 if weighted else None
