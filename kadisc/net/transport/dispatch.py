"""Where the core's events go: to the task that waits for an operation, and to subscribers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Generic, TypeVar

import trio

from ...core.contract.events import Finished, FoundNode, NodeAnswered, OperationId, PeersFound
from ...endpoints import Endpoint
from ...errors import Closed

EventT = TypeVar("EventT")
ItemT = TypeVar("ItemT")


class ResultQueue(Generic[ItemT]):
    """What one operation, or several, find on the way to their ends: a bounded queue that ends
    when the last operation does.
    """

    def __init__(self, max_items: int) -> None:
        self.dropped = 0
        """Items for which the queue had no room."""
        self._put, self._get = trio.open_memory_channel[ItemT](max_items)
        self._producers = 0

    def add_producer(self) -> None:
        """One more operation puts items into it."""
        self._producers += 1

    def offer(self, item: ItemT) -> None:
        try:
            self._put.send_nowait(item)
        except (trio.WouldBlock, trio.BrokenResourceError):
            self.dropped += 1

    def producer_ended(self) -> None:
        """The queue ends with its last producer."""
        self._producers -= 1
        if not self._producers:
            self._put.close()

    async def next(self) -> ItemT:
        """Raises StopAsyncIteration at the end."""
        return await self._get.__anext__()


class Waiter:
    """Waits for the one terminal event of one operation, and passes on what is found on the way.

    A terminal event is kept in the waiter itself, not in a channel, which could be full.
    """

    def __init__(
        self,
        operation: OperationId,
        answers: ResultQueue[FoundNode] | None = None,
        peers: ResultQueue[Endpoint] | None = None,
    ) -> None:
        self.operation = operation
        self._ended = trio.Event()
        self._answers = answers
        self._peers = peers
        self.finished: Finished | None = None
        for results in (answers, peers):
            if results is not None:
                results.add_producer()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    async def wait(self) -> Finished:
        """The terminal event. Raises Closed if the node was closed without one."""
        await self._ended.wait()
        if self.finished is None:
            raise Closed("the node was closed before the operation could end")
        return self.finished

    def answered(self, node: FoundNode) -> None:
        if self._answers is not None:
            self._answers.offer(node)

    def found(self, peers: Sequence[Endpoint]) -> None:
        if self._peers is not None:
            for peer in peers:
                self._peers.offer(peer)

    def end(self, finished: Finished | None) -> None:
        self.finished = finished
        self._ended.set()
        for results in (self._answers, self._peers):
            if results is not None:
                results.producer_ended()


class Subscription(Generic[EventT]):
    """A bounded stream of events: ``async with`` it, then ``async for``. It ends when the node is
    closed.

    A subscriber that falls behind loses the newest events: the node never waits for it.
    ``dropped`` is their number.
    """

    def __init__(
        self, dispatch: Dispatch, types: tuple[type[EventT], ...], queue_size: int
    ) -> None:
        self._dispatch = dispatch
        self._types = types
        self._put, self._get = trio.open_memory_channel[EventT](queue_size)
        self.dropped = 0

    async def __aenter__(self) -> Subscription[EventT]:
        self._dispatch.subscribe(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._dispatch.unsubscribe(self)
        self.end()
        self._get.close()

    def __aiter__(self) -> Subscription[EventT]:
        return self

    async def __anext__(self) -> EventT:
        return await self._get.__anext__()

    def offer(self, event: object) -> bool:
        """False if it was dropped."""
        if self._types and not isinstance(event, self._types):
            return True
        try:
            self._put.send_nowait(event)  # type: ignore[arg-type]
        except trio.WouldBlock:
            self.dropped += 1
            return False
        return True

    def end(self) -> None:
        self._put.close()


class Dispatch:
    """Routes events. Terminal events are never dropped; events that a subscriber loses are
    counted.
    """

    def __init__(self) -> None:
        self._waiters: dict[OperationId, Waiter] = {}
        self._subscriptions: list[Subscription[Any]] = []
        self._taps: list[Callable[[object], None]] = []
        self._closed = False
        self.dropped = 0
        """Events that subscribers were too slow for."""

    @property
    def waiting(self) -> int:
        """The operations whose end is waited for."""
        return len(self._waiters)

    @property
    def subscribed(self) -> int:
        return len(self._subscriptions)

    def expect(
        self,
        operation: OperationId,
        answers: ResultQueue[FoundNode] | None = None,
        peers: ResultQueue[Endpoint] | None = None,
    ) -> Waiter:
        """Call it after the operation was started, and before the flush that may already bring its
        end.
        """
        waiter = self._waiters[operation] = Waiter(operation, answers, peers)
        return waiter

    def forget(self, operation: OperationId) -> None:
        self._waiters.pop(operation, None)

    def tap(self, listener: Callable[[object], None]) -> None:
        """For the shell's own parts. ``listener`` gets every event inside the flush, so it must
        neither wait nor call the core.
        """
        self._taps.append(listener)

    def subscribe(self, subscription: Subscription[Any]) -> None:
        if self._closed:
            subscription.end()
        else:
            self._subscriptions.append(subscription)

    def unsubscribe(self, subscription: Subscription[Any]) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def route(self, event: object) -> None:
        if isinstance(event, Finished):
            waiter = self._waiters.pop(event.operation, None)
            if waiter is not None:
                waiter.end(event)
        elif isinstance(event, NodeAnswered):
            waiter = self._waiters.get(event.operation)
            if waiter is not None:
                waiter.answered(event.node)
        elif isinstance(event, PeersFound):
            waiter = self._waiters.get(event.operation)
            if waiter is not None:
                waiter.found(event.peers)
        for listener in self._taps:
            listener(event)
        for subscription in self._subscriptions:
            if not subscription.offer(event):
                self.dropped += 1

    def close(self) -> None:
        """Ends every subscription and every waiter. None of these is left unless the core itself
        failed: it ends all operations when it is closed.
        """
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end()
        self._subscriptions.clear()
        waiters = list(self._waiters.values())
        self._waiters.clear()
        for waiter in waiters:
            waiter.end(None)
