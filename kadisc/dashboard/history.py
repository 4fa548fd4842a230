"""What a display keeps from snapshot to snapshot: traffic, rates and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..control.methods.snapshots import NodeSnapshot
from .log_rows import LogRows
from .scene import Scene
from .tail import Tail
from .traffic import CounterRates, TrafficHistory


class SceneHistory:
    """``first``: the first snapshot; ``now``: in seconds, of one steady clock."""

    def __init__(self, first: NodeSnapshot, now: float) -> None:
        self._tail = Tail()
        self._log = LogRows()
        self._traffic = TrafficHistory(first.status.counters, now)
        self._rates = CounterRates(first.status.counters, now)

    def hear(self, event: Mapping[str, object], now: float) -> bool:
        """Takes an event as `subscribe` tells it. Returns whether any view shows it."""
        self._log.add(event)
        return self._tail.add(event, now)

    def updated(self, scene: Scene, snapshot: NodeSnapshot, now: float) -> Scene:
        """The scene with another snapshot, and what has come until now."""
        self._traffic.sample(snapshot.status.counters, now)
        self._rates.sample(snapshot.status.counters, now)
        flow_in, flow_out = self._traffic.flows()
        return replace(
            scene,
            node=snapshot,
            flow_in=flow_in,
            flow_out=flow_out,
            tail=self._tail.lines(),
            log=self._log.rows(),
            rates=self._rates.rates(),
        )
