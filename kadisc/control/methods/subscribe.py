"""``subscribe``: the events of the running node, those of ``kadisc run --json`` and finer ones."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ...errors import Closed
from ...observe.event_document import event_document
from ...observe.event_log import KEPT
from ...observe.event_names import types_of
from ..call import Call, Method


class SubscribeParams(msgspec.Struct, forbid_unknown_fields=True):
    """``types``: the names of the events that are wanted; null for those of ``kadisc run --json``.
    Each comes as a partial result. ``past``: at first come the latest ones so far, at most so many.
    ``follow``: without it only these come.
    """

    types: list[str] | None = None
    past: Annotated[int, msgspec.Meta(ge=0, le=KEPT)] = 0
    follow: bool = True


class EventDocument(msgspec.Struct):
    """A partial result: an event, with the fields of its kind. ``time``: ISO 8601 with the zone of
    the machine. ``message``: the event in words, for people.
    """

    time: str
    level: Literal["info", "warning"]
    event: str
    message: str


class SubscriptionEnded(msgspec.Struct):
    """Only sent without ``follow``: a subscription ends when it is cancelled, or with the node."""


async def _subscribe(params: SubscribeParams, call: Call) -> SubscriptionEnded:
    types = types_of(params.types)
    async with call.node.subscribe(*types) as events:
        # Nothing happens between these two: no event is told twice, and none is left out.
        for document in call.node.event_log.documents(params.past, types):
            if call.tell is not None:
                call.tell(document)
        if not params.follow:
            return SubscriptionEnded()
        async for event in events:
            if call.tell is not None:
                call.tell(event_document(event))
    raise Closed("the node was closed")


SUBSCRIBE = Method(
    "subscribe", SubscribeParams, SubscriptionEnded, _subscribe, partial=(EventDocument,)
)
