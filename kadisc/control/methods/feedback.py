"""``feedback``: the application's verdict on a peer that the node returned to it."""

from __future__ import annotations

from typing import Literal

import msgspec
import trio

from ...errors import NotFound, UsageError
from ..call import Call, Method
from .why import KEY_DIGITS, peer_from


class FeedbackParams(msgspec.Struct, forbid_unknown_fields=True):
    """``key``: the public key of the peer, 64 hex digits. ``good``: the node returns the peer a
    little more often. ``busy``, ``bad``, ``wrong-network``: it does not return the peer for 5
    minutes, an hour, a day.
    """

    key: str
    verdict: Literal["good", "bad", "busy", "wrong-network"]


class FeedbackDocument(msgspec.Struct):
    """The verdict as recorded."""

    key: str
    verdict: str


async def _feedback(params: FeedbackParams, call: Call) -> FeedbackDocument:
    await trio.lowlevel.checkpoint()
    key = peer_from(params.key)
    if len(params.key) != KEY_DIGITS:
        raise UsageError(f"a key has {KEY_DIGITS} hex digits: {params.key!r}")
    if not call.node.feedback(key, params.verdict):
        raise NotFound(
            f"no peer of the network {call.node.own_network.name} has the key {params.key}"
        )
    return FeedbackDocument(params.key, params.verdict)


FEEDBACK = Method("feedback", FeedbackParams, FeedbackDocument, _feedback)
