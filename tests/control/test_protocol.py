"""Lines: the decoder makes a request or a JSON-RPC error from any line."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.contacts import Contact
from kadisc.control.lines import LineBuffer, LineTooLong
from kadisc.control.protocol import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorObject,
    Malformed,
    Request,
    decode_params,
    decode_request,
    encode_error,
    error_from,
    error_object,
)
from kadisc.endpoints import make_endpoint
from kadisc.errors import Busy, Closed, Conflict, ErrorAnswer, KadiscError, NoAnswer, UsageError

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["jsonrpc", "id", "method", "params", "x"]), inner, max_size=5
        )
    ),
    max_leaves=8,
)


def test_a_request() -> None:
    request = decode_request(
        b'{"jsonrpc": "2.0", "id": "a", "method": "find", "params": {"target": "00"}}'
    )
    assert (request.response_id, request.method, request.wants_response, bytes(request.params)) == (
        "a",
        "find",
        True,
        b'{"target": "00"}',
    )


def test_a_request_without_an_id_wants_no_response_and_one_with_null_does() -> None:
    assert not decode_request(b'{"jsonrpc": "2.0", "method": "find"}').wants_response
    assert decode_request(b'{"jsonrpc": "2.0", "method": "find", "id": null}').wants_response


@pytest.mark.parametrize(
    ("line", "code", "request_id"),
    [
        (b"", PARSE_ERROR, None),
        (b"{", PARSE_ERROR, None),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "find"', PARSE_ERROR, None),
        (b'{"jsonrpc": "1.0", "id": 1, "method": ', PARSE_ERROR, None),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}', PARSE_ERROR, None),
        (b"[" * 60_000, PARSE_ERROR, None),
        (b'{"params":' * 6_000 + b"1" + b"}" * 6_000, PARSE_ERROR, None),
        (b"17", INVALID_REQUEST, None),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "find"}]', INVALID_REQUEST, None),
        (b'{"id": 1, "method": "find"}', INVALID_REQUEST, 1),
        (b'{"jsonrpc": "1.0", "id": "a", "method": "find"}', INVALID_REQUEST, "a"),
        (b'{"jsonrpc": "2.0", "id": 1}', INVALID_REQUEST, 1),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 5}', INVALID_REQUEST, 1),
        (b'{"jsonrpc": "2.0", "id": 1.5, "method": "find"}', INVALID_REQUEST, None),
        (b'{"jsonrpc": "2.0", "id": true, "method": "find"}', INVALID_REQUEST, None),
        (b'{"jsonrpc": "2.0", "id": [1], "method": "find"}', INVALID_REQUEST, None),
    ],
)
def test_a_line_that_is_not_a_request(line: bytes, code: int, request_id: object) -> None:
    with pytest.raises(Malformed) as caught:
        decode_request(line)
    assert (caught.value.code, caught.value.request_id) == (code, request_id)
    assert (
        json.loads(encode_error(caught.value.request_id, ErrorObject(code, caught.value.message)))[
            "id"
        ]
        == request_id
    )


@given(st.binary(max_size=200) | _JSON.map(lambda document: json.dumps(document).encode()))
def test_any_line_is_a_request_or_malformed(line: bytes) -> None:
    try:
        request = decode_request(line)
    except Malformed as error:
        assert json.loads(encode_error(error.request_id, ErrorObject(error.code, error.message)))
    else:
        assert isinstance(request, Request)


class _Params(msgspec.Struct, forbid_unknown_fields=True):
    target: str
    k: int = 8


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b"null",
        b'["00"]',
        b'{"target": 5}',
        b'{"target": "00", "q": 1}',
        b'{"target": "00", "k": "8"}',
    ],
)
def test_invalid_params(raw: bytes) -> None:
    with pytest.raises(UsageError, match="invalid params: "):
        decode_params(msgspec.Raw(raw), _Params)


@pytest.mark.parametrize(
    "error",
    [
        UsageError("a"),
        NoAnswer("b"),
        ErrorAnswer(203, "protocol"),
        Conflict(302, "the sequence there is 10", 10),
        Conflict(301, "the sequence there is 9", 9, (Contact(5, make_endpoint("45.1.2.3", 4)),)),
        Busy("c"),
        Closed("d"),
        KadiscError("e"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_kadisc_is_decoded_as_encoded(error: KadiscError) -> None:
    line: dict[str, Any] = json.loads(encode_error(1, error_object(error)))
    again = error_from(msgspec.convert(line["error"], ErrorObject))
    assert (type(again), str(again)) == (type(error), str(error))
    if isinstance(error, Conflict):
        assert isinstance(again, Conflict)
        assert (again.sequence, again.stored) == (error.sequence, error.stored)


@given(
    st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line and bool(line.strip()))),
    st.lists(st.integers(1, 30)),
)
def test_lines_do_not_depend_on_chunk_boundaries(lines: list[bytes], sizes: list[int]) -> None:
    buffer, text, found = LineBuffer(20), b"".join(line + b"\n" for line in lines), []
    for size in (*sizes, max(len(text), 1)):
        chunk, text = text[:size], text[size:]
        found += buffer.feed(chunk)
    assert found == lines


def test_an_endless_line_is_not_kept() -> None:
    buffer = LineBuffer(10)
    assert buffer.feed(b"0123456789") == []
    with pytest.raises(LineTooLong):
        buffer.feed(b"0")
