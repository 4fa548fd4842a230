"""Lines of the control socket: requests as a node reads them, responses as a client does."""

from __future__ import annotations

import json

import msgspec

from kadisc.control.lines import LineBuffer, LineTooLong
from kadisc.control.methods import METHODS
from kadisc.control.protocol import (
    CANCEL,
    Cancel,
    ErrorObject,
    Malformed,
    Request,
    decode_params,
    decode_request,
    encode_error,
    encode_partial,
    encode_result,
    error_from,
    error_object,
)
from kadisc.errors import KadiscError, UsageError

from ..mutation import mutate_json_lines
from ..target import Target, require

MAX_LINE_BYTES = 512


def check(data: bytes) -> None:
    for line in _lines(data):
        try:
            request = decode_request(line)
        except Malformed as malformed:
            error = ErrorObject(malformed.code, malformed.message)
            _is_sound(encode_error(malformed.request_id, error))
        else:
            _taken(request)
        _read_by_client(line)


def _lines(data: bytes) -> list[bytes]:
    """However the bytes are cut into chunks, they are the same lines."""
    found: list[list[bytes] | None] = []
    for size in (len(data) or 1, 7):
        buffer = LineBuffer(MAX_LINE_BYTES)
        lines: list[bytes] | None = []
        try:
            for at in range(0, len(data), size):
                lines += buffer.feed(data[at : at + size])  # type: ignore[operator]
        except LineTooLong:
            lines = None
        found.append(lines)
    require(found[0] == found[1], f"other lines by other chunks: {found}")
    return found[0] or []


def _is_sound(line: bytes) -> None:
    require(line.count(b"\n") == 1 and line.endswith(b"\n"), f"{line!r} is not one line")
    json.loads(line)


def _taken(request: Request) -> None:
    if request.wants_response:
        _is_sound(encode_result(request.response_id, {}))
        _is_sound(encode_partial(request.response_id, {"line": "x"}))
        _is_sound(encode_error(request.response_id, ErrorObject(0, request.method[:100])))
    kind = Cancel if request.method == CANCEL else None
    method = METHODS.get(request.method)
    if method is not None:
        kind = method.params
    if kind is None:
        return
    try:
        params = decode_params(request.params, kind)
    except UsageError as error:
        _is_sound(encode_error(request.response_id, error_object(error)))
    else:
        written = msgspec.json.encode(params)
        require(decode_params(msgspec.Raw(written), kind) == params, f"{params} did not come back")


def _read_by_client(line: bytes) -> None:
    try:
        error = msgspec.json.decode(line, type=ErrorObject)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    raised = error_from(error)
    require(isinstance(raised, KadiscError), f"{raised!r}")
    text = str(raised)
    require(text.isprintable(), f"control characters in {text!r}")


def seeds() -> list[bytes]:
    params: dict[str, object] = {
        "find": {"target": "ab" * 20, "k": 8, "paths": 2, "partial": True},
        "ping": {"endpoint": "45.1.2.3:6881"},
        "status": {},
        "network_peers": {"count": 4, "wait_s": 1.5},
        "feedback": {"peer": "ab" * 32, "verdict": "good"},
        "book_import": {"lines": ["{}"]},
        "put": {"value": "x"},
        CANCEL: {"id": 1},
    }
    requests = [
        {"jsonrpc": "2.0", "id": number, "method": name, "params": each}
        for number, (name, each) in enumerate(params.items())
    ]
    errors: list[dict[str, object]] = [
        {"code": -32001, "message": "x", "data": {"code": 203, "text": "bad\x1b[2J"}},
        {
            "code": -32001,
            "message": "conflict",
            "data": {
                "code": 302,
                "text": "older",
                "sequence": 5,
                "stored": [{"id": "cd" * 20, "host": "45.1.2.3", "port": 6881}],
            },
        },
        {"code": -32000, "message": "no answer"},
    ]
    return [json.dumps(each).encode() + b"\n" for each in (*requests, *errors)]


CONTROL_LINES = Target(
    "control-lines",
    "Malformed and UsageError alone are raised for a request, and no error for a response; each "
    "refusal is one sound line, and parameters that are taken survive encoding",
    check,
    seeds,
    (b'"id": 18446744073709551616', b'"id": 1e5', b'"params": [', b"\n", b'"\\ud800"', b"[" * 50),
    mutate_json_lines,
    max_bytes=1500,
    intended_s=0.004,
    guided_by=("kadisc.control.protocol", "kadisc.control.lines", "kadisc.errors", "kadisc.text"),
    quick_runs=800,
)
