"""One client of the control socket: its requests run concurrently and end with the connection.

A client costs the node a bounded amount: there are limits for the length of a line, the requests in
flight, and the bytes that wait for the client to read them. A client that exceeds the first or the
last limit is disconnected, because an error response could not reach it.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import trio

from ..errors import KadiscError, UsageError
from ..net.api.node import Node
from ..net.transport.nurseries import open_flat_nursery
from ..observe.use_counts import OTHER_METHOD, RequestOutcome
from .call import Call, Method, Session
from .lines import LineBuffer, LineTooLong
from .protocol import (
    BUSY,
    CANCEL,
    CANCELLED,
    CLOSED,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    MAX_REQUEST_BYTES,
    METHOD_NOT_FOUND,
    NOT_ALLOWED,
    Cancel,
    ErrorObject,
    Malformed,
    Request,
    RequestId,
    decode_params,
    decode_request,
    encode_error,
    encode_partial,
    encode_result,
    error_object,
)
from .response_queue import Gone, ResponseQueue, TooSlow

_CHUNK_BYTES = 1 << 14
_HALF_CLOSED_POLL_S = 0.1
"""The time between two checks whether a half-closed client has disconnected."""
_FLUSH_S = 0.5
"""How long the last responses may take at the end: a slow client must not delay a node's exit."""


@dataclass(frozen=True, slots=True)
class ControlLimits:
    """The resources that a node spends on its clients, which all belong to one user."""

    clients: int = 32
    requests_per_client: int = 16
    """Requests of one client in flight at once, subscriptions included."""
    unread_bytes: int = 1 << 22
    """Bytes that the node keeps for a client that reads slowly."""
    unread_bytes_in_all: int = 1 << 24
    """Bytes that the node keeps for all clients together."""
    stall_s: float = 30.0
    """A client that reads nothing for this long, while bytes wait for it, is disconnected."""


@dataclass(slots=True)
class _Running:
    request_id: RequestId
    scope: trio.CancelScope
    wants_response: bool


