"""``feedback``: the application's verdict on a peer that the node returned to it."""

from __future__ import annotations

from typing import Literal

import msgspec
import trio

from ...core.peers.peer_matching import MatchedBy
from ...endpoints import format_endpoint
from ...errors import NotFound, UsageError
from ..call import Call, Method
from .why import unknown_peer


class FeedbackParams(msgspec.Struct, forbid_unknown_fields=True):
    """``peer``: its public key (64 hex digits), the HOST:PORT where it answers, or the HOST:PORT of
    a service of its record; ``key`` is an older name for the same. ``good``: the node returns the
    peer a little more often. ``busy``, ``bad``, ``wrong-network``: it does not return the peer for
    5 minutes, an hour, a day.
    """

    verdict: Literal["good", "bad", "busy", "wrong-network"]
    peer: str | None = None
    key: str | None = None


class JudgedPeer(msgspec.Struct):
    """``endpoint``: where it answers; a verdict on a proven key holds at its other ones too."""

    key: str
    endpoint: str
    proven: bool


class FeedbackDocument(msgspec.Struct):
    """The verdict as recorded. ``matched_by``: what of the peer was given; where several peers were
    meant, ``peers`` has more than one, and the verdict counts for each. ``key``: of the first.
    """

    peer: str
    verdict: str
    matched_by: MatchedBy
    peers: list[JudgedPeer]
    key: str


async def _feedback(params: FeedbackParams, call: Call) -> FeedbackDocument:
    await trio.lowlevel.checkpoint()
    who = params.peer if params.peer is not None else params.key
    if who is None or (params.peer is not None and params.key is not None):
        raise UsageError("expected one of the params peer and key")
    network = call.node.own_network
    matched_by = network.match(who).by
    judged = call.node.feedback(who, params.verdict)
    if not judged:
        raise NotFound(unknown_peer(network.name, who))
    return FeedbackDocument(
        who,
        params.verdict,
        matched_by,
        [
            JudgedPeer(peer.key.hex(), format_endpoint(peer.endpoint), peer.is_proven)
            for peer in judged
        ],
        judged[0].key.hex(),
    )


FEEDBACK = Method("feedback", FeedbackParams, FeedbackDocument, _feedback, writes=True)
