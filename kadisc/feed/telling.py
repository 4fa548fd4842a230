"""Tells the running node how the feeder and its chain node are, so that its live views show it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol

import msgspec
import trio

from ..endpoints import format_endpoint, format_ip, ip_of
from ..errors import KadiscError
from ..observe.feed_states import (
    MAX_CHAIN_PEERS,
    MAX_TEXT,
    ChainPeerRow,
    Condition,
    FeedState,
    as_counts,
)
from ..text import one_line
from .candidates import FeedCandidates
from .chain_node import ChainLook
from .chain_peer import ChainPeer
from .journal import FeedJournal
from .settings import FeedSettings

LOOK_S: Final = 1.0
"""How often the state is looked at, and told where it differs."""
AGAIN_S: Final = 15.0
"""The state is told again after so long: the node may have dropped an idle connection."""
_BACK_OFF_S: Final = 15.0

NextState = Callable[[], Awaitable[FeedState]]


class StateListener(Protocol):
    async def tell_states(self, next_state: NextState) -> None:
        """Tells each state that ``next_state`` returns, until cancelled. Raises KadiscError."""


async def keep_told(node: StateListener, state: Callable[[], FeedState]) -> None:
    """Until it is cancelled. A node that is gone, or too old to be told, is tried again."""
    while True:
        with contextlib.suppress(KadiscError):  # the task that follows its peers says so
            await node.tell_states(_Changes(state).next)
        await trio.sleep(_BACK_OFF_S)


class _Changes:
    """Of a state that is looked at again and again, those that differ from the one before."""

    def __init__(self, state: Callable[[], FeedState]) -> None:
        self._state = state
        self._told: FeedState | None = None
        self._told_at = -AGAIN_S

    async def next(self) -> FeedState:
        while True:
            state, now = self._state(), trio.current_time()
            kept = _without_ages(state)
            if kept != self._told or now - self._told_at >= AGAIN_S:
                self._told, self._told_at = kept, now
                return state
            await trio.sleep(LOOK_S)


def _without_ages(state: FeedState) -> FeedState:
    return msgspec.structs.replace(
        state,
        started_s_ago=0.0,
        looked_s_ago=None,
        steps=tuple(msgspec.structs.replace(each, s_ago=0.0) for each in state.steps),
    )


def feed_state(
    settings: FeedSettings,
    target: str,
    journal: FeedJournal,
    candidates: FeedCandidates,
    look: ChainLook | None,
    standing: Collection[ChainPeer],
    *,
    awaited: int,
    began_at: float,
    looked_at: float | None,
    trouble: str | None,
    trouble_words: str | None,
    is_offered: bool,
) -> FeedState:
    """``look``: the last one, None while the chain node is not up. ``standing``: peers that were
    offered and taken. ``trouble``: ``down`` or ``refused``.
    """
    now = trio.current_time()
    peers, left_out = peer_rows(look, standing)
    condition: Condition = "starting" if look is None else "up"
    if trouble is not None:
        condition = "refused" if trouble == "refused" else "down"
    return FeedState(
        name=settings.preset,
        condition=condition,
        want=settings.want,
        started_s_ago=round(now - began_at, 1),
        chain=one_line((look.words if look is not None else "") or target, MAX_TEXT),
        trouble=one_line(trouble_words or "", MAX_TEXT) if trouble is not None else None,
        outbound=look.outbound if look is not None else None,
        inbound=len(look.inbound) if look is not None else None,
        looked_s_ago=None if looked_at is None else round(now - looked_at, 1),
        candidates=len(candidates),
        handshakes=candidates.in_flight,
        awaited=awaited,
        standing=len(standing),
        service=settings.advertise,
        service_offered=is_offered if settings.advertise is not None else None,
        dry_run=settings.dry_run,
        events=as_counts(journal.events),
        verdicts=as_counts(journal.verdicts),
        steps=journal.steps(),
        peers=peers,
        peers_left_out=left_out,
    )


def peer_rows(
    look: ChainLook | None, offered: Collection[ChainPeer]
) -> tuple[tuple[ChainPeerRow, ...], int]:
    """The peers of a chain node, those that were offered first, and how many were left out."""
    if look is None:
        return (), 0
    endpoints = {each.address for each in offered}
    hosts = {ip_of(each) for each in endpoints}
    rows = [
        ChainPeerRow(format_endpoint(each), "out", each in endpoints) for each in look.addresses
    ]
    rows += [ChainPeerRow(format_ip(each), "out", each in hosts) for each in look.hosts]
    rows += [ChainPeerRow(format_ip(each), "in", each in hosts) for each in look.inbound]
    rows.sort(key=lambda row: (not row.offered, row.direction == "in", row.address))
    return tuple(rows[:MAX_CHAIN_PEERS]), max(0, len(rows) - MAX_CHAIN_PEERS)
