"""Opening a node: its sockets, its core, its tasks, and the order in which they end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random, SystemRandom

import trio

from ...config import DEFAULT_PORT, Config
from ...core.addressing.bep42 import derive_node_id
from ...core.addressing.external_address import ExternalAddress
from ...core.contract.identity import Identity
from ...core.contract.saved_state import SavedState
from ...core.core import Core
from ...core.peers.own_record import Membership
from ...endpoints import Family, Scope, port_of, scope_of
from ...errors import BindError, UsageError
from ..admin.ban_files import read_ban_files
from ..admin.bans import Bans
from ..as_map_file import as_map_in
from ..config_file import services_of, usable
from ..join.bootstrap import sources_of
from ..join.own_address import external_addresses, own_addresses
from ..state.keeper import Keeper, open_keeper
from ..transport.clock import Clock, SystemClock, forward_clock
from ..transport.nurseries import open_flat_nursery
from ..transport.ports import Port
from ..transport.pump import Pump
from ..transport.trio_run import require_trio
from ..transport.udp import UdpPort, bind_udp
from .node import Node

NOTHING_SAVED = SavedState(())
"""The state of a node that has no earlier run."""


@asynccontextmanager
async def open_node(
    config: Config | None = None,
    *,
    bootstrap: Sequence[str] = (),
    clock: Clock | None = None,
    rng: Random | None = None,
    ports: Sequence[Port] | Callable[[], Sequence[Port]] | None = None,
    state_is_optional: bool = False,
) -> AsyncIterator[Node]:
    """A node that runs for as long as the block does: ``async with open_node() as node: ...``. With
    a ``config.state_dir`` it has the key and the contacts of its last run.

    Args:
        config: The configuration; the defaults where it is None.
        bootstrap: ``HOST:PORT`` of nodes to join by, in place of the hosts of ``config``. The node
            tries them in the background, and again when it has lost the network.
        clock: What the node reads the time from.
        rng: The source of all random choices; the system's where it is None.
        ports: In place of the sockets that ``config.bind`` names, or a function that opens them;
            the node closes them.
        state_is_optional: Whether the node runs on without saving, and tries again, where the
            folder cannot be used. Not for a folder that another node uses, or that others may
            write.

    Raises:
        BindError: a socket cannot be opened; AddressInUse where another one has the address.
        StateUnusable: the folder cannot be used; StateInUse where another node uses it.
        UsageError: a value of the configuration cannot be used, or the program does not run on
            trio.

    An exception that is raised in the block comes out as it is, not in an ExceptionGroup.
    """
    require_trio("open_node")
    config = usable(config or Config())
    rng = rng or SystemRandom()
    opened = list(ports) if isinstance(ports, Sequence) else []
    try:
        async with open_keeper(config, rng, optional=state_is_optional) as keeper:
            if not isinstance(ports, Sequence):
                opened += ports() if ports is not None else open_ports(config)
            node = make_node(config, opened, bootstrap, clock or SystemClock(), rng, keeper=keeper)
            async with running([node]):
                try:
                    yield node
                except BaseException as error:
                    if keeper is not None:
                        keeper.callers_error = error
                    raise
    finally:
        close_ports(opened)


def make_node(
    config: Config,
    ports: Sequence[Port],
    bootstrap: Sequence[str],
    clock: Clock,
    rng: Random,
    *,
    keeper: Keeper | None = None,
    saved: SavedState = NOTHING_SAVED,
    join_network: bool = True,
) -> Node:
    """A node that does nothing before it is `running`.

    Args:
        config: The configuration.
        ports: At most one for each address family; the caller closes them.
        bootstrap: ``HOST:PORT`` of the nodes to join by. Without any, the hosts of ``config`` are
            tried one after the other.
        clock: What the node reads the time from.
        rng: The source of all random choices.
        keeper: Has the key and the contacts of the last run. Without it the key is new.
        saved: The contacts of the last run, where there is no ``keeper``.
        join_network: Whether the node takes part in ``config.network``.

    Raises:
        UsageError: a text of ``config`` or of ``bootstrap`` cannot be read, or a file of bans.
    """
    config = config.settled()
    if all(scope_of(port.local_endpoint) is Scope.LOOPBACK for port in ports):
        # No stranger reaches it, and the other nodes of this machine are none.
        config = replace(config, core=replace(config.core, tests_reach=False))
    with_port = tuple(
        family.value
        for family, (_, port) in external_addresses(config.external).items()
        if port is not None
    )
    if with_port:
        config = replace(config, core=replace(config.core, external_with_port=with_port))
    clock = forward_clock(clock)
    saved = keeper.saved if keeper is not None else saved
    identity = keeper.identity if keeper is not None else Identity.new(rng)
    addresses = own_addresses(config, ports, saved)
    core = _core(config, identity, addresses, rng, clock, join_network=join_network)
    bans = _bans(config, keeper, clock)
    core.set_bars(bans.banned(), bans.allowed(), clock.now())
    core.restore(saved, clock.now())
    _tell_of_last_run(core, saved, ports, clock)
    by_command = keeper.administration.peers if keeper is not None else ()
    peers = tuple(dict.fromkeys((*config.peer, *by_command)))
    sources = sources_of(replace(config, peer=peers), bootstrap, saved)
    pump = Pump(core, ports, clock, self_check_every=config.self_check)
    return Node(config, identity, pump, sources, rng, keeper, bans)


def _core(
    config: Config,
    identity: Identity,
    addresses: Mapping[Family, ExternalAddress],
    rng: Random,
    clock: Clock,
    *,
    join_network: bool,
) -> Core:
    """``addresses``: one for each family that there is a socket for. Raises UsageError."""
    key = identity.public_key
    own_ids = {family: derive_node_id(key, address.ip) for family, address in addresses.items()}
    membership = None
    if join_network:
        membership = Membership(identity, config.network, services_of(config), clock.wall_s())
    as_map = as_map_in(config.asmap)
    try:
        return Core(
            config.core,
            rng,
            own_ids,
            clock.now(),
            public_key=key,
            addresses=addresses,
            membership=membership,
            as_map=as_map,
        )
    except ValueError as error:  # of a subnet in CIDR notation
        raise UsageError(str(error)) from None


def _bans(config: Config, keeper: Keeper | None, clock: Clock) -> Bans:
    """Those of the configuration and its files, and those by command that are not over. Raises
    UsageError.
    """
    saved = keeper.administration.bans if keeper is not None else ()
    bans = Bans(config, read_ban_files(config.ban_file), saved)
    bans.expire(clock.wall_s())
    return bans


def _tell_of_last_run(core: Core, saved: SavedState, ports: Sequence[Port], clock: Clock) -> None:
    """What still gets in by the mappings that the last run opened at a router proves little. One
    that did not end in order may have ended just now.
    """
    for run in saved.runs:
        ago_s = 0.0 if run.ended_at_s is None else max(0.0, clock.wall_s() - run.ended_at_s)
        for port in ports:
            if port.family is run.family and port_of(port.local_endpoint) == run.port:
                core.ended_on_this_port(run.family, ago_s, clock.now())


@asynccontextmanager
async def running(nodes: Sequence[Node], *, joins: bool = True) -> AsyncIterator[None]:
    """Runs nodes in one nursery. At the end their operations end first, then their tasks, then the
    ports that they have by then; the caller closes those that it gave them.
    """
    try:
        async with open_flat_nursery() as nursery:
            try:
                for node in nodes:
                    node.start(nursery, joins=joins)
                yield
            finally:
                if len(nodes) == 1:  # of several, each would say goodbye to the others
                    await _say_goodbye(nodes[0])
                nursery.cancel_scope.cancel()
                for node in nodes:
                    node.close()
    finally:
        for node in nodes:
            close_ports(node.pump.open_ports)


async def _say_goodbye(node: Node) -> None:
    """Tells peers of its network that the node stops. Cannot be cancelled, and ends after
    ``goodbye_s`` seconds.
    """
    within_s = node.config.core.gossip.goodbye_s
    if within_s and not node.pump.closed:
        with trio.CancelScope(shield=True):
            await node.pump.leave(within_s)


def open_ports(config: Config) -> list[Port]:
    """A socket for each address of ``config.bind``, at most one per family; where it is empty,
    sockets on all addresses at port 6881, or at any port if that is taken. Raises BindError and
    UsageError; then none stays open.
    """
    if not config.bind:
        try:
            return open_everywhere(DEFAULT_PORT, config)
        except BindError:
            return open_everywhere(0, config)
    ports: list[Port] = []
    try:
        for address in config.bind:
            port = open_port(address, config)
            ports.append(port)
        if len({port.family for port in ports}) < len(ports):
            raise UsageError("bind takes one address per address family: one IPv4, one IPv6")
    except BaseException:
        close_ports(ports)
        raise
    return ports


def open_port(address: str, config: Config) -> UdpPort:
    """A UDP socket at a numeric ``HOST:PORT``. Raises BindError and UsageError."""
    return bind_udp(
        address,
        max_datagram_bytes=config.core.max_datagram_bytes,
        socket_buffer_bytes=config.socket_buffer_bytes,
    )


def open_everywhere(port: int, config: Config) -> list[Port]:
    """Sockets at one port (0: chosen by the system) on all addresses of every family that this
    machine has. Where only the IPv6 port is taken, IPv6 gets another port. Raises BindError where
    the IPv4 port is taken.
    """
    first = open_port(f"0.0.0.0:{port}", config)
    chosen = port_of(first.local_endpoint)
    ports: list[Port] = [first]
    for attempt in (chosen, 0):
        try:
            ports.append(open_port(f"[::]:{attempt}", config))
            break
        except BindError:
            # Either another program has that port, or this machine has no IPv6.
            continue
    return ports


def close_ports(ports: Sequence[Port]) -> None:
    for port in ports:
        port.close()
