"""The client of the control socket."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import trio

from ..errors import Closed, KadiscError, NotRunning
from .access import process_of
from .call import Method, Tell
from .lines import LineBuffer, LineTooLong
from .protocol import PARTIAL, ErrorObject, encode_request, error_from
from .socket_file import unusable

T = TypeVar("T")
ParamsT = TypeVar("ParamsT", bound=msgspec.Struct)
ResultT = TypeVar("ResultT", bound=msgspec.Struct)

MAX_RESPONSE_BYTES = 1 << 25
"""The maximum length of a response."""
CONNECT_S = 2.0
"""The time limit for connecting."""
_RETRY_S = 0.02
"""The pause before another attempt if the backlog of the listener is full."""
_CHUNK_BYTES = 1 << 16


class _Partial(msgspec.Struct):
    id: int | str | None
    value: dict[str, Any]


class _Message(msgspec.Struct):
    """A response, or a notification."""

    id: int | str | msgspec.UnsetType | None = msgspec.UNSET
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: ErrorObject | None = None


class ControlClient:
    """One request at a time. After a call that was cancelled or failed, close the connection: this
    ends the request in the node too.
    """

    def __init__(self, stream: trio.SocketStream, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._lines = LineBuffer(MAX_RESPONSE_BYTES)
        self._unread: list[bytes] = []
        self._last_id = 0

    @property
    def process(self) -> int | None:
        """The number of the node's process; None where the system does not tell."""
        return process_of(self._stream.socket)

    async def call(
        self,
        method: Method[ParamsT, ResultT],
        params: ParamsT,
        *,
        tell: Tell | None = None,
        silence_s: float,
    ) -> ResultT:
        """``tell`` gets the partial results. Raises the KadiscError that the node raised, and
        NotRunning if the node sends nothing for ``silence_s``.
        """
        self._last_id += 1
        answered = await self.exchange(
            encode_request(self._last_id, method.name, params),
            self._last_id,
            tell or _ignore,
            silence_s,
        )
        return self._decoded(answered, method.result)

    async def exchange(
        self, line: bytes, request_id: int, tell: Tell, silence_s: float
    ) -> msgspec.Raw:
        """Sends a request and returns the result of its response, not decoded."""
        try:
            with trio.fail_after(silence_s):
                await self._stream.send_all(line)
            while True:
                with trio.fail_after(silence_s):
                    message = self._decoded(await self._next_line(), _Message)
                if message.method == PARTIAL:
                    partial = self._decoded(message.params, _Partial)
                    if partial.id == request_id:
                        tell(partial.value)
                elif message.error is not None and message.id in (request_id, None):
                    raise error_from(message.error)
                elif message.id == request_id and not isinstance(message.result, msgspec.UnsetType):
                    return message.result
        except trio.TooSlowError:
            raise NotRunning(
                f"the node at {self._path} has not answered for {silence_s:g} s"
            ) from None
        except trio.BrokenResourceError:
            raise Closed(f"the node at {self._path} closed the connection") from None

    async def _next_line(self) -> bytes:
        while not self._unread:
            chunk = await self._stream.receive_some(_CHUNK_BYTES)
            if not chunk:
                raise Closed(f"the node at {self._path} closed the connection")
            try:
                self._unread = self._lines.feed(chunk)
            except LineTooLong:
                raise KadiscError(
                    f"the node at {self._path} sent a line of more than {MAX_RESPONSE_BYTES} bytes"
                ) from None
        return self._unread.pop(0)

    def _decoded(self, text: bytes | msgspec.Raw, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise KadiscError(
                f"{self._path}: not the protocol of this version of kadisc: {error}"
            ) from None


def _ignore(value: object) -> None:
    pass


async def _connected(path: Path) -> trio.SocketStream:
    """Connects without trio's own function: a Unix socket connects at once or, if the backlog of
    the listener is full, not at all. Nothing becomes ready later, and trio would take the socket
    for connected.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        while True:
            await trio.lowlevel.checkpoint()
            try:
                sock.connect(os.fspath(path))
                return trio.SocketStream(trio.socket.from_stdlib_socket(sock))
            except BlockingIOError:
                await trio.sleep(_RETRY_S)
    except BaseException:
        sock.close()
        raise


@asynccontextmanager
async def open_client(path: Path) -> AsyncIterator[ControlClient]:
    """Raises NotRunning if no node listens at ``path``, or if access is denied."""
    problem = unusable(path)
    if problem is not None:
        raise NotRunning(problem)
    try:
        with trio.fail_after(CONNECT_S):
            stream = await _connected(path)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NotRunning(
            f"no node runs with the state folder {path.parent}; see kadisc run --help"
        ) from None
    except trio.TooSlowError:
        raise NotRunning(f"the node at {path} does not answer") from None
    except OSError as error:
        raise NotRunning(
            f"cannot connect to the node at {path}: {(error.strerror or str(error)).lower()}"
        ) from None
    try:
        yield ControlClient(stream, path)
    finally:
        await trio.aclose_forcefully(stream)
