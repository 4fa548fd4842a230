"""Who carries out what a command asks for: the node that runs, or else one of the command's own.

The running node knows the network, has its place in it, and costs the network no new lookup of a
stranger; so it is asked where there is one with the same state folder. Not by who has said how a
node is to be (--bind, --allow-private and so on), where it is to begin (--bootstrap), or that it is
to be of another network: those are wishes that the running node cannot fulfil.
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
from ..errors import KadiscError
from ..observe.describe import count
from .one_shot import open_one_shot
from .options import configuration, state_folder
from .output import ProgressLine, say

ParamsT = TypeVar("ParamsT", bound=msgspec.Struct)
ResultT = TypeVar("ResultT", bound=msgspec.Struct)

_OF_OWN_NODE = ("bind", "bootstrap", "allow_private", "no_caps", "unlimited")
_STATUS_S = 3.0
_SHORT_SILENCE_S = 10.0
_SILENCE_S = 30.0
"""Longer than name servers and the slowest node together; a lookup tells its progress all the time.
"""


async def ask(
    options: argparse.Namespace,
    method: Method[ParamsT, ResultT],
    params: ParamsT,
    *,
    tell: Tell | None = None,
    needs_way_in: bool = True,
    join_network: bool = False,
    of_any_network: bool = False,
) -> ResultT:
    """With a line of progress. ``tell`` gets the other partial results. ``needs_way_in`` and
    ``join_network``: of a node of the command's own. ``of_any_network``: the running node may be of
    another network than the one that is asked about.
    """
    line = ProgressLine()

    def told(value: Mapping[str, object]) -> None:
        if (progress := value.get("progress")) is not None:
            line.show(in_words(msgspec.convert(progress, Progress)))
        elif tell is not None:
            line.clear()
            tell(value)

    try:
        async with running_node(options, of_any_network=of_any_network) as client:
            if client is not None:
                return await client.call(method, params, tell=told, silence_s=_SILENCE_S)
        async with open_one_shot(
            options, told, needs_way_in=needs_way_in, join_network=join_network
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
    """What only the running node can answer. Raises NotRunning where there is none."""
    async with open_client(socket_path(state_folder(configuration(options)))) as client:
        return await client.call(method, params, tell=tell, silence_s=_SHORT_SILENCE_S)


def in_words(progress: Progress) -> str:
    closest = (
        ""
        if progress.closest_bits is None
        else f", closest so far shares {progress.closest_bits} bits"
    )
    return f"{count(progress.sent, 'datagram')} sent, {progress.answered} answered{closest}, {progress.elapsed_s:.1f} s"


@asynccontextmanager
async def running_node(
    options: argparse.Namespace, *, of_any_network: bool = False
) -> AsyncIterator[ControlClient | None]:
    """A client of the running node, which is told on stderr; None where a node of one's own is
    wanted, or needed.
    """
    async with AsyncExitStack() as stack:
        yield (
            None
            if any(getattr(options, name, None) for name in _OF_OWN_NODE)
            else await _client(options, stack, of_any_network)
        )


async def _client(
    options: argparse.Namespace, stack: AsyncExitStack, of_any_network: bool
) -> ControlClient | None:
    settings = configuration(options)
    path = socket_path(state_folder(settings))
    if not _is_there(path):
        return None
    try:
        client = await stack.enter_async_context(open_client(path))
        status = await client.call(STATUS, StatusParams(), silence_s=_STATUS_S)
    except KadiscError as error:
        say(f"{error}; using a node of this command's own")
        return None
    if status.network != settings.network and not of_any_network:
        say(
            f"the running node (process {status.pid}) is of the network {status.network}; using a node of this command's own"
        )
        return None
    contacts = count(sum(family.contacts for family in status.families), "contact")
    say(
        f"asking the running node (process {status.pid}, {contacts}); --bootstrap or --bind for a node of this command's own"
    )
    return client


def _is_there(path: Path) -> bool:
    """Also False where the folder is another user's."""
    try:
        path.lstat()
    except OSError:
        return False
    return True
