"""``feedback``: what the application says of a peer that it was given."""

from __future__ import annotations

from typing import Literal

import msgspec
import trio

from ...errors import KadiscError, UsageError
from ..call import Call, Method
from .why import KEY_DIGITS, peer_from


class FeedbackParams(msgspec.Struct, forbid_unknown_fields=True):
    """``key``: the peer's, 64 hex digits. A good word makes it a little likelier to be given; one
    that is busy is held back for 5 minutes, a bad one for an hour, one of another network for a
    day.
    """

    key: str
    verdict: Literal["good", "bad", "busy", "wrong-network"]


class Noted(msgspec.Struct):
    """What was noted."""

    key: str
    verdict: str


async def _feedback(params: FeedbackParams, call: Call) -> Noted:
    await trio.lowlevel.checkpoint()
    key = peer_from(params.key)
    if len(params.key) != KEY_DIGITS:
        raise UsageError(f"a key has {KEY_DIGITS} hex digits: {params.key!r}")
    if not call.node.feedback(key, params.verdict):
        raise KadiscError(
            f"no peer of the network {call.node.own_network.name} has the key {params.key}"
        )
    return Noted(params.key, params.verdict)


FEEDBACK = Method("feedback", FeedbackParams, Noted, _feedback)
