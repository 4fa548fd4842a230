"""The RPC of a chain node, and what it is not."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from kadisc.errors import UsageError
from kadisc.feed.rpc import ChainRpc, RpcAccess, RpcError, RpcRefused, RpcUnreachable


def http(body: str, status: str = "200 OK", *more: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *more, "", ""])
    return (head + body).encode()


@asynccontextmanager
async def answering(answer: bytes, seen: list[bytes] | None = None) -> AsyncIterator[str]:
    """A server that reads a request and gives that answer; its URL."""

    async def serve(stream: trio.SocketStream) -> None:
        received = await stream.receive_some(65536)
        while b"}" not in received:
            received += await stream.receive_some(65536)
        if seen is not None:
            seen.append(received)
        try:
            await stream.send_all(answer)
        except trio.BrokenResourceError:
            return
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield f"http://127.0.0.1:{port}/rpc"
        nursery.cancel_scope.cancel()


async def test_a_request_and_its_result(tmp_path: Path) -> None:
    cookie, seen = tmp_path / ".cookie", list[bytes]()
    cookie.write_text("__cookie__:secret\n")
    async with answering(http('{"result": [1], "error": null, "id": 1}'), seen) as url:
        rpc = ChainRpc(RpcAccess(url, cookie_file=cookie))
        assert await rpc.call("getpeerinfo", []) == [1]
        cookie.write_text("__cookie__:another")
        await rpc.call("getpeerinfo", [])
    first, second = (request.decode() for request in seen)
    assert first.startswith("POST /rpc HTTP/1.1\r\n")
    body = json.loads(first.partition("\r\n\r\n")[2])
    assert body == {"jsonrpc": "2.0", "id": 1, "method": "getpeerinfo", "params": []}
    for request, secret in ((first, "__cookie__:secret"), (second, "__cookie__:another")):
        assert f"Basic {base64.b64encode(secret.encode()).decode()}" in request


async def test_a_password_in_a_file(tmp_path: Path) -> None:
    password, seen = tmp_path / "password", list[bytes]()
    password.write_text("geheim\n")
    async with answering(http('{"result": true}'), seen) as url:
        access = RpcAccess(url, user="me", password_file=password)
        assert await ChainRpc(access).call("x", {}) is True
    assert base64.b64encode(b"me:geheim") in seen[0]


async def test_a_chunked_answer() -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'8\r\n{"result\r\n6\r\n": 42}\r\n0\r\n\r\n'
    )
    async with answering(answer) as url:
        assert await ChainRpc(RpcAccess(url)).call("x", []) == 42


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (http("", "401 Unauthorized"), RpcRefused, "refuses user or password"),
        (http("<html>", "403 Forbidden"), RpcRefused, "refuses user or password"),
        (
            http('{"error": {"code": -32601, "message": "Method not found"}}', "404 Not Found"),
            RpcRefused,
            "does not know the method addnode",
        ),
        (
            http('{"result": null, "error": {"code": -28, "message": "Loading"}}', "500 No"),
            RpcError,
            "error -28: Loading",
        ),
        (http('{"error": "old style"}'), RpcError, "old style"),
        (http('{"error": {"code": true, "message": ["x"]}}'), RpcError, "error 0"),
        (http("hello"), RpcUnreachable, "not a JSON-RPC server .HTTP status 200"),
        (http("[" * 3000), RpcUnreachable, "not a JSON-RPC server"),
        (http("{}"), RpcUnreachable, "not a JSON-RPC server"),
        (b"SSH-2.0-OpenSSH\r\n", RpcUnreachable, "127.0.0.1"),
        (b"\0" * 200_000, RpcUnreachable, "127.0.0.1"),
        (b"", RpcUnreachable, "127.0.0.1"),
        (http("{}")[:-1], RpcUnreachable, "127.0.0.1"),
    ],
)
async def test_other_answers_are_errors_in_words(
    answer: bytes, kind: type[Exception], words: str
) -> None:
    async with answering(answer) as url:
        with pytest.raises(kind, match=words):
            await ChainRpc(RpcAccess(url)).call("addnode", [])


async def test_nobody_there_and_no_cookie(tmp_path: Path) -> None:
    async with answering(b"") as url:
        pass
    with pytest.raises(RpcUnreachable, match=r"127\.0\.0\.1"):
        await ChainRpc(RpcAccess(url)).call("x", [])
    access = RpcAccess(url, cookie_file=tmp_path / "none")
    with pytest.raises(RpcUnreachable, match="there is no file"):
        await ChainRpc(access).call("x", [])


@pytest.mark.parametrize("url", ["", "127.0.0.1:8332", "https://127.0.0.1:8332", "http://host"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="--rpc"):
        ChainRpc(RpcAccess(url))
