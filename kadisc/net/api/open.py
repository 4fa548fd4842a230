"""Opening a node: sockets, tasks, and the order in which they go away again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random, SystemRandom

from ...config import Config
from ...endpoints import port_of
from ...errors import BindError, UsageError
from ..state.keeper import open_keeper
from ..transport.clock import Clock, SystemClock
from ..transport.nurseries import open_flat_nursery
from ..transport.ports import Port
from ..transport.udp import UdpPort, bind_udp
from .node import Node


@asynccontextmanager
async def open_node(
    config: Config | None = None,
    *,
    bootstrap: Sequence[str] = (),
    clock: Clock | None = None,
    rng: Random | None = None,
    ports: Sequence[Port] | Callable[[], Sequence[Port]] | None = None,
) -> AsyncIterator[Node]:
    """A node that runs for as long as the block does.

    ``bootstrap`` holds ``HOST:PORT`` of nodes to join by; the node tries them in the background,
    and again when it gets lost. ``ports`` replace the sockets that ``config.bind`` names, or open
    them, and are closed with the node. With a ``config.state_dir`` the node is the one that it was
    in the last run, and begins with whom it knew. Raises BindError and UsageError (also where
    another node has that folder) at once; whatever is raised in the block comes out as it is.
    """
    config = config or Config()
    rng = rng or SystemRandom()
    opened = list(ports) if isinstance(ports, Sequence) else []
    try:
        async with open_keeper(config, rng) as keeper:
            if not isinstance(ports, Sequence):
                opened += ports() if ports is not None else open_ports(config)
            node = Node(config, opened, bootstrap, clock or SystemClock(), rng, keeper=keeper)
            async with running([node]):
                yield node
    finally:
        close_ports(opened)


@asynccontextmanager
async def running(nodes: Sequence[Node], *, joins: bool = True) -> AsyncIterator[None]:
    """Runs nodes in one nursery. At the end their operations end first, then their tasks; the ports
    are the caller's to close.
    """
    async with open_flat_nursery() as nursery:
        try:
            for node in nodes:
                node.start(nursery, joins=joins)
            yield
        finally:
            nursery.cancel_scope.cancel()
            for node in nodes:
                node.close()


def open_ports(config: Config) -> list[Port]:
    """A socket for each address of ``config.bind``, at most one per family. Raises BindError,
    UsageError; then none stays open.
    """
    ports: list[Port] = []
    try:
        for address in config.bind:
            port = open_port(address, config)
            ports.append(port)
        if not ports:
            raise UsageError("a node needs at least one address to listen at")
        if len({port.family for port in ports}) < len(ports):
            raise UsageError("bind takes one address per address family: one IPv4, one IPv6")
    except BaseException:
        close_ports(ports)
        raise
    return ports


def open_port(address: str, config: Config) -> UdpPort:
    return bind_udp(
        address,
        max_datagram_bytes=config.core.max_datagram_bytes,
        socket_buffer_bytes=config.socket_buffer_bytes,
    )


def open_everywhere(port: int, config: Config) -> list[Port]:
    """Sockets at one port (0: chosen by the system) on all addresses of every family that this
    machine has. Raises BindError where the port is taken; where only IPv6 has it taken, another one
    serves there.
    """
    first = open_port(f"0.0.0.0:{port}", config)
    chosen = port_of(first.local_endpoint)
    ports: list[Port] = [first]
    for attempt in (chosen, 0):
        try:
            ports.append(open_port(f"[::]:{attempt}", config))
            break
        except BindError:
            # Either a stranger has that port, or there is no IPv6 and IPv4 alone will do.
            continue
    return ports


def close_ports(ports: Sequence[Port]) -> None:
    for port in ports:
        port.close()
