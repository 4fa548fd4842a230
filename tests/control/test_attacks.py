"""Clients that cost more than they should: each with its bound as it is, and, to show what that is
good for, without it.
"""

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


async def test_a_line_without_end_is_cut_off(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.stream.send_all(b"x" * (MAX_REQUEST_BYTES + 1))
        assert await client.error() == (None, INVALID_REQUEST)
        assert await client.next() is None
        await comes_true(lambda: not lab.server.clients)


async def test_without_a_longest_line_it_is_kept(
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
async def test_a_client_that_does_not_read(tmp_path: Path, bounded: bool) -> None:
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
async def test_a_client_that_reads_nothing_any_more(tmp_path: Path, bounded: bool) -> None:
    async with open_lab(tmp_path, stall_s=0.05 if bounded else 1e9) as lab, lab.client() as client:
        await client.ask("flood", lines=2_000)
        await comes_true(
            lambda: not lab.server.clients if bounded else _waiting_bytes(lab) > 1_000_000
        )
        with trio.move_on_after(0.25):
            await comes_true(lambda: not lab.server.clients)
        assert bool(lab.server.clients) != bounded


@pytest.mark.parametrize("bounded", [True, False])
async def test_a_thousand_who_come_and_stay(tmp_path: Path, bounded: bool) -> None:
    """They take a file of the process each; and those who are let in must not keep others out."""
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


async def test_a_thousand_who_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
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


async def test_where_everybody_waits_for_something_the_next_is_turned_away(tmp_path: Path) -> None:
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


async def test_garbage_is_answered_and_costs_nothing_else(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        for garbage in (b"\x00\xff\xfe", b"GET / HTTP/1.1\r", b"{}", b"[" * 1000, b'"' * 99):
            await client.send(garbage)
            identity, code = await client.error()
            assert identity is None
            assert code < -32000
        assert lab.node.operations() == ()
