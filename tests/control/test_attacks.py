"""Clients that try to exhaust the node: each bound holds, and without it the attack works."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from kadisc.control import connection
from kadisc.control.protocol import BUSY, INVALID_REQUEST, MAX_REQUEST_BYTES

from .lab import Lab, comes_true, open_lab


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
