"""The choice of the node for a command: the running one, or a temporary one.

The running node has contacts already, and other nodes know it; a temporary node would cost the
network another join. So a command uses the node that runs with the same state folder. Options that
the running node cannot fulfil force a temporary node: how the node is configured (--bind,
--allow-private and so on), where it starts (--bootstrap), or another network.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from ..control.call import Method, Progress, Tell
from ..control.client import ControlClient, open_client
from ..control.methods.status import STATUS, StatusParams
from ..control.socket_file import socket_path
from ..errors import KadiscError, NotRunning
from ..observe.describe import count
from .one_shot import open_one_shot
from .options import configuration, state_folder
from .output import ProgressLine, say

ParamsT = TypeVar("ParamsT", bound=msgspec.Struct)
ResultT = TypeVar("ResultT", bound=msgspec.Struct)

_FORCE_TEMPORARY_NODE = ("bind", "bootstrap", "allow_private", "no_caps", "unlimited")
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
    join_network: bool = False,
    of_any_network: bool = False,
) -> ResultT:
    """Runs a method on the running or a temporary node and shows a line of progress. ``tell`` gets
    the other partial results. ``needs_contacts`` and ``join_network`` configure a temporary node.
    ``of_any_network``: the running node may belong to another network than that of the options.
    """
    line = ProgressLine()

    def told(value: Mapping[str, object]) -> None:
        if (progress := value.get("progress")) is not None:
            line.show(progress_text(msgspec.convert(progress, Progress)))
        elif tell is not None:
            line.clear()
            tell(value)

    try:
        async with running_node(options, of_any_network=of_any_network) as client:
            if client is not None:
                return await client.call(method, params, tell=told, silence_s=_SILENCE_S)
        async with open_one_shot(
            options, told, needs_contacts=needs_contacts, join_network=join_network
        ) as own:
            return await method.carry_out(params, own)
    finally:
        line.clear()


async def ask_running(
    options: argparse.Namespace,
    method: Method[ParamsT, ResultT],
    params: ParamsT,
    *,
    tell: Tell | None = None,
) -> ResultT:
    """Runs a method on the running node. Raises NotRunning if there is none."""
    folder = state_folder(configuration(options))
    if folder is None:
        raise NotRunning("this user has no home folder: --state-dir names that of the running node")
    async with open_client(socket_path(folder)) as client:
        return await client.call(method, params, tell=tell, silence_s=_SHORT_SILENCE_S)


def progress_text(progress: Progress) -> str:
    parts = [f"{count(progress.sent, 'datagram')} sent", f"{progress.answered} answered"]
    if progress.closest_bits is not None:
        parts.append(f"closest shares {progress.closest_bits} bits")
    parts.append(f"{progress.elapsed_s:.1f} s")
    return ", ".join(parts)


@asynccontextmanager
async def running_node(
    options: argparse.Namespace, *, of_any_network: bool = False
) -> AsyncIterator[ControlClient | None]:
    """A client of the running node, announced on stderr; None if a temporary node is to be used."""
    async with AsyncExitStack() as stack:
        if any(getattr(options, name, None) for name in _FORCE_TEMPORARY_NODE):
            yield None
        else:
            yield await _client(options, stack, of_any_network)


async def _client(
    options: argparse.Namespace, stack: AsyncExitStack, of_any_network: bool
) -> ControlClient | None:
    settings = configuration(options)
    folder = state_folder(settings)
    path = socket_path(folder) if folder is not None else None
    if path is None or not _exists(path):
        return None
    try:
        client = await stack.enter_async_context(open_client(path))
        status = await client.call(STATUS, StatusParams(), silence_s=_STATUS_S)
    except KadiscError as error:
        say(f"{error}; using a temporary node")
        return None
    if status.network != settings.network and not of_any_network:
        say(
            f"the running node (process {status.pid}) belongs to the network {status.network}; "
            "using a temporary node"
        )
        return None
    contacts = count(sum(family.contacts for family in status.families), "contact")
    say(
        f"using the running node (process {status.pid}, {contacts}); "
        "--bootstrap or --bind for a temporary node"
    )
    return client


def _exists(path: Path) -> bool:
    """Also False if the folder belongs to another user and cannot be searched."""
    try:
        path.lstat()
    except OSError:
        return False
    return True
