"""``reload``: the node reads its configuration again. ``stop``: it ends in order."""

from __future__ import annotations

import os

import msgspec
import trio

from ...errors import UsageError
from ..call import Call, Method


class ReloadParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params."""


class ReloadDocument(msgspec.Struct):
    """Keys of the configuration. ``changed``: those that have taken effect; ``needs_restart``:
    those that differ from what the node was started with, and ``netrestrict``, which takes effect
    at once but for its limits by subnet, as long as other ones would follow from it.
    """

    changed: list[str]
    needs_restart: list[str]


class StopParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params."""


class StopDocument(msgspec.Struct):
    """``pid``: the number of the process that ends. It says goodbye to its peers and saves its
    state before.
    """

    pid: int


async def _reload(params: ReloadParams, call: Call) -> ReloadDocument:
    reloaded = await call.node.administration.reloading.reload()
    return ReloadDocument(list(reloaded.changed), list(reloaded.needs_restart))


async def _stop(params: StopParams, call: Call) -> StopDocument:
    await trio.lowlevel.checkpoint()
    stop = call.node.administration.stop
    if stop is None:
        raise UsageError("the program that opened this node decides itself when it ends")
    stop()
    return StopDocument(os.getpid())


RELOAD = Method("reload", ReloadParams, ReloadDocument, _reload, writes=True)
STOP = Method("stop", StopParams, StopDocument, _stop, writes=True)
