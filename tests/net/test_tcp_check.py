"""A TCP port that accepts, one that refuses, and one whose host never answers."""

from __future__ import annotations

import socket

import trio

from kadisc.net.tcp_check import accepts


async def test_a_listening_port_accepts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert await accepts("127.0.0.1", port)
    assert not await accepts("127.0.0.1", port)


async def test_a_refused_connection_is_false() -> None:
    assert not await accepts("255.255.255.255", 9)


async def test_a_full_queue_is_not_waited_for_beyond_the_timeout() -> None:
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        with trio.fail_after(5):
            assert not await accepts("127.0.0.1", server.getsockname()[1], timeout_s=0.2)
