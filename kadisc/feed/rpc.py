"""The RPC of a chain node: JSON-RPC over HTTP/1.1, one request a connection.

The node is the operator's own, and yet everything is bounded: a wrong port may be of any server.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import h11
import msgspec
import trio

from ..endpoints import split_host_port
from ..errors import UsageError
from ..text import one_line
from ..version import __version__

TIMEOUT_S: Final = 10.0
"""The time limit of one request."""
MAX_ANSWER_BYTES: Final = 1 << 24
"""The longest answer: `getpeerinfo` has some 2 kB a peer."""
MAX_SECRET_BYTES: Final = 4096
METHOD_NOT_FOUND: Final = -32601
_CHUNK_BYTES: Final = 1 << 16


class RpcUnreachable(Exception):
    """No answer, or none that is JSON-RPC: the chain node does not run, or still starts."""


class RpcRefused(Exception):
    """The chain node runs and does not let us in, or does not know the method: it stays so until
    the operator changes something.
    """


class RpcError(Exception):
    """The chain node answered with an error. ``code`` is its number."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"error {code}: {one_line(text)}")
        self.code = code


@dataclass(frozen=True, slots=True)
class RpcAccess:
    """``url``: ``http://HOST:PORT/PATH``. ``cookie_file`` holds ``USER:PASSWORD`` and is read for
    each request, because a chain node writes a new one when it starts; or else ``user`` and the
    file that holds the password.
    """

    url: str
    cookie_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None

    def authorization(self) -> bytes | None:
        """Raises RpcUnreachable where a file cannot be read."""
        path = self.cookie_file or self.password_file
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                secret = file.read(MAX_SECRET_BYTES).strip()
        except FileNotFoundError:
            raise RpcUnreachable(f"there is no file {path}") from None
        except OSError as error:
            raise RpcUnreachable(
                f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
            ) from None
        if self.cookie_file is None:
            secret = (self.user or "").encode() + b":" + secret
        return b"Basic " + base64.b64encode(secret)


class ChainRpc:
    """Raises UsageError for a URL that is not ``http://HOST:PORT``."""

    def __init__(self, access: RpcAccess) -> None:
        self._access = access
        parts = urlsplit(access.url)
        try:
            self.host, self.port = split_host_port(parts.netloc)
        except ValueError as error:
            raise UsageError(f"--rpc: {error}") from None
        if parts.scheme != "http":
            raise UsageError(f"--rpc: expected http://HOST:PORT, not {access.url}")
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._last_id = 0
        self._refused: bytes | None = None
        """The header that was refused last, None if none was."""

    def access_changed(self) -> bool:
        """Whether user or password are others than those that were refused."""
        try:
            return self._refused is not None and self._refused != self._access.authorization()
        except RpcUnreachable:
            return False

    @property
    def url(self) -> str:
        return self._access.url

    async def call(self, method: str, params: Sequence[Any] | dict[str, Any]) -> Any:
        """The result. Raises RpcUnreachable, RpcRefused, RpcError."""
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        authorization = self._access.authorization()
        status, body = await self._post(msgspec.json.encode(request), authorization)
        self._refused = None
        if status in (401, 403):
            self._refused = authorization
            raise RpcRefused(f"{self.url} refuses user or password (HTTP status {status})")
        try:
            answer = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or not ("result" in answer or "error" in answer):
            raise RpcUnreachable(f"{self.url} is not a JSON-RPC server (HTTP status {status})")
        error = answer.get("error")
        if error is None:
            return answer.get("result")
        code = error.get("code") if isinstance(error, dict) else None
        text = error.get("message") if isinstance(error, dict) else error
        code = code if type(code) is int else 0
        if code == METHOD_NOT_FOUND:
            raise RpcRefused(f"{self.url} does not know the method {method}")
        raise RpcError(code, str(text))

    async def _post(self, body: bytes, authorization: bytes | None) -> tuple[int, bytes]:
        headers = [
            ("Host", f"{self.host}:{self.port}"),
            ("User-Agent", f"kadisc/{__version__}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        if authorization is not None:
            headers.append(("Authorization", authorization.decode("ascii")))
        request = h11.Request(method="POST", target=self._target, headers=headers)
        try:
            with trio.fail_after(TIMEOUT_S):
                async with await trio.open_tcp_stream(self.host, self.port) as stream:
                    return await _exchange(stream, request, body)
        except trio.TooSlowError:
            raise RpcUnreachable(f"{self.url} does not answer within {TIMEOUT_S:g} s") from None
        except (h11.ProtocolError, trio.BrokenResourceError) as error:
            raise RpcUnreachable(f"{self.url}: {one_line(str(error)) or 'closed'}") from None
        except OSError as error:
            raise RpcUnreachable(f"{self.url}: {_os_words(error)}") from None


def _os_words(error: OSError) -> str:
    """Of an error of `trio.open_tcp_stream`, which has those of each address as its cause."""
    cause: BaseException | None = error.__cause__
    if isinstance(cause, ExceptionGroup):
        cause = cause.exceptions[0]
    cause = cause if isinstance(cause, OSError) else error
    errno = cause.errno or 0
    words = os.strerror(errno) if errno > 0 else cause.strerror  # names have numbers below 0
    return (words or str(error)).lower()


async def _exchange(
    stream: trio.SocketStream, request: h11.Request, body: bytes
) -> tuple[int, bytes]:
    connection = h11.Connection(h11.CLIENT)
    sent = (connection.send(each) for each in (request, h11.Data(data=body), h11.EndOfMessage()))
    await stream.send_all(b"".join(part for part in sent if part))
    status, answer = 0, bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(_CHUNK_BYTES))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            answer += event.data
            if len(answer) > MAX_ANSWER_BYTES:
                raise RpcUnreachable(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(answer)
        elif isinstance(event, h11.ConnectionClosed):
            raise RpcUnreachable("the connection was closed")
