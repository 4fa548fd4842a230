"""A devnet: nodes on this machine, with real sockets on 127.x.y.z, in one process.

The addresses are spread over /16s, so that the diversity rules treat them as those of the internet.
The cores run with ``allow_private``, which makes them treat these addresses as public, and with
``unlimited``, since no home router has to forward the traffic.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random, SystemRandom

from ..config import Config
from ..endpoints import Family, format_endpoint, port_of
from ..errors import BindError, UsageError
from .api.node import Node
from .api.open import close_ports, make_node, open_port, open_ports, running
from .config_file import usable
from .state.keeper import Keeper, open_keeper
from .transport.clock import Clock, SystemClock
from .transport.ports import Port
from .transport.trio_run import require_trio

MAX_NODES = 1000
"""The number of nodes that one process on one CPU core can run; larger networks are simulated."""

_SEEDS_PER_NODE = 3
"""The number of other nodes that each node joins by."""


@asynccontextmanager
async def open_devnet(
    count: int,
    config: Config | None = None,
    *,
    bootstrap: Sequence[str] = (),
    ports: Sequence[Port] | None = None,
    clock: Clock | None = None,
    rng: Random | None = None,
) -> AsyncIterator[list[Node]]:
    """``count`` nodes that join each other: ``async with open_devnet(12) as nodes: ...``. The first
    is the user's: it listens where ``config.bind`` says (by default at 127.0.0.1 and any port) and
    also joins by ``bootstrap``.

    Args:
        count: 1 to 1,000 nodes.
        config: The configuration of all nodes; only the first has its peers, services and state.
        bootstrap: ``HOST:PORT`` of nodes outside of the devnet.
        ports: In place of the sockets that ``config.bind`` names; they are closed at the end.
        clock: What the nodes read the time from.
        rng: The source of all random choices.

    Raises:
        BindError: a socket cannot be opened; outside of Linux the addresses 127.x.y.z must be
            added to the loopback interface first.
        UsageError: ``count`` or the configuration is out of range.
    """
    require_trio("open_devnet")
    opened = list(ports or ())
    try:
        if not 1 <= count <= MAX_NODES:
            raise UsageError(f"a devnet has 1 to {MAX_NODES} nodes, not {count}")
        config = usable(config or Config(bind=()))
        config = replace(
            config,
            bind=config.bind or ("127.0.0.1:0",),
            bootstrap=(),
            routers=(),
            allow_private=True,
            unlimited=True,
            port_mapping="off",
        ).settled()
        if ports is None:
            opened += open_ports(config)
        own = list(opened)
        if not any(port.family is Family.IPV4 for port in own):
            raise UsageError(
                "a devnet needs an IPv4 address to listen on: its nodes are at 127.x.y.z"
            )
        others = _open_loopback(count - 1, config, opened, shift=port_of(own[0].local_endpoint))
        rng = rng or SystemRandom()
        async with open_keeper(config, rng) as keeper:
            nodes = _connected(own, others, config, bootstrap, clock or SystemClock(), rng, keeper)
            async with running(nodes):
                try:
                    yield nodes
                except BaseException as error:
                    if keeper is not None:
                        keeper.callers_error = error
                    raise
    finally:
        close_ports(opened)


def _connected(
    own: Sequence[Port],
    others: Sequence[Port],
    config: Config,
    bootstrap: Sequence[str],
    clock: Clock,
    rng: Random,
    keeper: Keeper | None,
) -> list[Node]:
    addresses = [format_endpoint(port.local_endpoint) for port in others]
    seeds = [*bootstrap, *_some(addresses, rng)]
    nodes = [make_node(config, own, seeds, clock, rng, keeper=keeper)]
    config = replace(config, external=(), peer=(), service={}, state_dir=None)
    for index, other in enumerate(others):
        # Each joins by some of the nodes before it, so that all are connected in every case.
        earlier = addresses[:index] or [
            format_endpoint(port.local_endpoint) for port in own if port.family is Family.IPV4
        ]
        seeds = _some(earlier, rng)
        own_rng = Random(rng.getrandbits(64))
        nodes.append(make_node(config, [other], seeds, clock, own_rng))
    return nodes


def loopback_address(index: int, shift: int = 0) -> str:
    """The address of the index-th other node. The first 254 have a /16 each, all have a /24 each;
    none is at 127.0.0.x.

    ``shift`` is the port of the user's node. It makes two devnets on one machine differ: when they
    join each other, equal addresses would meet the limit of nodes at one address.
    """
    turn, netgroup = divmod(index, 254)
    third = (turn * 37 + netgroup * 11 + shift) % 256
    fourth = 1 + (netgroup * 7 + turn) % 254
    return f"127.{netgroup + 1}.{third}.{fourth}"


def _open_loopback(count: int, config: Config, opened: list[Port], shift: int) -> list[Port]:
    ports: list[Port] = []
    for index in range(count):
        address = f"{loopback_address(index, shift)}:0"
        try:
            port = open_port(address, config)
        except BindError as error:
            if (
                not isinstance(error.__cause__, OSError)
                or error.__cause__.errno != errno.EADDRNOTAVAIL
            ):
                raise
            raise BindError(
                f"a devnet needs addresses such as {loopback_address(index)}, "
                "which this machine does not have: "
                "on macOS and BSD each has to be added by ifconfig lo0 alias ADDRESS"
            ) from error
        opened.append(port)
        ports.append(port)
    return ports


def _some(addresses: Sequence[str], rng: Random) -> list[str]:
    return rng.sample(addresses, min(_SEEDS_PER_NODE, len(addresses)))
