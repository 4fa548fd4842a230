"""The client, with nodes and with other programs at the socket."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from kadisc.control import client as client_module
from kadisc.control.client import open_client
from kadisc.control.methods.find import FIND, FindParams
from kadisc.control.methods.ping import PING, PingParams
from kadisc.control.methods.status import STATUS, StatusParams
from kadisc.control.socket_file import listening_at, socket_path
from kadisc.errors import Closed, ErrorAnswer, KadiscError, NoAnswer, NotRunning, UsageError

from ..net.lab import address
from .lab import PATIENCE_S, comes_true, open_lab

ID = "0123456789abcdef0123456789abcdef01234567"


async def test_results_are_typed_and_errors_are_the_nodes(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=3) as lab, open_client(lab.path) as client:
        partial: list[object] = []
        found = await client.call(
            FIND, FindParams(ID, partial=True), tell=partial.append, silence_s=PATIENCE_S
        )
        assert [len(found.nodes), found.target] == [3, ID]
        assert partial
        with pytest.raises(UsageError, match="40 hex digits"):
            await client.call(FIND, FindParams("00"), silence_s=PATIENCE_S)
        with pytest.raises(NoAnswer, match="no socket for the address family"):
            await client.call(PING, PingParams("[2001:db8::1]:1"), silence_s=PATIENCE_S)
        assert (
            await client.call(STATUS, StatusParams(), silence_s=PATIENCE_S)
        ).network == "mainline"


async def test_a_call_that_is_cancelled_ends_in_the_node(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery, open_client(lab.path) as client:

                async def cancel_when_it_runs() -> None:
                    await comes_true(lambda: len(lab.node.operations()) == 1)
                    scope.cancel()

                nursery.start_soon(cancel_when_it_runs)
                await client.call(PING, PingParams(address(9)), silence_s=PATIENCE_S)
        assert scope.cancelled_caught
        await comes_true(lambda: lab.node.operations() == ())


async def test_no_node_runs(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=f"no node runs with the state folder {tmp_path}"):
        async with open_client(socket_path(tmp_path)):
            raise AssertionError("not to be reached")


def _fill_queue(path: Path, waiting: ExitStack) -> None:
    while True:
        other = waiting.enter_context(socket.socket(socket.AF_UNIX))
        other.setblocking(False)
        try:
            other.connect(str(path))
        except BlockingIOError:
            return


async def test_it_waits_while_the_backlog_is_full(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    with listening_at(path) as sock, ExitStack() as waiting:
        _fill_queue(path, waiting)
        async with trio.open_nursery() as nursery:

            async def let_one_in() -> None:
                await trio.testing.wait_all_tasks_blocked()
                sock.accept()[0].close()

            nursery.start_soon(let_one_in)
            with trio.fail_after(PATIENCE_S):
                async with open_client(path):
                    pass


async def test_it_gives_up_if_the_backlog_stays_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CONNECT_S", 0.05)
    path = socket_path(tmp_path)
    with listening_at(path), ExitStack() as waiting:
        _fill_queue(path, waiting)
        with pytest.raises(NotRunning, match="does not answer"):
            async with open_client(path):
                raise AssertionError("not to be reached")


@asynccontextmanager
async def _listener(
    path: Path, behave: Callable[[trio.SocketStream], Awaitable[object]]
) -> AsyncIterator[None]:
    """A program at the socket that is not a node."""
    with listening_at(path) as sock:
        async with trio.open_nursery() as nursery:

            async def serve() -> None:
                async with await trio.SocketListener(
                    trio.socket.from_stdlib_socket(sock)
                ).accept() as stream:
                    await behave(stream)

            nursery.start_soon(serve)
            yield
            nursery.cancel_scope.cancel()


async def _call(path: Path, silence_s: float = PATIENCE_S) -> None:
    async with open_client(path) as client:
        await client.call(STATUS, StatusParams(), silence_s=silence_s)


async def test_a_program_that_hangs_is_given_up(tmp_path: Path) -> None:
    async def hang(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    path = socket_path(tmp_path)
    async with _listener(path, hang):
        with pytest.raises(NotRunning, match=r"has not answered for 0\.05 s"):
            await _call(path, silence_s=0.05)


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (b"", Closed, "closed the connection"),
        (b'{"jsonrpc"', Closed, "closed the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", KadiscError, "not the protocol"),
        (
            b'{"jsonrpc": "2.0", "id": 1, "result": {"version": 5}}\n',
            KadiscError,
            "not the protocol",
        ),
        (b"[" * 5000 + b"\n", KadiscError, "not the protocol"),
        (
            b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "odd"}}\n',
            KadiscError,
            "odd",
        ),
        (
            b'{"jsonrpc": "2.0", "id": 1, '
            b'"error": {"code": -32001, "message": "odd", "data": 5}}\n',
            KadiscError,
            "odd",
        ),
        (
            b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32001, "message": "x", '
            b'"data": {"code": 202, "text": "server"}}}\n',
            ErrorAnswer,
            "error 202: server",
        ),
        (
            b'{"jsonrpc": "2.0", "id": 9, "result": {}}\n'
            b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32002, "message": "full"}}\n',
            KadiscError,
            "full",
        ),
    ],
)
async def test_any_other_response_is_an_error_of_one_line(
    tmp_path: Path, reply: bytes, kind: type[KadiscError], words: str
) -> None:
    async def behave(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(reply)

    path = socket_path(tmp_path)
    async with _listener(path, behave):
        with pytest.raises(kind, match=words) as caught:
            await _call(path)
        assert "\n" not in str(caught.value)
