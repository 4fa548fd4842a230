"""The HTTP server of ``kadisc run --metrics``: accepts clients, up to a maximum number."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import trio

from ..control.socket_file import unusable
from ..endpoints import make_endpoint, split_host_port
from ..errors import BindError, UsageError
from ..net.api.node import Node
from ..net.transport.nurseries import open_flat_nursery
from .access import Access, read_token
from .requests import Answer, plain, serve_connection
from .routes import Routes

CLIENTS: Final = 32
"""Connections at once; one more is answered with 503."""
_NO_RESOURCES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_RETRY_S: Final = 0.1
LAG_EVERY_S: Final = 0.25
"""How often the lag of the event loop is measured."""


@asynccontextmanager
async def open_http(
    node: Node,
    listens_at: str,
    *,
    token_file: str | None = None,
    is_open: bool = False,
    has_api: bool = False,
) -> AsyncIterator[str]:
    """Serves while the block is open; yields where it listens, with the port that was chosen.

    Args:
        node: The running node.
        listens_at: A numeric HOST:PORT (port 0 lets the system choose) or ``unix:PATH``.
        token_file: A file with the bearer token that requests need.
        is_open: Whether other machines may ask without a token.
        has_api: Whether ``/v1`` is there as well.

    Raises:
        BindError: the socket cannot be opened.
        UsageError: the address or the file cannot be used, or the address would let other machines
            in that have no token.
    """
    access = access_at(listens_at, token_file, is_open=is_open)
    lag = _Lag(node)
    routes = Routes(node, access, lambda: lag.last_s, has_api=has_api)
    async with open_flat_nursery() as nursery, serving(listens_at, routes.answer) as where:
        nursery.start_soon(lag.measure, name="kadisc event loop lag")
        yield where
        nursery.cancel_scope.cancel()


def access_at(listens_at: str, token_file: str | None, *, is_open: bool) -> Access:
    """Who may ask. Raises UsageError as `open_http`."""
    token = read_token(token_file) if token_file is not None else None
    return Access(listens_at, token=token, is_open=is_open)


@asynccontextmanager
async def serving(listens_at: str, answer: Answer) -> AsyncIterator[str]:
    """Answers requests while the block is open; yields where it listens. Raises as `open_http`."""
    listening, path = _listening_socket(listens_at)
    try:
        async with open_flat_nursery() as nursery:
            nursery.start_soon(_accept, listening, answer, nursery, name="kadisc http")
            yield f"unix:{path}" if path is not None else _bound_to(listening)
            nursery.cancel_scope.cancel()
    finally:
        listening.close()
        if path is not None:
            with suppress(OSError):
                path.unlink()


class _Lag:
    """``last_s``: how late the event loop was at the last look."""

    def __init__(self, node: Node) -> None:
        self._histogram = node.event_counts.loop_lag_s
        self.last_s = 0.0

    async def measure(self) -> None:
        while True:
            due = trio.current_time() + LAG_EVERY_S
            await trio.sleep_until(due)
            self.last_s = max(0.0, trio.current_time() - due)
            self._histogram.observe(self.last_s)


async def _accept(listening: trio.socket.SocketType, answer: Answer, nursery: trio.Nursery) -> None:
    limiter = trio.CapacityLimiter(CLIENTS)
    while True:
        try:
            client, _ = await listening.accept()
        except OSError as error:
            # A client that has gone already, or no file descriptor is left.
            if error.errno in _NO_RESOURCES:
                await trio.sleep(_RETRY_S)
            elif error.errno in (errno.EBADF, errno.EINVAL):
                raise
            continue
        nursery.start_soon(_serve, trio.SocketStream(client), answer, limiter)


async def _serve(stream: trio.SocketStream, answer: Answer, limiter: trio.CapacityLimiter) -> None:
    token = object()
    try:
        limiter.acquire_on_behalf_of_nowait(token)
    except trio.WouldBlock:
        await serve_connection(
            stream, lambda _: plain(503, f"{CLIENTS} clients are connected", connection="close")
        )
        return
    try:
        await serve_connection(stream, answer)
    finally:
        limiter.release_on_behalf_of(token)


def _listening_socket(listens_at: str) -> tuple[trio.socket.SocketType, Path | None]:
    kind, _, name = listens_at.partition(":")
    try:
        if kind == "unix":
            path = Path(name)
            if (problem := unusable(path)) is not None:
                raise BindError(problem)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            return _bound(sock, os.fsencode(path), path), path
        host, port = split_host_port(listens_at)
        family = socket.AF_INET6 if len(make_endpoint(host, port or 1)) == 18 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _bound(sock, (host, port), None), None
    except ValueError as error:
        raise UsageError(f"--metrics {listens_at}: {error}") from None
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise BindError(f"--metrics cannot listen on {listens_at}: {reason}") from None


def _bound(sock: socket.socket, address: object, path: Path | None) -> trio.socket.SocketType:
    try:
        sock.bind(address)  # type: ignore[arg-type]
        if path is not None:
            path.chmod(0o660)
        sock.listen(CLIENTS)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return trio.socket.from_stdlib_socket(sock)


def _bound_to(sock: trio.socket.SocketType) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
