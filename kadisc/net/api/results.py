"""What a program gets from a ping, and reads from a running lookup: the nodes that answer, or the
peers that they know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...contacts import Contact
from ...core.contract.events import FoundNode, LookupFinished, LookupResult, OperationId, Outcome
from ...endpoints import Endpoint
from ...errors import Closed, UsageError
from ..transport.dispatch import Findings, Waiter


@dataclass(frozen=True, slots=True)
class Pong:
    """One answered ping. ``rtt_s`` is at most so long where the answer came to a retransmission.
    ``client`` is the raw ``v`` of the other (BEP 5), ``seen_as`` our endpoint in its eyes (BEP 42);
    both are None where it did not say.
    """

    contact: Contact
    rtt_s: float
    client: bytes | None
    seen_as: Endpoint | None


class Answers:
    """The nodes that answer in a running lookup, as they come; ends with the lookup, and then has
    its ``result``.
    """

    def __init__(self, findings: Findings[FoundNode], waiter: Waiter) -> None:
        self._findings = findings
        self._waiter = waiter

    def __aiter__(self) -> Answers:
        return self

    async def __anext__(self) -> FoundNode:
        return await self._findings.next()

    @property
    def dropped(self) -> int:
        """Answers that were not fetched in time; the result counts them too."""
        return self._findings.dropped

    @property
    def operations(self) -> tuple[OperationId, ...]:
        """The one lookup behind it, as events and snapshots name it."""
        return (self._waiter.operation,)

    @property
    def queries(self) -> int:
        """Datagrams sent; 0 while it runs, when `Node.operations` tells."""
        return _queries_of(self._waiter)

    @property
    def outcome(self) -> Outcome | None:
        """None while it runs."""
        return self._waiter.finished.outcome if self._waiter.finished is not None else None

    @property
    def result(self) -> LookupResult:
        """What was found; raises UsageError before the end, Closed if the node was closed before."""
        return _result_of(self._waiter)


class FoundPeers:
    """The peers announced under an info-hash, as they are found, each once: ``async for endpoint in
    peers``. Ends with the lookups behind it, one for each address family, and then has their
    ``results``.
    """

    def __init__(self, findings: Findings[Endpoint], waiters: Sequence[Waiter]) -> None:
        self._findings = findings
        self._waiters = waiters

    def __aiter__(self) -> FoundPeers:
        return self

    async def __anext__(self) -> Endpoint:
        return await self._findings.next()

    @property
    def dropped(self) -> int:
        """Peers that were not fetched in time; the results have them too."""
        return self._findings.dropped

    @property
    def operations(self) -> tuple[OperationId, ...]:
        """The lookups behind it, as events and snapshots name them."""
        return tuple(waiter.operation for waiter in self._waiters)

    @property
    def queries(self) -> int:
        """Datagrams sent by those lookups that have ended; of the others `Node.operations` tells."""
        return sum(map(_queries_of, self._waiters))

    @property
    def outcomes(self) -> tuple[Outcome | None, ...]:
        """None for a lookup that still runs."""
        return tuple(
            waiter.finished.outcome if waiter.finished is not None else None
            for waiter in self._waiters
        )

    @property
    def results(self) -> tuple[LookupResult, ...]:
        """What was found in each family; raises UsageError before the end, Closed if the node was
        closed before.
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
