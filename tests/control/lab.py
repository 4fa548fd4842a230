"""A node on an in-memory network, its control socket in a real folder, and clients that send raw
lines.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import trio
import trio.testing

from kadisc.config import DEFAULT_NETWORK
from kadisc.control.call import Call, Method
from kadisc.control.connection import ControlLimits
from kadisc.control.lines import LineBuffer
from kadisc.control.methods import METHODS
from kadisc.control.server import ControlServer, open_control
from kadisc.control.socket_file import socket_path
from kadisc.net.api.node import Node
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork

from ..net.lab import CONFIG, address, network, open_at

PATIENCE_S = 20.0
"""The time limit for anything that should happen at once; only a broken test reaches it."""


class NoParams(msgspec.Struct):
    pass


class Size(msgspec.Struct):
    lines: int
    bytes: int = 1000


class Done(msgspec.Struct):
    done: bool = True


class Slow:
    """A method that ends only when cancelled, and counts its running calls."""

    def __init__(self) -> None:
        self.running = 0
        self.method = Method("slow", NoParams, Done, self._carry_out)

    async def _carry_out(self, params: NoParams, call: Call) -> Done:
        self.running += 1
        try:
            await trio.sleep_forever()
        finally:
            self.running -= 1


async def _flood(params: Size, call: Call) -> Done:
    assert call.tell is not None
    for number in range(params.lines):
        call.tell({"number": number, "filling": "x" * params.bytes})
        await trio.lowlevel.checkpoint()
    return Done()


async def _broken(params: NoParams, call: Call) -> Done:
    await trio.lowlevel.checkpoint()
    raise ZeroDivisionError("a mistake")


FLOOD = Method("flood", Size, Done, _flood)
BROKEN = Method("broken", NoParams, Done, _broken)


@dataclass
class Lab:
    net: MemoryNetwork
    node: Node
    server: ControlServer
    path: Path
    slow: Slow

    @property
    def subscribed(self) -> int:
        return self.node.pump.dispatch.subscribed

    @asynccontextmanager
    async def client(self) -> AsyncIterator[RawClient]:
        async with await trio.open_unix_socket(str(self.path)) as stream:
            yield RawClient(stream)


class RawClient:
    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._lines = LineBuffer(1 << 24)
        self._unread: list[bytes] = []

    async def send(self, line: bytes) -> None:
        await self.stream.send_all(line + b"\n")

    async def ask(self, method: str, request_id: object = 1, **params: object) -> None:
        await self.send(
            json.dumps(
                {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
            ).encode()
        )

    async def next(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        with trio.fail_after(PATIENCE_S):
            while not self._unread:
                try:
                    chunk = await self.stream.receive_some()
                except trio.BrokenResourceError:
                    return None
                if not chunk:
                    return None
                self._unread = self._lines.feed(chunk)
        message: dict[str, Any] = json.loads(self._unread.pop(0))
        assert message["jsonrpc"] == "2.0"
        return message

    async def error(self) -> tuple[object, int]:
        """The id and the code of the next message, which must be an error."""
        message = await self.next()
        assert message is not None
        assert set(message) == {"jsonrpc", "id", "error"}
        assert message["error"]["message"]
        return message["id"], message["error"]["code"]

    async def result(self) -> Any:
        """The result of the next response; partial results are skipped."""
        while True:
            message = await self.next()
            assert message is not None
            if "method" not in message:
                assert set(message) == {"jsonrpc", "id", "result"}, message
                return message["result"]


@asynccontextmanager
async def open_lab(
    folder: Path,
    *,
    others: int = 0,
    name: str = DEFAULT_NETWORK,
    publishes: bool = False,
    methods: Mapping[str, Method[Any, Any]] = METHODS,
    **limits: float,
) -> AsyncIterator[Lab]:
    """``others``: the number of other nodes, all of the network ``name``. ``publishes``: all nodes
    publish their records on the DHT at once; without it the only operations are the requested ones.
    """
    config = replace(
        CONFIG, network=name, service={"eth": 30303}, publish_record=publishes, publish_delay_s=0.1
    )
    net, slow = network(latency_s=0.001), Slow()
    own = {method.name: method for method in (slow.method, FLOOD, BROKEN)}
    async with AsyncExitStack() as stack:
        for number in range(2, others + 2):
            bootstrap = [address(2)] if number > 2 else []
            await stack.enter_async_context(
                open_at(net, number, bootstrap=bootstrap, config=config, clock=TrioClock())
            )
        config = replace(config, state_dir=str(folder))
        node = await stack.enter_async_context(
            open_at(net, 1, bootstrap=[address(2)] if others else [], config=config)
        )
        if others:
            await comes_true(lambda: node.snapshot().dhts[0].contacts == others)
        chosen = ControlLimits(**limits)  # type: ignore[arg-type]
        server = await stack.enter_async_context(
            open_control(node, folder, methods={**methods, **own}, limits=chosen)
        )
        await trio.testing.wait_all_tasks_blocked()  # all of the node's own tasks are at work
        yield Lab(net, node, server, socket_path(folder), slow)


async def comes_true(condition: Callable[[], bool]) -> None:
    """Waits for a condition that other tasks and the sockets of the system bring about."""
    with trio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  # sockets of the system have no event to wait for
            await trio.sleep(0.002)
