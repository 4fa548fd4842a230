"""Handshakes with servers of this machine: each kind ends in time, with its verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from kadisc.endpoints import parse_endpoint
from kadisc.feed.bitcoin_version import HEADER_BYTES, version_message
from kadisc.feed.handshake import (
    TIMEOUT_S,
    BitcoinHandshake,
    HandshakeOutcome,
    no_handshake,
    tcp_handshake,
)

LTC, BTC = bytes.fromhex("fbc0b6db"), bytes.fromhex("f9beb4d9")
TO = parse_endpoint("45.20.0.1:9333")
Serve = Callable[[trio.SocketStream], Awaitable[None]]


async def sound(stream: trio.SocketStream) -> None:
    """As Bitcoin Core: it speaks after it was spoken to, in pieces."""
    received = b""
    while len(received) < HEADER_BYTES:
        received += await stream.receive_some()
    assert received.startswith(LTC + b"version")
    answer = version_message(LTC, "/LitecoinCore:0.21.2.1/", 1, 1_795_000_000, TO)
    for start in range(0, len(answer), 40):
        await stream.send_all(answer[start : start + 40])
        await trio.sleep(0.01)
    await stream.receive_some()


async def other_chain(stream: trio.SocketStream) -> None:
    """As Bitcoin Core: it closes when it reads another magic."""
    await stream.receive_some()


async def other_magic(stream: trio.SocketStream) -> None:
    await stream.receive_some()
    await stream.send_all(version_message(BTC, "/x/", 1, 1, TO))


async def full(stream: trio.SocketStream) -> None:
    await trio.lowlevel.checkpoint()


async def web(stream: trio.SocketStream) -> None:
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


async def mail(stream: trio.SocketStream) -> None:
    await stream.send_all(b"220 mail.example.org ESMTP\r\n")
    await stream.receive_some()


async def breaks_off(stream: trio.SocketStream) -> None:
    await stream.receive_some()
    await stream.send_all(version_message(LTC, "/x/", 1, 1, TO)[:30])


async def silent(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def babbling(stream: trio.SocketStream) -> None:
    while True:
        await stream.send_all(bytes(range(256)) * 256)


async def slow(stream: trio.SocketStream) -> None:
    """A byte now and then: no longer than the time limit."""
    answer = version_message(LTC, "/x/", 1, 1, TO)
    for byte in answer:
        await stream.send_all(bytes((byte,)))
        await trio.sleep(0.4)


EXPECTED: dict[Serve, tuple[str | None, str]] = {
    sound: (None, "/LitecoinCore:0.21.2.1/  height 0  services 0x0"),
    other_chain: ("wrong-network", "closes the connection at this chain's magic"),
    other_magic: ("wrong-network", "another chain's magic, f9beb4d9"),
    full: ("busy", "closes the connection at once"),
    web: ("bad", "HTTP server"),
    mail: ("bad", "does not speak"),
    breaks_off: ("bad", "within its first message"),
    silent: ("bad", "says nothing"),
    babbling: ("bad", "does not speak"),
    slow: ("bad", "says nothing"),
}


async def test_each_kind_of_server_has_its_verdict() -> None:
    outcomes: dict[Serve, HandshakeOutcome] = {}
    shake = BitcoinHandshake(LTC)

    async def serve_and_try(serve: Serve) -> None:
        async def quiet(stream: trio.SocketStream) -> None:
            try:
                async with stream:
                    await serve(stream)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass

        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            port = listeners[0].socket.getsockname()[1]
            nursery.start_soon(trio.serve_listeners, quiet, listeners)
            outcomes[serve] = await shake("127.0.0.1", port)
            if serve in (sound, full):
                assert (await tcp_handshake("127.0.0.1", port)).is_sound is (serve is sound)
            nursery.cancel_scope.cancel()

    with trio.fail_after(5 * TIMEOUT_S):
        async with trio.open_nursery() as nursery:
            for serve in EXPECTED:
                nursery.start_soon(serve_and_try, serve)
    for serve, (verdict, words) in EXPECTED.items():
        assert outcomes[serve].verdict == verdict, serve.__name__
        assert words in outcomes[serve].words, serve.__name__
    assert outcomes[sound].fields["agent"] == "/LitecoinCore:0.21.2.1/"


async def test_a_port_where_nobody_listens() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    for shake in (tcp_handshake, BitcoinHandshake(LTC)):
        outcome = await shake("127.0.0.1", port)
        assert (outcome.verdict, outcome.words) == ("bad", "refuses connections")
    assert (await no_handshake("127.0.0.1", port)).is_sound
