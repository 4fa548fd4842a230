"""A network of nodes on this machine: real sockets on 127.x.y.z, one process, no network needed.

The addresses are spread over /16s, so that the diversity rules see what they would see outside. The
cores run with ``allow_private``, which makes them treat these addresses as public ones, and
``unlimited``, since a lab is not a home router.
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
from .api.open import close_ports, open_port, open_ports, running
from .state.keeper import Keeper, open_keeper
from .transport.clock import Clock, SystemClock
from .transport.ports import Port

MAX_NODES = 1000
"""A devnet is one process on one core; larger networks are simulated."""

_SEEDS_PER_NODE = 3


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
    """``count`` nodes that know each other; the first is the user's, listens where ``config.bind``
    says, and also joins by ``bootstrap``.

    ``ports`` replace the sockets that ``config.bind`` names, and are closed at the end. Raises
    BindError where this machine does not let 127.x.y.z be bound (only Linux does without ado).
    """
    opened = list(ports or ())
    try:
        if not 1 <= count <= MAX_NODES:
            raise UsageError(f"a devnet has 1 to {MAX_NODES} nodes, not {count}")
        config = config or Config(bind=("127.0.0.1:0",))
        config = replace(
            config,
            bootstrap=(),
            routers=(),
            core=replace(config.core, allow_private=True, unlimited=True),
        )
        if ports is None:
            opened += open_ports(config)
        own = list(opened)
        if not any(port.family is Family.IPV4 for port in own):
            raise UsageError(
                "a devnet needs an IPv4 address to listen at: its nodes are at 127.x.y.z"
            )
        others = _open_loopback(count - 1, config, opened, shift=port_of(own[0].local_endpoint))
        rng = rng or SystemRandom()
        async with open_keeper(config, rng) as keeper:
            nodes = _connected(own, others, config, bootstrap, clock or SystemClock(), rng, keeper)
            async with running(nodes):
                yield nodes
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
    nodes = [Node(config, own, [*bootstrap, *_some(addresses, rng)], clock, rng, keeper=keeper)]
    config = replace(config, external=(), peers=(), services={}, state_dir=None)
    for index, other in enumerate(others):
        # Each joins by some of those before it, so that all are connected however the dice fall.
        earlier = addresses[:index] or [
            format_endpoint(port.local_endpoint) for port in own if port.family is Family.IPV4
        ]
        nodes.append(Node(config, [other], _some(earlier, rng), clock, Random(rng.getrandbits(64))))
    return nodes


def loopback_address(index: int, shift: int = 0) -> str:
    """The address of the index-th other node: each in a /16 of its own for the first 254, in a /24
    of its own always; never 127.0.0.x.

    Two devnets that are joined need addresses of their own, or each would take the other's nodes
    for too many at one address; ``shift``, which is the port of the user's node, makes them differ.
    """
    turn, wide = divmod(index, 254)
    return f"127.{wide + 1}.{(turn * 37 + wide * 11 + shift) % 256}.{1 + (wide * 7 + turn) % 254}"


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
                f"a devnet needs addresses such as {loopback_address(index)}, which this machine does not have: "
                "on macOS and BSD each has to be added by ifconfig lo0 alias ADDRESS"
            ) from error
        opened.append(port)
        ports.append(port)
    return ports


def _some(addresses: Sequence[str], rng: Random) -> list[str]:
    return rng.sample(addresses, min(_SEEDS_PER_NODE, len(addresses)))