class Connection:
    def __init__(
        self,
        stream: trio.SocketStream,
        node: Node,
        methods: Mapping[str, Method[Any, Any]],
        limits: ControlLimits,
        turns: trio.Lock,
        relieve: Callable[[], None],
        *,
        may_write: bool = True,
    ) -> None:
        """``turns``: of all clients together. ``relieve`` is called when more bytes wait for the
        client than before. ``may_write``: whether the client may call methods that change
        something.
        """
        self._may_write = may_write
        self.last_request_at = trio.current_time()
        self._stream = stream
        self._node = node
        self._methods = methods
        self._limits = limits
        self._turns = turns
        self._relieve = relieve
        self._responses = ResponseQueue(
            stream.socket, max_bytes=limits.unread_bytes, stall_s=limits.stall_s
        )
        self._running: list[_Running] = []
        self._scope = trio.CancelScope()
        self._session = Session()

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the client has not read yet."""
        return self._responses.waiting_bytes

    @property
    def is_closing(self) -> bool:
        return self._scope.cancel_called

    @property
    def is_idle(self) -> bool:
        return not self._running

    def close(self) -> None:
        self._scope.cancel()

    async def serve(self) -> None:
        """Returns when the client disconnects, is disconnected, or the node closes. Its requests
        end too, and a client that is still connected gets an error for each.
        """
        try:
            with self._scope:
                async with open_flat_nursery() as nursery:
                    nursery.start_soon(self._write)
                    await self._read(nursery)
                    nursery.cancel_scope.cancel()
        finally:
            self._session.end()
            await self._close_requests()

    async def _write(self) -> None:
        try:
            await self._responses.send_forever()
        except (TooSlow, Gone):
            self.close()

    async def _read(self, nursery: trio.Nursery) -> None:
        """Returns when the client has sent its last request and got all responses."""
        lines = LineBuffer(MAX_REQUEST_BYTES)
        try:
            while chunk := await self._stream.receive_some(_CHUNK_BYTES):
                self.last_request_at = trio.current_time()
                for line in lines.feed(chunk):
                    self._take(line, nursery)
        except LineTooLong:
            self._refuse(None, INVALID_REQUEST, f"a request has at most {MAX_REQUEST_BYTES} bytes")
            return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        # `echo REQUEST | nc -U` closes its sending side at once and waits for the response. Only
        # polling shows that it has closed the receiving side too.
        while self._running or not self._responses.is_empty:
            if _has_hung_up(self._stream.socket):
                break
            await trio.sleep(_HALF_CLOSED_POLL_S)

    def _take(self, line: bytes, nursery: trio.Nursery) -> None:
        try:
            request = decode_request(line)
        except Malformed as error:
            self._count(OTHER_METHOD, "refused")
            self._refuse(error.request_id, error.code, error.message)
            return
        if request.method == CANCEL:
            self._cancel(request)
        else:
            self._start(request, nursery)

    def _start(self, request: Request, nursery: trio.Nursery) -> None:
        method = self._methods.get(request.method)
        error = self._start_error(request)
        if method is not None and error is None:
            running = _Running(request.response_id, trio.CancelScope(), request.wants_response)
            self._running.append(running)
            nursery.start_soon(self._carry_out, running, method, request.params)
        elif error is not None:
            self._count(request.method if method is not None else OTHER_METHOD, "refused")
            if request.wants_response:
                self._put(encode_error(request.response_id, error))

    def _count(self, method: str, outcome: RequestOutcome) -> None:
        self._node.use_counts.control_requests[method, outcome] += 1

    def _start_error(self, request: Request) -> ErrorObject | None:
        """Why the request cannot be started; None if it can."""
        if request.method not in self._methods:
            known = ", ".join(self._methods)
            return ErrorObject(
                METHOD_NOT_FOUND,
                f"there is no method {request.method[:100]!r}; the methods are {known}",
            )
        if self._methods[request.method].writes and not self._may_write:
            return ErrorObject(
                NOT_ALLOWED,
                f"{request.method} changes something, and members of the group may only read: "
                "--control-group-writes lets them do all",
            )
        if request.wants_response and any(
            each.wants_response and each.request_id == request.response_id for each in self._running
        ):
            return ErrorObject(
                INVALID_REQUEST, f"a request with the id {request.response_id!r} is still running"
            )
        if len(self._running) >= self._limits.requests_per_client:
            return ErrorObject(
                BUSY, f"{len(self._running)} requests are already in flight: wait for some to end"
            )
        return None

    def _cancel(self, request: Request) -> None:
        # A notification: no error response is due if there is nothing to cancel.
        try:
            which = decode_params(request.params, Cancel).id
        except UsageError:
            return
        for running in self._running:
            if running.request_id == which and running.wants_response:
                running.scope.cancel()

    async def _carry_out(
        self, running: _Running, method: Method[Any, Any], raw: msgspec.Raw
    ) -> None:
        request_id = running.request_id
        outcome: RequestOutcome = "closed"
        try:
            with running.scope:
                response, outcome = await self._response(running, method, raw)
            if running.scope.cancelled_caught:
                outcome = "cancelled"
                response = encode_error(request_id, ErrorObject(CANCELLED, "cancelled"))
        finally:
            self._count(method.name, outcome)
        self._running.remove(running)
        if running.wants_response:
            self._put(response)

    async def _response(
        self, running: _Running, method: Method[Any, Any], raw: msgspec.Raw
    ) -> tuple[bytes, RequestOutcome]:
        def tell(value: Mapping[str, object]) -> None:
            self._put(encode_partial(running.request_id, value))

        try:
            params = decode_params(raw, method.params)
            # The start of a lookup takes some milliseconds at once. One request starts in a pass of
            # the event loop, and datagrams are read between two: 32 clients may send 16 each.
            async with self._turns:
                await trio.lowlevel.checkpoint()
            wants_partial = running.wants_response and getattr(params, "partial", True)
            result = await method.carry_out(
                params, Call(self._node, tell if wants_partial else None, self._session)
            )
            return encode_result(running.request_id, result), "done"
        except KadiscError as error:
            return encode_error(running.request_id, error_object(error)), "failed"
        except Exception as error:  # noqa: BLE001
            # A bug in one method must not end the node that other programs rely on.
            text = f"internal error (a bug in kadisc): {type(error).__name__}: {error}"
            return encode_error(running.request_id, ErrorObject(INTERNAL_ERROR, text)), "fault"

    def _refuse(self, request_id: RequestId, code: int, message: str) -> None:
        self._put(encode_error(request_id, ErrorObject(code, message)))

    def _put(self, line: bytes) -> None:
        try:
            self._responses.put(line)
        except TooSlow:
            self.close()
        self._relieve()

    async def _close_requests(self) -> None:
        for running in self._running:
            if running.wants_response:
                self._refuse(running.request_id, CLOSED, "the node is closing")
        with suppress(TooSlow, Gone):
            await self._responses.finish(_FLUSH_S)
        await trio.aclose_forcefully(self._stream)


def _has_hung_up(sock: trio.socket.SocketType) -> bool:
    """Whether the client has closed both directions, not only its sending side."""
    poll = select.poll()
    poll.register(sock.fileno(), 0)
    return bool(poll.poll(0))
