"""What a program gets from a ping and from a lookup: the nodes that answer, or the peers that they
know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...contacts import Contact
from ...core.contract.events import FoundNode, LookupFinished, LookupResult, OperationId, Outcome
from ...endpoints import Endpoint, format_endpoint, host_of, port_of
from ...errors import Closed, UsageError
from ...service_values import ServiceValue
from ..transport.dispatch import ResultQueue, Waiter


@dataclass(frozen=True, slots=True)
class Pong:
    """One answered ping. ``rtt_s`` is in seconds; where the query was retransmitted, it is an upper
    bound. ``client`` is the raw ``v`` of the answer (BEP 5), ``seen_as`` this node's external
    endpoint as the other node sees it (BEP 42); both are None where the answer has none.
    """

    contact: Contact
    rtt_s: float
    client: bytes | None
    seen_as: Endpoint | None


class Answers:
    """The nodes that answer in a running lookup, as their answers arrive. It ends with the lookup,
    and then has its ``result``.
    """

    def __init__(self, queue: ResultQueue[FoundNode], waiter: Waiter) -> None:
        self._queue = queue
        self._waiter = waiter

    def __aiter__(self) -> Answers:
        return self

    async def __anext__(self) -> FoundNode:
        return await self._queue.next()

    @property
    def dropped(self) -> int:
        """Answers that were not read in time; the result has them too."""
        return self._queue.dropped

    @property
    def operations(self) -> tuple[OperationId, ...]:
        """The number of the lookup, as events and snapshots have it."""
        return (self._waiter.operation,)

    @property
    def queries(self) -> int:
        """Datagrams sent; 0 while the lookup runs, when `Node.operations` tells it."""
        return _queries_of(self._waiter)

    @property
    def outcome(self) -> Outcome | None:
        """How the lookup ended; None while it runs."""
        return self._waiter.finished.outcome if self._waiter.finished is not None else None

    @property
    def result(self) -> LookupResult:
        """What was found.

        Raises:
            UsageError: the lookup is still running.
            Closed: the node was closed before the lookup could end.
        """
        return _result_of(self._waiter)


@dataclass(frozen=True, slots=True)
class FoundPeer:
    """A peer announced under an info-hash (BEP 5). It has not been contacted: only that other nodes
    store the announce is known. Its attributes are named as those of a `VerifiedPeer`.
    """

    endpoint: Endpoint

    @property
    def host(self) -> str:
        """The address as text, without brackets."""
        return host_of(self.endpoint)

    @property
    def port(self) -> int:
        """The announced port, at which the peer offers what the info-hash stands for."""
        return port_of(self.endpoint)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """``endpoint`` alone: an announce has no other."""
        return (self.endpoint,)

    @property
    def services(self) -> Mapping[str, ServiceValue]:
        """Empty: an announce names no services."""
        return {}

    def __str__(self) -> str:
        return format_endpoint(self.endpoint)


class FoundPeers:
    """The peers announced under an info-hash (BEP 5), as they are found: ``async for peer in
    peers: print(peer.host, peer.port)``. It ends with the lookups behind it, one for each address
    family, and then has their ``results``.
    """

    def __init__(self, queue: ResultQueue[Endpoint], waiters: Sequence[Waiter]) -> None:
        self._queue = queue
        self._waiters = waiters

    def __aiter__(self) -> FoundPeers:
        return self

    async def __anext__(self) -> FoundPeer:
        return FoundPeer(await self._queue.next())

    @property
    def dropped(self) -> int:
        """Peers that were not read in time; the results have them too."""
        return self._queue.dropped

    @property
    def operations(self) -> tuple[OperationId, ...]:
        """The numbers of the lookups, as events and snapshots have them."""
        return tuple(waiter.operation for waiter in self._waiters)

    @property
    def queries(self) -> int:
        """Datagrams sent by the lookups that have ended; `Node.operations` tells those of the
        others.
        """
        return sum(map(_queries_of, self._waiters))

    @property
    def outcomes(self) -> tuple[Outcome | None, ...]:
        """How each lookup ended; None for one that still runs."""
        return tuple(
            waiter.finished.outcome if waiter.finished is not None else None
            for waiter in self._waiters
        )

    @property
    def results(self) -> tuple[LookupResult, ...]:
        """What was found in each family.

        Raises:
            UsageError: a lookup is still running.
            Closed: the node was closed before a lookup could end.
        """
        return tuple(_result_of(waiter) for waiter in self._waiters)


def _result_of(waiter: Waiter) -> LookupResult:
    finished = waiter.finished
    if not waiter.ended:
        raise UsageError("the lookup is still running: iterate over its answers to the end first")
    if not isinstance(finished, LookupFinished):
        raise Closed("the node was closed before the lookup could end")
    return finished.result


def _queries_of(waiter: Waiter) -> int:
    return waiter.finished.result.queries if isinstance(waiter.finished, LookupFinished) else 0
