"""The choice of the node for a command: the running one, or a temporary one.

The running node has contacts already, and other nodes know it; a temporary node would cost the
network another join. So a command uses the node that runs with the same state folder, and means its
network if none is named. Options that the running node cannot fulfil force a temporary node: how
the node is configured (--bind, --allow-private and so on), or where it starts (--bootstrap).

Peers of another network than the running node's have to be verified by a member of that network:
a temporary node, which begins at the contacts of the running one. The name of a network says
nothing about the DHT on which its nodes meet, so it never leads to other bootstrap hosts.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import trio

from ..config import DEFAULT_NETWORK
from ..control.call import Method, Progress, Tell
from ..control.client import ControlClient, open_client
from ..control.methods.contacts import CONTACTS, ContactsParams
from ..control.methods.status import STATUS, Status, StatusParams
from ..control.socket_file import socket_path
from ..errors import KadiscError, UsageError
from ..observe.describe import count
from .one_shot import open_one_shot
from .options import configuration, running_folder, state_folder
from .output import ProgressLine, say

ParamsT = TypeVar("ParamsT", bound=msgspec.Struct)
ResultT = TypeVar("ResultT", bound=msgspec.Struct)

_FORCE_TEMPORARY_NODE = ("bind", "bootstrap", "allow_private", "no_caps", "unlimited")
_BEGIN_AT = 16
"""The number of contacts of the running node, in each address family, that a temporary one begins
at."""
_LOOK_AGAIN_S = 0.1
"""The pause between two looks for the socket of a node that is starting."""
_STATUS_S = 3.0
"""How long a command waits for the first response before it uses a temporary node."""
_SHORT_SILENCE_S = 10.0
"""How long a command that needs the running node waits for the next message."""
_SILENCE_S = 30.0
"""How long a lookup command waits for the next message: longer than name servers and the slowest
node take together. A lookup reports its progress more often.
"""


async def ask(
    options: argparse.Namespace,
    method: Method[ParamsT, ResultT],
    params: ParamsT,
    *,
    tell: Tell | None = None,
    needs_contacts: bool = True,
) -> ResultT:
    """Runs a method on the running or a temporary node and shows a line of progress. ``tell`` gets
    the other partial results. ``needs_contacts`` is for a temporary node.
    """
    with _progress(tell) as told:
        async with running_node(options) as running:
            if running is not None:
                return await running.client.call(method, params, tell=told, silence_s=_SILENCE_S)
        async with open_one_shot(options, told, needs_contacts=needs_contacts) as own:
            return await method.carry_out(params, own)


async def ask_in_network(
    options: argparse.Namespace,
    method: Method[ParamsT, ResultT],
    params_for: Callable[[str], ParamsT],
    *,
    tell: Tell | None = None,
    by_member: bool = False,
    patience_s: float = 0.0,
) -> ResultT:
    """As `ask`, for a method whose params name a network: that of --network, or else the running
    node's, or else that of the configuration. ``by_member``: only a node of that network can carry
    it out. ``patience_s``: how long to wait for the node of a state folder that is named, which may
    have been started at the same moment.
    """
    with _progress(tell) as told:
        near: Sequence[str] = ()
        async with running_node(options, patience_s) as running:
            if running is not None:
                network = options.network or running.status.network
                if network == running.status.network or not by_member:
                    return await running.client.call(
                        method, params_for(network), tell=told, silence_s=_SILENCE_S
                    )
                near = await _contacts_of(running)
                if options.verbose:
                    say(f"using a temporary node of the network {network}, from its contacts")
        network = configuration(options).network
        if by_member and network == DEFAULT_NETWORK:
            raise UsageError(
                "no node runs with this state folder whose network could be meant: name the network"
                f" (not {DEFAULT_NETWORK!r}, the default, whose nodes cannot be looked up)"
            )
        async with open_one_shot(options, told, near=near, join_network=by_member) as own:
            return await method.carry_out(params_for(own.node.config.network), own)


@contextmanager
def _progress(tell: Tell | None) -> Iterator[Tell]:
    """A line of progress, which is removed at the end; other partial results go to ``tell``."""
    line = ProgressLine()

    def told(value: Mapping[str, object]) -> None:
        if (progress := value.get("progress")) is not None:
            line.show(progress_text(msgspec.convert(progress, Progress)))
        elif tell is not None:
            line.clear()
            tell(value)

    try:
        yield told
    finally:
        line.clear()


async def ask_running(
    options: argparse.Namespace,
    method: Method[ParamsT, ResultT],
    params: ParamsT,
    *,
    tell: Tell | None = None,
    silence_s: float = _SHORT_SILENCE_S,
) -> ResultT:
    """Runs a method on the running node. Raises NotRunning if there is none, and if it sends
    nothing for ``silence_s``.
    """
    folder = running_folder(configuration(options))
    async with open_client(socket_path(folder)) as client:
        return await client.call(method, params, tell=tell, silence_s=silence_s)


def progress_text(progress: Progress) -> str:
    parts = [f"{count(progress.sent, 'datagram')} sent", f"{progress.answered} answered"]
    if progress.closest_bits is not None:
        parts.append(f"closest shares {progress.closest_bits} bits")
    parts.append(f"{progress.elapsed_s:.1f} s")
    return ", ".join(parts)


class RunningNode(NamedTuple):
    client: ControlClient
    status: Status


@asynccontextmanager
async def running_node(
    options: argparse.Namespace, patience_s: float = 0.0
) -> AsyncIterator[RunningNode | None]:
    """The running node; None if a temporary node is to be used."""
    async with AsyncExitStack() as stack:
        if any(getattr(options, name, None) for name in _FORCE_TEMPORARY_NODE):
            yield None
        else:
            yield await _connected(options, stack, patience_s)


async def _connected(
    options: argparse.Namespace, stack: AsyncExitStack, patience_s: float
) -> RunningNode | None:
    config = configuration(options)
    folder = state_folder(config)
    path = socket_path(folder) if folder is not None else None
    if path is None:
        return None
    if config.state_dir is not None:
        with trio.move_on_after(patience_s):
            while not _exists(path):  # noqa: ASYNC110 (a file tells of no event)
                await trio.sleep(_LOOK_AGAIN_S)
    if not _exists(path):
        if config.state_dir is not None and not _exists(path.parent):
            say(f"there is no state folder {path.parent}; using a temporary node")
        return None
    try:
        client = await stack.enter_async_context(open_client(path))
        status = await client.call(STATUS, StatusParams(), silence_s=_STATUS_S)
    except KadiscError as error:
        say(f"{error}; using a temporary node")
        return None
    if options.verbose:
        contacts = count(sum(family.contacts for family in status.families), "contact")
        say(f"asking the running node (process {status.pid}, network {status.network}, {contacts})")
    return RunningNode(client, status)


async def _contacts_of(running: RunningNode) -> list[str]:
    """Where a temporary node can begin: at contacts of the running node, and at that node itself,
    which may have none yet, or may not tell them.
    """
    endpoints = [family.endpoint for family in running.status.families]
    try:
        known = await running.client.call(
            CONTACTS, ContactsParams(count=_BEGIN_AT), silence_s=_STATUS_S
        )
    except KadiscError:
        return endpoints
    return [contact.endpoint for contact in known.contacts] + endpoints


def _exists(path: Path) -> bool:
    """Also False if the folder belongs to another user and cannot be searched."""
    try:
        path.lstat()
    except OSError:
        return False
    return True
