"""Operations of one node as a program starts them: pings and lookups, in the address families that
the node has sockets for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager

from ...config import Config
from ...config.request_bounds import MAX_K, MAX_PATHS
from ...core.contract.events import (
    FoundNode,
    LookupFinished,
    LookupKind,
    LookupResult,
    OperationId,
    Outcome,
    PingFinished,
)
from ...endpoints import Endpoint, Family, family_of, format_endpoint
from ...errors import ErrorAnswer, NoAnswer, UsageError
from ..transport.dispatch import ResultQueue
from ..transport.pump import Pump
from .arguments import EndpointLike, IdLike, endpoint_from, parse_target
from .results import Answers, FoundPeers, Pong

NO_CONTACTS = (
    "no node to ask: this node has no contacts yet; it gets them by a bootstrap node, and has them"
    " once it has joined"
)


class Lookups:
    """Each call raises UsageError for an argument that cannot be read, Busy where too many
    operations are in flight, and Closed.
    """

    def __init__(self, pump: Pump, config: Config) -> None:
        self._pump = pump
        self._config = config

    @property
    def families(self) -> list[Family]:
        """The families that the node has a socket for, in the order of its ports."""
        return list(self._pump.core.own_ids)

    def served(self, family: Family) -> Family:
        """The same family. Raises UsageError where the node has no socket for it."""
        if family not in self._pump.core.own_ids:
            raise UsageError(f"this node has no {family.value} socket; give one with bind")
        return family

    def chosen(self, family: Family | None) -> Family:
        """The given family, or the first of the node's."""
        return self.served(family) if family is not None else self.families[0]

    async def ping(self, endpoint: EndpointLike) -> Pong:
        """Raises NoAnswer and ErrorAnswer."""
        destination = endpoint_from(endpoint)
        self.served(family_of(destination))
        started, refused = self._pump.now(), self._pump.send_refused
        finished = await self._pump.finish(lambda now: self._pump.core.ping(destination, now))
        assert isinstance(finished, PingFinished)
        if finished.outcome is Outcome.ERROR_ANSWER:
            raise ErrorAnswer(finished.code, finished.text)
        if finished.contact is None:
            timeout_s = self._config.core.query.timeout_s
            if self._pump.send_refused > refused and self._pump.now() < started + timeout_s:
                raise NoAnswer(f"this machine has no route to {format_endpoint(destination)}")
            raise NoAnswer(f"no answer from {format_endpoint(destination)} within {timeout_s:g} s")
        rtt_s = finished.rtt_s if finished.rtt_s is not None else self._pump.now() - started
        return Pong(finished.contact, rtt_s, finished.client, finished.seen_as)

    async def look_up(
        self,
        target: IdLike,
        kind: LookupKind,
        *,
        k: int | None = None,
        paths: int = 1,
        family: Family | None = None,
        seeds: Sequence[EndpointLike] = (),
        salt: bytes = b"",
    ) -> LookupResult:
        """One lookup in one family. More nodes than ``table.k`` of the configuration take several
        lookups; along several ``paths`` those beyond may not be the closest. Raises NoAnswer where
        nothing answered and no item is stored at this node itself.
        """
        start = self._lookup(target, kind, k=k, paths=paths, family=family, seeds=seeds, salt=salt)
        finished = await self._pump.finish(start)
        assert isinstance(finished, LookupFinished)
        if finished.outcome is Outcome.NO_CONTACTS and finished.result.item is None:
            raise NoAnswer(NO_CONTACTS)
        if finished.outcome is Outcome.NO_ANSWER and finished.result.item is None:
            raise NoAnswer(
                f"none of the nodes asked answered ({finished.result.queries} datagrams sent)"
            )
        return finished.result

    @asynccontextmanager
    async def watch(
        self,
        target: IdLike,
        kind: LookupKind,
        *,
        k: int | None = None,
        paths: int = 1,
        family: Family | None = None,
        seeds: Sequence[EndpointLike] = (),
        salt: bytes = b"",
    ) -> AsyncIterator[Answers]:
        """One lookup in one family, and the nodes that answer in it as they do."""
        start = self._lookup(target, kind, k=k, paths=paths, family=family, seeds=seeds, salt=salt)
        answers = ResultQueue[FoundNode](self._config.subscriber_queue)
        with self._pump.operation(start, answers=answers) as waiter:
            yield Answers(answers, waiter)

    @asynccontextmanager
    async def find_peers(
        self,
        info_hash: IdLike,
        *,
        family: Family | None = None,
        paths: int = 1,
        seeds: Sequence[EndpointLike] = (),
    ) -> AsyncIterator[FoundPeers]:
        """One lookup in the given family, or one in each."""
        peers = ResultQueue[Endpoint](self._config.core.lookup.max_peers)
        starts = [
            self._lookup(
                info_hash,
                LookupKind.GET_PEERS,
                paths=paths,
                family=each,
                seeds=seeds,
                for_peers=paths == 1,
            )
            for each in (self.families if family is None else [family])
        ]
        with ExitStack() as stack:
            # This block counts as a producer until all lookups have begun: the first lookup can
            # end at once, and would end the queue.
            peers.add_producer()
            waiters = [
                stack.enter_context(self._pump.operation(start, peers=peers)) for start in starts
            ]
            peers.producer_ended()
            yield FoundPeers(peers, waiters)

    def _lookup(
        self,
        target: IdLike,
        kind: LookupKind,
        *,
        k: int | None = None,
        paths: int,
        family: Family | None,
        seeds: Sequence[EndpointLike],
        salt: bytes = b"",
        for_peers: bool = False,
    ) -> Callable[[float], OperationId]:
        """What starts the lookup when it is called with the present moment."""
        target_id = parse_target(target)
        if k is not None and not 1 <= k <= MAX_K:
            raise UsageError(f"k is 1 to {MAX_K}, not {k}")
        if not 1 <= paths <= MAX_PATHS:
            raise UsageError(f"paths is 1 to {MAX_PATHS}, not {paths}")
        chosen = self.chosen(family)
        endpoints = [
            endpoint for seed in seeds if family_of(endpoint := endpoint_from(seed)) is chosen
        ]
        return lambda now: self._pump.core.start_lookup(
            target_id,
            now,
            family=chosen,
            kind=kind,
            k=k,
            paths=paths,
            for_peers=for_peers,
            salt=salt,
            seeds=endpoints,
        )
