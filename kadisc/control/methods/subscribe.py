"""``subscribe``: what happens to the running node, until it is cancelled: the events of ``kadisc
run --json``.
"""

from __future__ import annotations

import msgspec

from ...errors import Closed
from ...observe.describe import NOTABLE, record_of
from ..call import Call, Method


class SubscribeParams(msgspec.Struct, forbid_unknown_fields=True):
    """None. Each event comes as a partial result, ``{"event": NAME, ...}``."""


class Ended(msgspec.Struct):
    """Never sent: a subscription ends by being cancelled, or with the node."""


async def _subscribe(params: SubscribeParams, call: Call) -> Ended:
    async with call.node.subscribe(*NOTABLE) as events:
        async for event in events:
            if call.tell is not None:
                call.tell(record_of(event))
    raise Closed("the node was closed")


SUBSCRIBE = Method("subscribe", SubscribeParams, Ended, _subscribe)
