"""HTTP requests to a node that serves metrics: whatever a client sends on a connection."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import h11
import trio
import trio.testing

from kadisc.errors import NotFound
from kadisc.http.access import Access
from kadisc.http.requests import serve_connection
from kadisc.http.routes import Routes

from ..target import Target, require

MAX_RESPONSES = 64
_STATUS_LINE = re.compile(rb"HTTP/1\.1 [0-9]{3} ")


class NoPeers:
    name = "testnet"

    def peers(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def __getattr__(self, name: str) -> Any:
        raise NotFound(f"there is no {name}")


class EmptyNode:
    """Has a network without peers; of everything else it knows nothing."""

    own_network = NoPeers()

    def __getattr__(self, name: str) -> Any:
        raise NotFound(f"there is no {name}")


class Sent(trio.abc.Stream):
    """A connection on which a client has sent some bytes, in chunks, and closed its side."""

    def __init__(self, data: bytes) -> None:
        self.left = data
        self.received = b""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        self.received += data

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        chunk, self.left = self.left[:max_bytes], self.left[max_bytes or len(self.left) :]
        return chunk

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def check(data: bytes) -> None:
    for token in (None, "a" * 16):
        access = Access("127.0.0.1:9000", token=token, is_open=False)
        node: Any = EmptyNode()
        routes = Routes(node, access, lambda: 0.0, has_api=True)
        stream = Sent(data)
        trio.run(serve_connection, stream, routes.answer)
        _are_responses(stream.received)


def _are_responses(received: bytes) -> None:
    """Raises for anything but whole responses, one after the other. A request with HEAD is answered
    without the body that it names, so only the heads are read.
    """
    starts = [match.start() for match in _STATUS_LINE.finditer(received)]
    require(starts[:1] == [0] or not received, f"{received[:40]!r} before the first response")
    require(len(starts) <= MAX_RESPONSES, f"{len(starts)} responses")
    for start in starts:
        head = received[start:].partition(b"\r\n\r\n")[0]
        connection = h11.Connection(h11.CLIENT)
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
        connection.send(h11.EndOfMessage())
        connection.receive_data(head + b"\r\n\r\n")
        event = connection.next_event()
        require(isinstance(event, h11.Response), f"{head!r} is no response")
        require(event.status_code != 500, f"{head!r}")


def seeds() -> list[bytes]:
    head = "Host: 127.0.0.1:9000\r\nAuthorization: Bearer aaaaaaaaaaaaaaaa\r\n"
    paths = (
        *("/v1/peers?service=eth&where=fork%3D0xab&count=5&format=text", "/v1/peers?network=other"),
        *("/v1/why?peer=45.1.2.3%3A6881", "/nowhere", "/metrics", "http://[::1]/healthz", "//["),
    )
    return [
        *(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode() for path in paths),
        f"HEAD /v1/status HTTP/1.1\r\n{head}\r\nGET / HTTP/1.1\r\n{head}\r\n".encode(),
        f"POST /metrics HTTP/1.1\r\n{head}Content-Length: 3\r\n\r\nabc".encode(),
        f"GET / HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".encode(),
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\0",
    ]


def mutate(data: bytes, rng: Random) -> bytes:
    """Another target, header or line."""
    lines = data.split(b"\r\n")
    at = rng.randrange(len(lines))
    if at == 0 and lines[0].count(b" ") >= 2:
        method, target, version = lines[0].split(b" ", 2)
        odd = (
            b"//[",
            b"/%",
            b"/\xff",
            b"*",
            b"/v1/peers?count=\xb2",
            b"/?" + b"a=b&" * 20,
            b"//]:",
        )
        lines[0] = b" ".join((method, rng.choice((target + rng.choice(odd), *odd)), version))
    elif rng.random() < 0.5:
        lines.insert(at, lines[rng.randrange(len(lines))])
    else:
        name, _, value = lines[at].partition(b":")
        odd = (b"", b"\xe9", b"[", b"-1", b"9" * 30, b"chunked", b"close", b"h2c", b"\xff" * 20)
        lines[at] = name + b": " + rng.choice((value, b"")) + rng.choice(odd)
    return b"\r\n".join(lines)


HTTP_REQUESTS = Target(
    "http-requests",
    "no error is raised, whatever a client sends; what it gets back are whole responses, and none "
    "is an internal error",
    check,
    seeds,
    (
        b"//[",
        b"%00",
        b"Content-Length: ",
        b"Transfer-Encoding: chunked\r\n",
        b"HTTP/1.1\r\n",
        b"\xe9",
    ),
    mutate,
    max_bytes=1200,
    intended_s=0.02,
    guided_by=("kadisc.http", "kadisc.observe.services"),
    quick_runs=100,
)
