"""``feed_state``: ``kadisc feed`` tells how its chain node is, and what it offered."""

from __future__ import annotations

import msgspec
import trio

from ...errors import Busy, UsageError
from ...observe.feed_states import MAX_FEEDS, FeedState
from ..call import Call, Method


class FeedStateParams(FeedState, frozen=True, forbid_unknown_fields=True):
    """Replaces what this connection told before. The node only shows it, and forgets it when the
    connection ends.
    """


class FeedStateNoted(msgspec.Struct):
    """``feeds``: the feeders that are connected now."""

    feeds: int


async def _feed_state(params: FeedStateParams, call: Call) -> FeedStateNoted:
    await trio.lowlevel.checkpoint()
    session = call.session
    if session is None:
        raise UsageError("feed_state is for clients of the control socket")
    feeds = call.node.feeds
    if not feeds.told(session, params, call.node.pump.now()):
        raise Busy(f"{MAX_FEEDS} feeders are connected already")
    session.at_end["feed_state"] = lambda: feeds.gone(session)
    return FeedStateNoted(len(feeds))


FEED_STATE = Method("feed_state", FeedStateParams, FeedStateNoted, _feed_state, writes=True)
