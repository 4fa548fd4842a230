"""One connection: HTTP/1.1 requests, read and answered by h11 within limits of bytes and time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import h11
import trio

HEAD_BYTES: Final = 8192
"""The longest head of a request, and the most bytes that its body may have."""
REQUEST_S: Final = 10.0
"""A client has so long for each request, and to take the response."""
REQUESTS: Final = 1000
"""A connection is closed after so many requests."""
_CHUNK_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``target``: path and query as sent; ``headers``: by their names in lower case, the last value
    of each, as text.
    """

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[HttpRequest], HttpResponse]


def plain(status: int, text: str, **headers: str) -> HttpResponse:
    """A response of one line of text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, f"{text}\n".encode(), headers=named)


async def serve_connection(stream: trio.abc.Stream, answer: Answer) -> None:
    """Answers the requests of one client until it goes, breaks the protocol or is too slow. Closes
    the stream.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    try:
        for _ in range(REQUESTS):
            with trio.fail_after(REQUEST_S):
                if not await _serve_one(stream, connection, answer):
                    return
            connection.start_next_cycle()
    except (trio.TooSlowError, trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        await trio.aclose_forcefully(stream)


async def _serve_one(stream: trio.abc.Stream, connection: h11.Connection, answer: Answer) -> bool:
    """Whether another request may follow."""
    try:
        request = await _read(stream, connection)
    except h11.RemoteProtocolError as error:
        status = error.error_status_hint
        if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await _send(stream, connection, plain(status, "this is no HTTP/1.1 request"), "GET")
        return False
    if request is None:
        return False
    await _send(stream, connection, answer(request), request.method)
    return connection.our_state is h11.DONE and connection.their_state is h11.DONE


async def _read(stream: trio.abc.Stream, connection: h11.Connection) -> HttpRequest | None:
    """The next request, its body ignored; None where the client has gone."""
    request: HttpRequest | None = None
    body_bytes = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(_CHUNK_BYTES)))
        elif isinstance(event, h11.Request):
            headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers
            }
            request = HttpRequest(
                event.method.decode("latin-1"), event.target.decode("latin-1"), headers
            )
        elif isinstance(event, h11.Data):
            body_bytes += len(event.data)
            if body_bytes > HEAD_BYTES:
                raise h11.RemoteProtocolError("the body is too long", error_status_hint=413)
        elif isinstance(event, h11.EndOfMessage):
            return request
        else:  # the client has closed, or has switched to another protocol
            return None


async def _send(
    stream: trio.abc.Stream, connection: h11.Connection, response: HttpResponse, method: str
) -> None:
    headers = {
        "content-type": response.content_type,
        "content-length": str(len(response.body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **response.headers,
    }
    parts = [
        connection.send(
            h11.Response(
                status_code=response.status,
                reason=HTTPStatus(response.status).phrase.encode(),
                headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            )
        ),
        connection.send(h11.Data(data=b"" if method == "HEAD" else response.body)),
        connection.send(h11.EndOfMessage()),
    ]
    await stream.send_all(b"".join(part for part in parts if part is not None))
