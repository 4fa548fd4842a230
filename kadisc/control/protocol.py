"""JSON-RPC 2.0 with one message a line: decoding of requests, encoding of responses.

There are two notifications, both about a request: with ``$/partial`` the node sends a partial
result to the client, with ``$/cancel`` the client ends a request.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from ..contacts import Contact
from ..endpoints import make_endpoint
from ..errors import (
    Busy,
    Closed,
    Conflict,
    ErrorAnswer,
    KadiscError,
    NoAnswer,
    NotFound,
    UsageError,
)
from ..ids import format_id, parse_id

MAX_REQUEST_BYTES = 1 << 16
"""The maximum length of a request; a client that sends a longer line is disconnected."""
PARTIAL = "$/partial"
CANCEL = "$/cancel"

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NO_ANSWER = -32000
ERROR_ANSWER = -32001
BUSY = -32002
CLOSED = -32003
CANCELLED = -32004
OTHER_FAILURE = -32005
NOT_FOUND = -32006
NOT_ALLOWED = -32007

RequestId: TypeAlias = int | str | None


class Request(msgspec.Struct):
    """``id`` is UNSET in a notification, which gets no response. ``params`` stay undecoded until
    the method is known.
    """

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | msgspec.UnsetType | None = msgspec.UNSET
    params: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def wants_response(self) -> bool:
        return self.id is not msgspec.UNSET

    @property
    def response_id(self) -> RequestId:
        return None if isinstance(self.id, msgspec.UnsetType) else self.id


class Cancel(msgspec.Struct):
    """The params of ``$/cancel``."""

    id: int | str | None


class ErrorObject(msgspec.Struct, omit_defaults=True):
    """The ``error`` of a response. ``data`` of ERROR_ANSWER: {code, text} of the other node's
    error, for a put in conflict also {sequence, stored}.
    """

    code: int
    message: str
    data: Any = None


class Malformed(Exception):
    """A line is not a valid request. ``request_id`` is None if it could not be read."""

    def __init__(self, code: int, message: str, request_id: RequestId = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id


_read_request = msgspec.json.Decoder(Request).decode
# msgspec raises a RecursionError for deep nesting and a UnicodeDecodeError for text that is not
# UTF-8.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_request(line: bytes) -> Request:
    """Raises Malformed, and no other error, for any line that is not a request."""
    try:
        return _read_request(line)
    except _UNREADABLE as error:
        reason = str(error)
    try:
        document = msgspec.json.decode(line)
    except _UNREADABLE as error:
        raise Malformed(PARSE_ERROR, f"not JSON: {error}") from None
    if isinstance(document, list):
        raise Malformed(INVALID_REQUEST, "batches are not supported: send one request a line")
    request_id = document.get("id") if isinstance(document, dict) else None
    if isinstance(request_id, bool) or not isinstance(request_id, int | str):
        request_id = None
    raise Malformed(INVALID_REQUEST, f"not a JSON-RPC 2.0 request: {reason}", request_id)


def decode_params(raw: msgspec.Raw, kind: type[Any]) -> Any:
    """The params as ``kind``, a struct. Raises UsageError."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except _UNREADABLE as error:
        raise UsageError(f"invalid params: {error}") from None


def encode_request(request_id: int, method: str, params: object) -> bytes:
    return _line({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def encode_result(request_id: RequestId, result: object) -> bytes:
    return _line({"jsonrpc": "2.0", "id": request_id, "result": result})


def encode_error(request_id: RequestId, error: ErrorObject) -> bytes:
    return _line({"jsonrpc": "2.0", "id": request_id, "error": error})


def encode_partial(request_id: RequestId, value: object) -> bytes:
    return _line(
        {"jsonrpc": "2.0", "method": PARTIAL, "params": {"id": request_id, "value": value}}
    )


def _line(message: object) -> bytes:
    return msgspec.json.encode(message) + b"\n"


# --- errors of kadisc as error objects, and back --------------------------------------------------

_CODES: tuple[tuple[type[KadiscError], int], ...] = (
    (UsageError, INVALID_PARAMS),
    (NotFound, NOT_FOUND),
    (NoAnswer, NO_ANSWER),
    (ErrorAnswer, ERROR_ANSWER),
    (Busy, BUSY),
    (Closed, CLOSED),
)


def error_object(error: KadiscError) -> ErrorObject:
    code = next((code for kind, code in _CODES if isinstance(error, kind)), OTHER_FAILURE)
    data: dict[str, object] | None = None
    if isinstance(error, ErrorAnswer):
        data = {"code": error.code, "text": error.text}
    if isinstance(error, Conflict):
        data = {
            **(data or {}),
            "sequence": error.sequence,
            "stored": [
                {"id": format_id(each.id), "host": each.host, "port": each.port}
                for each in error.stored
            ],
        }
    return ErrorObject(code, str(error), data)


class _StoringNode(msgspec.Struct):
    id: str
    host: str
    port: int


class _AnsweredError(msgspec.Struct):
    """``sequence`` and ``stored`` are those of a Conflict."""

    code: int
    text: str
    sequence: int | None = None
    stored: list[_StoringNode] = []


def error_from(error: ErrorObject) -> KadiscError:
    """The error that the node raised, as far as the code shows."""
    if error.code == ERROR_ANSWER:
        try:
            told = msgspec.convert(error.data, _AnsweredError)
            if told.sequence is None:
                return ErrorAnswer(told.code, told.text)
            stored = tuple(
                Contact(parse_id(each.id), make_endpoint(each.host, each.port))
                for each in told.stored
            )
            return Conflict(told.code, told.text, told.sequence, stored)
        except (msgspec.ValidationError, ValueError, UsageError):
            return KadiscError(error.message)
    for kind, code in _CODES:
        if code == error.code:
            return kind(error.message)
    return KadiscError(error.message)
