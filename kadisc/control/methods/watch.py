"""``watch``: snapshots of the running node, one after the other, for live views."""

from __future__ import annotations

from typing import Annotated

import msgspec
import trio

from ...errors import Closed
from ..call import Call, Method
from .snapshots import PARTS, NodeSnapshot, Part, node_snapshot

MIN_INTERVAL_S = 0.25
MAX_INTERVAL_S = 60.0
IntervalS = Annotated[float, msgspec.Meta(ge=MIN_INTERVAL_S, le=MAX_INTERVAL_S)]


class WatchParams(msgspec.Struct, forbid_unknown_fields=True):
    """A snapshot comes at once, and then after each ``interval_s``. ``detail``: also what the views
    of ``kadisc watch`` show: ``parts``, or all parts where that is null.
    """

    interval_s: IntervalS = 1.0
    detail: bool = False
    parts: list[Part] | None = None


class SnapshotNews(msgspec.Struct):
    """A partial result: the node at this moment."""

    snapshot: NodeSnapshot


class WatchingEnded(msgspec.Struct):
    """Never sent: watching ends when it is cancelled, or with the node."""


async def _watch(params: WatchParams, call: Call) -> WatchingEnded:
    node = call.node
    parts = (PARTS if params.parts is None else params.parts) if params.detail else ()
    while not node.pump.closed:
        if call.tell is not None:
            news = SnapshotNews(node_snapshot(node, parts))
            call.tell(msgspec.to_builtins(news))
        await trio.sleep(params.interval_s)
    raise Closed("the node was closed")


WATCH = Method("watch", WatchParams, WatchingEnded, _watch, partial=(SnapshotNews,))
