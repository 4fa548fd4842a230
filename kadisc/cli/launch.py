"""Opens the node of ``kadisc run``, or its devnet."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace

from ..config import DEFAULT_PORT, Config
from ..config.declaration import HoldsFor
from ..control.server import open_control
from ..endpoints import Endpoint, Scope, port_of, scope_of
from ..errors import BindError, UsageError
from ..net.api.node import Node
from ..net.api.open import open_everywhere, open_node, open_port, open_ports
from ..net.config_file import GivenValues, config_from
from ..net.environment import may_map
from ..net.join.own_address import external_doubts
from ..net.mapping.arguments import mapped_ports
from ..net.transport.ports import Port
from ..service.credentials import KEY, METRICS_TOKEN, credential
from .options import state_folder, values_given, values_given_again
from .output import say


def configured(options: argparse.Namespace) -> GivenValues:
    """What the file, the environment and the options say. Raises UsageError."""
    is_devnet = options.devnet is not None
    return values_given(options, only_for=(HoldsFor.EVERY_COMMAND,) if is_devnet else None)


@asynccontextmanager
async def opened(options: argparse.Namespace, given: GivenValues) -> AsyncIterator[Sequence[Node]]:
    """The nodes of this ``configured`` command; the first is the user's."""
    is_devnet = options.devnet is not None
    config = config_from(given.values)

    def choose_ports() -> list[Port]:
        return open_ports(config) if config.bind else _default_ports(config, is_devnet=is_devnet)

    if is_devnet:
        from ..net.devnet import open_devnet

        with _folder_of_devnet(config, options) as folder:
            config = replace(config, state_dir=folder)
            async with (
                open_devnet(
                    options.devnet, config, bootstrap=config.bootstrap, ports=choose_ports()
                ) as nodes,
                _controlled(nodes[0]),
                _measured(nodes[0]),
            ):
                yield nodes
        return
    # Where no folder was asked for, the default one is used if it can be.
    is_optional = config.state_dir is None
    folder = None if options.ephemeral else state_folder(config)
    if folder is None and not options.ephemeral:
        say("this user has no home folder, so no state is kept (--state-dir DIR to keep it)")
    config = replace(config, state_dir=folder)
    take_key(folder)
    async with open_node(
        config,
        bootstrap=options.bootstrap or (),
        ports=choose_ports,
        state_is_optional=is_optional,
    ) as node:
        node.administration.reloading.begin(given, lambda: values_given_again(options))
        if node.own_network.is_joined:
            # Programs ask a node for peers as soon as its socket is there: those of a daemon that
            # knows none come before the nodes that fill its table.
            node.peers().take_nowait()
        if not config.bootstrap and node.config.routers:
            say(
                "no --bootstrap given: joining through saved contacts and Mainline's public "
                "routers, " + " and ".join(node.config.routers)
            )
        for doubt in external_doubts(config, node.local_endpoints):
            say(f"warning: {doubt}")
        if (line := mapping_line(node.config, node.local_endpoints.values())) is not None:
            say(line)
        async with _controlled(node), _measured(node):
            yield [node]


def take_key(folder: str | None) -> None:
    """Puts the key that the service manager gave into the state folder, where that has none. Raises
    UsageError, and StateUnusable where the folder has another key.
    """
    path = credential(KEY)
    if path is None:
        return
    if folder is None:
        raise UsageError(f"the credential {KEY} needs a state folder to be put into")
    from ..net.state.key_file import decode_key
    from ..net.state.key_store import put_key
    from .key_import import content_of

    try:
        wanted = decode_key(content_of(str(path)))
    except UsageError as error:
        raise UsageError(f"the credential {KEY}: {error}") from None
    _, is_new, told = put_key(folder, wanted)
    for line in told:
        say(line)
    if is_new:
        say(f"{folder} has the key of the credential {KEY} now")


def mapping_line(config: Config, bound: Collection[Endpoint]) -> str | None:
    """That routers are asked to forward ports, which an operator should know, and how to switch it
    off; None for a node that asks none.
    """
    outside = [each for each in bound if scope_of(each) is not Scope.LOOPBACK]
    if config.port_mapping == "off" or config.read_only or not may_map() or not outside:
        return None
    ports = " and ".join(sorted({f"UDP port {port_of(each)}" for each in outside}))
    more = "".join(f", {port.protocol} {port.internal}" for port in mapped_ports(config.map_port))
    by = "PCP, NAT-PMP and UPnP" if config.port_mapping == "upnp" else "PCP and NAT-PMP"
    return (
        f"asking the router, if there is one, to forward {ports}{more} by {by} (--no-map: do not)"
    )


@contextmanager
def _folder_of_devnet(config: Config, options: argparse.Namespace) -> Iterator[str | None]:
    """The state folder of the first node of a devnet: that of --state-dir, or a temporary one, in
    which commands find the control socket; None if none is wanted, or there is no place for one.
    """
    if options.ephemeral or config.state_dir is not None:
        yield None if options.ephemeral else config.state_dir
        return
    try:
        folder = tempfile.mkdtemp(prefix="kadisc-devnet-")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        say(f"warning: no control socket: no temporary folder can be made ({reason})")
        yield None
        return
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _controlled(node: Node) -> AsyncIterator[None]:
    """Opens the control socket in the state folder of the node. If that fails, the node runs on
    without it. A node that could not lock its folder has already reported that.
    """
    if node.config.state_dir is None or not node.keeps_state:
        yield
        return
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(open_control(node, node.config.state_dir))
        except BindError as error:
            say(f"warning: no control socket: {error}")
        yield


@asynccontextmanager
async def _measured(node: Node) -> AsyncIterator[None]:
    """Serves metrics and health over HTTP, where the configuration wants it."""
    settings = node.config.metrics
    if settings.listen is None:
        for name, is_given in (("--http-api", settings.api), ("--metrics-open", settings.open)):
            if is_given:
                raise UsageError(f"{name} needs --metrics HOST:PORT")
        yield
        return
    from .metrics_server import needing_extra, say_where

    with needing_extra():
        from ..http.server import open_http
    token_given = credential(METRICS_TOKEN)
    async with open_http(
        node,
        settings.listen,
        token_file=settings.token_file or (str(token_given) if token_given else None),
        is_open=settings.open,
        has_api=settings.api,
    ) as where:
        say_where(where)
        yield


def _default_ports(config: Config, *, is_devnet: bool) -> list[Port]:
    def at(port: int) -> list[Port]:
        # A devnet has no limits, so it must not be reachable from other machines.
        if is_devnet:
            return [open_port(f"127.0.0.1:{port}", config)]
        return open_everywhere(port, config)

    try:
        return at(DEFAULT_PORT)
    except BindError:
        ports = at(0)
        say(f"port {DEFAULT_PORT} is in use; using another port (--bind HOST:PORT to choose)")
        return ports
