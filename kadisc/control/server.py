"""The server of the control socket: accepts clients, up to a maximum number."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import trio

from ..errors import BindError
from ..net.api.node import Node
from ..net.state.keeper import in_thread
from ..net.transport.nurseries import open_flat_nursery
from ..observe.shell_events import ControlSocketMissing, ControlSocketRemade
from .access import may_write
from .call import Method
from .connection import Connection, ControlLimits
from .methods import METHODS
from .protocol import BUSY, ErrorObject, encode_error
from .socket_file import SocketFile, group_id, socket_path

_NO_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_RETRY_S = 0.1
"""The pause before another accept if the system has no free file descriptor."""
_FLUSH_S = 0.1
"""The time limit for the error that a refused client gets."""


class ControlServer:
    """``clients``: the connected ones."""

    def __init__(
        self,
        node: Node,
        methods: Mapping[str, Method[Any, Any]] = METHODS,
        limits: ControlLimits | None = None,
    ) -> None:
        self._node = node
        self._methods = methods
        self._limits = limits or ControlLimits()
        self.clients: list[Connection] = []
        self._turns = trio.Lock()

    async def serve(self, listener: trio.SocketListener) -> None:
        """Runs until it is cancelled; then each client gets an error for each of its requests."""
        async with open_flat_nursery() as nursery:
            await self.accept(listener, nursery)

    async def accept(self, listener: trio.SocketListener, clients: trio.Nursery) -> None:
        """Accepts clients until it is cancelled; they are served in their own nursery."""
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in _NO_RESOURCES:
                    raise
                await trio.sleep(_RETRY_S)  # the process has no free file descriptor
                continue
            clients.start_soon(self._serve, stream)

    async def _serve(self, stream: trio.SocketStream) -> None:
        if not self._make_room():
            await _refuse(stream, self._limits.clients)
            return
        control = self._node.config.control
        connection = Connection(
            stream,
            self._node,
            self._methods,
            self._limits,
            self._turns,
            self._relieve,
            may_write=may_write(
                stream.socket,
                has_group=control.group is not None,
                group_writes=control.group_writes,
            ),
        )
        self.clients.append(connection)
        uses = self._node.use_counts
        uses.control_clients += 1
        try:
            await connection.serve()
        finally:
            uses.control_clients -= 1
            if connection in self.clients:
                self.clients.remove(connection)

    def _relieve(self) -> None:
        """Disconnects the client that has most to read, where too much waits for all together."""
        clients = [client for client in self.clients if not client.is_closing]
        waiting = sum(client.waiting_bytes for client in clients)
        if waiting > self._limits.unread_bytes_in_all:
            max(clients, key=lambda client: client.waiting_bytes).close()

    def _make_room(self) -> bool:
        """Disconnects the idle client whose last request is the oldest, if all places are taken:
        otherwise forgotten programs could block all others. False if no client is idle.
        """
        if len(self.clients) < self._limits.clients:
            return True
        idle = [client for client in self.clients if client.is_idle]
        if not idle:
            return False
        oldest = min(idle, key=lambda client: client.last_request_at)
        self.clients.remove(oldest)
        oldest.close()
        return True


async def _refuse(stream: trio.SocketStream, clients: int) -> None:
    line = encode_error(
        None,
        ErrorObject(BUSY, f"{clients} clients are waiting for responses: try again later"),
    )
    try:
        with trio.move_on_after(_FLUSH_S), suppress(trio.BrokenResourceError):
            await stream.send_all(line)
    finally:
        await trio.aclose_forcefully(stream)


@asynccontextmanager
async def open_control(
    node: Node,
    state_dir: str | os.PathLike[str],
    *,
    methods: Mapping[str, Method[Any, Any]] = METHODS,
    limits: ControlLimits | None = None,
) -> AsyncIterator[ControlServer]:
    """Serves the control socket of a node in its state folder while the block is open. Raises
    BindError if the socket cannot be created, and UsageError if there is no such group.
    """
    if not node.keeps_state:
        raise BindError(f"the folder {state_dir} cannot be locked; another node may use it")
    path = socket_path(state_dir)
    group = node.config.control.group
    number = group_id(group) if group is not None else None
    file = SocketFile(path, number)
    server = ControlServer(node, methods, limits)
    async with open_flat_nursery() as nursery:
        nursery.start_soon(_serve, server, node, path, number, file)
        yield server
        nursery.cancel_scope.cancel()


async def _serve(
    server: ControlServer, node: Node, path: Path, group: int | None, file: SocketFile
) -> None:
    """Serves clients. A socket that is removed meanwhile is made again, and the clients that were
    connected stay so.
    """
    async with open_flat_nursery() as clients:
        while True:
            with closing(file):
                async with open_flat_nursery() as accepting:
                    listener = trio.SocketListener(trio.socket.from_stdlib_socket(file.listener))
                    accepting.start_soon(server.accept, listener, clients)
                    await _until_removed(node, file)
                    accepting.cancel_scope.cancel()
            file = await _made_again(node, path, group)
            node.pump.publish(ControlSocketRemade(str(path)))


async def _until_removed(node: Node, file: SocketFile) -> None:
    while True:
        await trio.sleep(node.config.save_interval_s)
        with suppress(RuntimeError):  # no thread is left
            if not await in_thread(lambda: file.is_in_place):
                return


async def _made_again(node: Node, path: Path, group: int | None) -> SocketFile:
    """Waits for the folder, which the node makes again, and for its lock: without it another node
    may use the folder.
    """
    is_told = False
    while True:
        with suppress(RuntimeError):
            if node.keeper is not None and await in_thread(node.keeper.folder_is_in_place):
                try:
                    return SocketFile(path, group)
                except BindError as error:
                    if not is_told:
                        node.pump.publish(ControlSocketMissing(str(error)))
                    is_told = True
        await trio.sleep(node.config.save_interval_s)
