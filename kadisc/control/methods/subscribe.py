"""``subscribe``: the events of the running node, the same as those of ``kadisc run --json``."""

from __future__ import annotations

import msgspec

from ...errors import Closed
from ...observe.describe import NOTABLE, level_of, record_of
from ...observe.log_stamp import stamped
from ..call import Call, Method


class SubscribeParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params. Each event comes as a partial result, ``{"time": ..., "level":
    ..., "event": NAME, ...}``."""


class SubscriptionEnded(msgspec.Struct):
    """Never sent: a subscription ends when it is cancelled, or with the node."""


async def _subscribe(params: SubscribeParams, call: Call) -> SubscriptionEnded:
    async with call.node.subscribe(*NOTABLE) as events:
        async for event in events:
            if call.tell is not None:
                call.tell(stamped(level_of(event), record_of(event)))
    raise Closed("the node was closed")


SUBSCRIBE = Method("subscribe", SubscribeParams, SubscriptionEnded, _subscribe)
