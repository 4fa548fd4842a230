"""One client of the control socket: its requests run side by side, and end with it.

Whatever a client sends or fails to do costs the node a bounded amount: the length of a line, the
requests in flight, and what waits to be read by it have limits. Whoever goes beyond the first or
the last is cut off, since neither can be answered in a way that it would understand.
"""

from __future__ import annotations

import select
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import trio

from ..errors import KadiscError, UsageError
from ..net.api.node import Node
from ..net.transport.nurseries import open_flat_nursery
from .call import Call, Method
from .lines import LineBuffer, LineTooLong
from .outbox import Gone, Outbox, TooSlow
from .protocol import (
    BUSY,
    CANCEL,
    CANCELLED,
    CLOSED,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    MAX_REQUEST_BYTES,
    METHOD_NOT_FOUND,
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

_CHUNK_BYTES = 1 << 14
_HALF_CLOSED_LOOK_S = 0.1
_LAST_WORDS_S = 0.5
"""A client that does not read must not keep a node from ending."""


@dataclass(frozen=True, slots=True)
class ControlLimits:
    """What one node spends on its clients, who are all the same user's."""

    clients: int = 32
    requests_per_client: int = 16
    """In flight at once, subscriptions included."""
    unread_bytes: int = 1 << 22
    """Kept for a client that reads slowly."""
    stall_s: float = 30.0
    """Of one that reads nothing for so long there is nothing more to expect."""


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
    ) -> None:
        self.heard_at = trio.current_time()
        self._stream = stream
        self._node = node
        self._methods = methods
        self._limits = limits
        self._outbox = Outbox(stream.socket, max_bytes=limits.unread_bytes, stall_s=limits.stall_s)
        self._running: list[_Running] = []
        self._scope = trio.CancelScope()

    @property
    def waiting_bytes(self) -> int:
        """Not read by the client yet."""
        return self._outbox.waiting_bytes

    @property
    def is_idle(self) -> bool:
        return not self._running

    def close(self) -> None:
        self._scope.cancel()

    async def serve(self) -> None:
        """Until the client goes, is cut off, or everything ends; then its requests end too, and it
        is told so if it is still there.
        """
        try:
            with self._scope:
                async with open_flat_nursery() as nursery:
                    nursery.start_soon(self._write)
                    await self._read(nursery)
                    nursery.cancel_scope.cancel()
        finally:
            await self._say_goodbye()

    async def _write(self) -> None:
        try:
            await self._outbox.send_for_ever()
        except (TooSlow, Gone):
            self.close()

    async def _read(self, nursery: trio.Nursery) -> None:
        """Until the client has no more to say, and has got what it had asked for."""
        lines = LineBuffer(MAX_REQUEST_BYTES)
        try:
            while chunk := await self._stream.receive_some(_CHUNK_BYTES):
                self.heard_at = trio.current_time()
                for line in lines.feed(chunk):
                    self._take(line, nursery)
        except LineTooLong:
            self._refuse(None, INVALID_REQUEST, f"a request has at most {MAX_REQUEST_BYTES} bytes")
            return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        # `echo REQUEST | nc -U` ends its side at once, and waits for the answer on the other.
        # Nothing but a look tells that it has gone from there too.
        while self._running or not self._outbox.is_empty:
            if _has_hung_up(self._stream.socket):
                break
            await trio.sleep(_HALF_CLOSED_LOOK_S)

    def _take(self, line: bytes, nursery: trio.Nursery) -> None:
        try:
            request = decode_request(line)
        except Malformed as error:
            self._refuse(error.request_id, error.code, error.message)
            return
        if request.method == CANCEL:
            self._cancel(request)
        else:
            self._start(request, nursery)

    def _start(self, request: Request, nursery: trio.Nursery) -> None:
        method, refused = self._methods.get(request.method), None
        if method is None:
            refused = (
                METHOD_NOT_FOUND,
                f"there is no method {request.method[:100]!r}; there are {', '.join(self._methods)}",
            )
        elif request.wants_response and any(
            each.wants_response and each.request_id == request.response_id for each in self._running
        ):
            refused = (
                INVALID_REQUEST,
                f"a request with the id {request.response_id!r} is still running",
            )
        elif len(self._running) >= self._limits.requests_per_client:
            refused = (
                BUSY,
                f"{len(self._running)} requests are in flight already: wait for some to end",
            )
        if refused is None and method is not None:
            running = _Running(request.response_id, trio.CancelScope(), request.wants_response)
            self._running.append(running)
            nursery.start_soon(self._carry_out, running, method, request.params)
        elif refused is not None and request.wants_response:
            self._refuse(request.response_id, *refused)

    def _cancel(self, request: Request) -> None:
        # A notification: nobody waits to hear that there was nothing to cancel.
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
        with running.scope:
            response = await self._response(running, method, raw)
        if running.scope.cancelled_caught:
            response = encode_error(request_id, ErrorObject(CANCELLED, "cancelled"))
        self._running.remove(running)
        if running.wants_response:
            self._put(response)

    async def _response(
        self, running: _Running, method: Method[Any, Any], raw: msgspec.Raw
    ) -> bytes:
        def tell(value: Mapping[str, object]) -> None:
            self._put(encode_partial(running.request_id, value))

        try:
            params = decode_params(raw, method.params)
            wants_partial = running.wants_response and getattr(params, "partial", True)
            result = await method.carry_out(
                params, Call(self._node, tell if wants_partial else None)
            )
            return encode_result(running.request_id, result)
        except KadiscError as error:
            return encode_error(running.request_id, error_object(error))
        except Exception as error:  # noqa: BLE001  # a mistake of ours in what one program asks for must not end the node that others rely on
            return encode_error(
                running.request_id,
                ErrorObject(
                    INTERNAL_ERROR, f"a mistake in kadisc: {type(error).__name__}: {error}"
                ),
            )

    def _refuse(self, request_id: RequestId, code: int, message: str) -> None:
        self._put(encode_error(request_id, ErrorObject(code, message)))

    def _put(self, line: bytes) -> None:
        try:
            self._outbox.put(line)
        except TooSlow:
            self.close()

    async def _say_goodbye(self) -> None:
        for running in self._running:
            if running.wants_response:
                self._refuse(running.request_id, CLOSED, "the node is closing")
        with suppress(TooSlow, Gone):
            await self._outbox.finish(_LAST_WORDS_S)
        await trio.aclose_forcefully(self._stream)


def _has_hung_up(sock: trio.socket.SocketType) -> bool:
    """Whether the other side is gone altogether, and not merely done with sending."""
    poll = select.poll()
    poll.register(sock.fileno(), 0)
    return bool(poll.poll(0))
