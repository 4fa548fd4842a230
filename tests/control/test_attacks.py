"""Clients that try to exhaust the node: each bound holds, and without it the attack works."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from kadisc.control import connection
from kadisc.control.call import Call, Method
from kadisc.control.protocol import BUSY, INVALID_PARAMS, INVALID_REQUEST, MAX_REQUEST_BYTES

from .lab import Done, Lab, NoParams, comes_true, open_lab

TARGET = "0123456789abcdef0123456789abcdef01234567"


def _waiting_bytes(lab: Lab) -> int:
    return sum(client.waiting_bytes for client in lab.server.clients)


async def test_a_client_with_an_endless_line_is_disconnected(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.stream.send_all(b"x" * (MAX_REQUEST_BYTES + 1))
        assert await client.error() == (None, INVALID_REQUEST)
        assert await client.next() is None
        await comes_true(lambda: not lab.server.clients)


async def test_without_a_maximum_length_a_line_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_REQUEST_BYTES", 1 << 40)
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.stream.send_all(b"x" * (4 * MAX_REQUEST_BYTES) + b"\n")
        message = await client.next()
        assert message is not None
        assert "not JSON" in message["error"]["message"]
        assert len(lab.server.clients) == 1


@pytest.mark.parametrize("bounded", [True, False])
async def test_unread_responses_are_bounded(tmp_path: Path, bounded: bool) -> None:
    limit = 1 << 18 if bounded else 1 << 40
    async with (
        open_lab(tmp_path, unread_bytes=limit) as lab,
        lab.client() as client,
        lab.client() as other,
    ):
        most = 0
        await comes_true(lambda: len(lab.server.clients) == 2)
        await client.ask("flood", lines=2_000)
        with trio.move_on_after(20) as scope:
            while len(lab.server.clients) == 2 and most < 1_000_000:
                most = max(most, _waiting_bytes(lab))
                await trio.lowlevel.checkpoint()
        assert not scope.cancelled_caught
        assert (most < 2 * (1 << 18)) == bounded
        await other.ask("status")
        assert "network" in await other.result()
        if bounded:
            await comes_true(lambda: len(lab.server.clients) == 1)


@pytest.mark.parametrize("bounded", [True, False])
async def test_a_client_that_stops_reading_is_disconnected(tmp_path: Path, bounded: bool) -> None:
    async with open_lab(tmp_path, stall_s=0.05 if bounded else 1e9) as lab, lab.client() as client:
        await client.ask("flood", lines=2_000)
        await comes_true(
            lambda: not lab.server.clients if bounded else _waiting_bytes(lab) > 1_000_000
        )
        with trio.move_on_after(0.25):
            await comes_true(lambda: not lab.server.clients)
        assert bool(lab.server.clients) != bounded


@pytest.mark.parametrize("bounded", [True, False])
async def test_a_thousand_idle_clients_do_not_block_others(tmp_path: Path, bounded: bool) -> None:
    """Each client takes a file descriptor of the node; idle clients must not block others."""
    count = 1_000 if bounded else 100
    async with (
        open_lab(tmp_path, clients=8 if bounded else 10_000) as lab,
        AsyncExitStack() as stack,
    ):
        for _ in range(count):
            await stack.enter_async_context(lab.client())
            assert len(lab.server.clients) <= (8 if bounded else count)
        await comes_true(lambda: len(lab.server.clients) == (8 if bounded else count))
        async with lab.client() as client:
            await client.ask("status")
            assert "network" in await client.result()


async def test_a_thousand_short_connections_leave_nothing_behind(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        for number in range(1_000):
            async with lab.client() as client:
                if number % 2:
                    await client.ask("slow")
        await comes_true(lambda: not lab.server.clients)
        assert lab.slow.running == 0
        async with lab.client() as client:
            await client.ask("status")
            assert "network" in await client.result()


async def test_if_all_clients_are_busy_the_next_is_refused(tmp_path: Path) -> None:
    async with open_lab(tmp_path, clients=2) as lab:
        async with lab.client() as one, lab.client() as two:
            await one.ask("slow")
            await two.ask("slow")
            await comes_true(lambda: lab.slow.running == 2)
            async with lab.client() as late:
                assert await late.error() == (None, BUSY)
                assert await late.next() is None
        await comes_true(lambda: not lab.server.clients)
        async with lab.client() as client:
            await client.ask("status")
            assert "network" in await client.result()


async def test_garbage_gets_an_error_and_starts_nothing(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        for garbage in (b"\x00\xff\xfe", b"GET / HTTP/1.1\r", b"{}", b"[" * 1000, b'"' * 99):
            await client.send(garbage)
            identity, code = await client.error()
            assert identity is None
            assert code < -32000
        assert lab.node.operations() == ()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("find", {"target": TARGET, "paths": 17}),
        ("find", {"target": TARGET, "paths": 10_000}),
        ("find", {"target": TARGET, "paths": 0}),
        ("find", {"target": TARGET, "k": 1001}),
        ("find", {"target": TARGET, "k": 0}),
        ("find", {"target": TARGET, "k": 1 << 70}),
        ("peers", {"infohash": TARGET, "count": 1001}),
        ("network_peers", {"network": "devnet", "count": 1001}),
        ("announce", {"infohash": TARGET, "port": 65_536}),
        ("put", {"value": "a", "mutable": True, "seq": 1 << 63}),
        ("put", {"value": "a", "mutable": True, "cas": -1}),
    ],
)
async def test_numbers_beyond_their_bounds_are_refused(
    tmp_path: Path, method: str, params: dict[str, object]
) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.ask(method, **params)
        assert await client.error() == (1, INVALID_PARAMS)
        assert lab.node.operations() == ()


async def test_the_paths_of_all_requests_are_bounded_together(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=3) as lab, lab.client() as one, lab.client() as other:
        lab.net.loss = 1.0
        for number in range(16):
            await one.ask("find", number, target=TARGET, paths=16)
        target = int(TARGET, 16)
        await comes_true(lambda: sum(each.target == target for each in lab.node.operations()) == 16)
        await other.ask("find", target=TARGET, paths=16)
        assert await other.error() == (1, BUSY)
        await other.ask("find", target=TARGET)
        assert await other.error() == (1, BUSY)


async def test_many_requests_at_once_start_one_by_one(tmp_path: Path) -> None:
    """Else 512 lookups would start in one pass of the event loop, and no datagram be read."""
    starts: list[int] = []
    passes = 0

    async def note(params: NoParams, call: Call) -> Done:
        starts.append(passes)
        await trio.sleep_forever()
        return Done()

    methods = {"note": Method("note", NoParams, Done, note)}
    async with open_lab(tmp_path, methods=methods) as lab, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(lab.client()) for _ in range(8)]
        for client in clients:
            await client.send(
                b"\n".join(
                    b'{"jsonrpc": "2.0", "id": %d, "method": "note"}' % number
                    for number in range(16)
                )
            )
        while len(starts) < 8 * 16:
            passes += 1
            await trio.lowlevel.checkpoint()
        in_pass = Counter(starts)
        del in_pass[0]  # while the requests were sent
        assert in_pass
        assert max(in_pass.values()) == 1


async def test_what_all_clients_leave_unread_is_bounded_together(tmp_path: Path) -> None:
    limits = {"unread_bytes_in_all": 1_000_000}
    async with open_lab(tmp_path, **limits) as lab, AsyncExitStack() as stack:
        for _ in range(8):
            client = await stack.enter_async_context(lab.client())
            await client.ask("flood", lines=600)
        await comes_true(lambda: len(lab.server.clients) <= 5)
        async with lab.client() as reader:
            await reader.ask("status")
            assert "network" in await reader.result()
        await comes_true(lambda: _waiting_bytes(lab) <= 1_000_000)
