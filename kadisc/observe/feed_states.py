"""What ``kadisc feed`` tells the running node about the chain node that it feeds.

The node keeps the last state that each connected feeder told, to show it, and forgets it when the
feeder disconnects. It decides nothing by it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

MAX_FEEDS: Final = 8
"""Feeders whose state is kept."""
MAX_STEPS: Final = 40
MAX_CHAIN_PEERS: Final = 100
MAX_TEXT: Final = 200
"""Characters. A state of this size fits into one request of the control socket."""
_MAX_COUNTS: Final = 32
_MAX_NAME: Final = 64

Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Name = Annotated[str, msgspec.Meta(max_length=_MAX_NAME)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Age = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Counts = Annotated[dict[Name, Count], msgspec.Meta(max_length=_MAX_COUNTS)]
Condition = Literal["starting", "up", "down", "refused"]


class FeedStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that happened. ``event``: ``offered``, ``connected``, ``accepted``, ``refused``,
    ``would-offer``, ``lost``, ``withdrawn``, ``advertised``... ``peer``: HOST:PORT of its service,
    null where it concerns none. ``verdict``: what the running node was told of the peer.
    ``number``: counts up from 1.
    """

    s_ago: Age
    event: Name
    words: Text
    peer: Text | None = None
    verdict: Name | None = None
    number: Count = 0


class ChainPeerRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A peer of the chain node. ``address``: HOST:PORT, or a host alone where the chain node tells
    no more. ``offered``: whether it was offered by this feeder.
    """

    address: Text
    direction: Literal["in", "out"]
    offered: bool


class FeedState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state of a feeder. ``name``: of its preset, as in ``bitcoin`` or ``exec``. ``chain``:
    what the chain node calls itself. ``condition``: ``starting`` before the first look, ``up``,
    ``down``, or ``refused`` (its RPC lets the feeder not in); ``trouble``: why. ``outbound``: peers
    that the chain node connected to, of ``want`` wanted ones; null while it is not up, as
    ``looked_s_ago`` is before the first look. ``candidates``: peers that may be tried;
    ``handshakes``: under way; ``awaited``: offered and not connected yet; ``standing``: offered and
    taken. ``service``: what is advertised while the chain node is up, ``service_offered`` whether
    it is now; null for none. ``events`` and ``verdicts``: how often each occurred. ``steps``: the
    latest, the newest last. ``peers``: those of the chain node; ``peers_left_out``: how many more
    it has.
    """

    name: Name
    condition: Condition
    want: Count
    started_s_ago: Age
    chain: Text = ""
    trouble: Text | None = None
    outbound: Count | None = None
    inbound: Count | None = None
    looked_s_ago: Age | None = None
    candidates: Count = 0
    handshakes: Count = 0
    awaited: Count = 0
    standing: Count = 0
    service: Text | None = None
    service_offered: bool | None = None
    dry_run: bool = False
    events: Counts = msgspec.field(default_factory=dict)
    verdicts: Counts = msgspec.field(default_factory=dict)
    steps: Annotated[tuple[FeedStep, ...], msgspec.Meta(max_length=MAX_STEPS)] = ()
    peers: Annotated[tuple[ChainPeerRow, ...], msgspec.Meta(max_length=MAX_CHAIN_PEERS)] = ()
    peers_left_out: Count = 0


@dataclass(slots=True)
class _Told:
    state: FeedState
    at: float


class FeedStates:
    """At most `MAX_FEEDS` states, each by the connection that it came by."""

    def __init__(self) -> None:
        self._told: dict[Hashable, _Told] = {}

    def __len__(self) -> int:
        return len(self._told)

    def told(self, connection: Hashable, state: FeedState, now: float) -> bool:
        """Returns False, and keeps nothing, where there are too many feeders."""
        if connection not in self._told and len(self._told) >= MAX_FEEDS:
            return False
        self._told[connection] = _Told(state, now)
        return True

    def gone(self, connection: Hashable) -> None:
        """The feeder has disconnected."""
        self._told.pop(connection, None)

    def states(self, now: float) -> tuple[FeedState, ...]:
        """In the order in which they connected, their ages as of now."""
        return tuple(_aged(each.state, now - each.at) for each in self._told.values())


def _aged(state: FeedState, by_s: float) -> FeedState:
    looked_s_ago = state.looked_s_ago
    return msgspec.structs.replace(
        state,
        started_s_ago=state.started_s_ago + by_s,
        looked_s_ago=None if looked_s_ago is None else looked_s_ago + by_s,
        steps=tuple(msgspec.structs.replace(each, s_ago=each.s_ago + by_s) for each in state.steps),
    )


def as_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """The most frequent ones, as many as a state holds."""
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return {name[:_MAX_NAME]: count for name, count in ranked[:_MAX_COUNTS]}
