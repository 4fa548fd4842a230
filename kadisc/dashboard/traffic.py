"""The traffic of the last minute, second by second, computed from counters that only grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

KEPT_S = 60
"""The number of seconds that are kept."""
SMOOTHED_S = 5
"""A rate is the mean over this number of seconds, so that single datagrams do not make it flicker.
"""

RATES_S = 11
"""A rate of a counter is the mean over so many samples, each a second after the one before."""

_NAMES = ("received_bytes", "received", "sent_bytes", "sent")


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction: the rates, and the bytes in each of the last `KEPT_S` seconds, the newest
    last.
    """

    bytes_per_s: float
    datagrams_per_s: float
    history: tuple[float, ...]


NO_FLOW = Flow(0.0, 0.0, (0.0,) * KEPT_S)


class TrafficHistory:
    def __init__(self, counters: Mapping[str, int], now: float) -> None:
        self._last = _totals(counters)
        self._last_at = now
        self._seconds: deque[tuple[float, ...]] = deque([(0.0,) * len(_NAMES)] * KEPT_S, KEPT_S)

    def sample(self, counters: Mapping[str, int], now: float) -> None:
        """Adds a value for each whole second since the last sample; several seconds get equal
        values. May be called at any time.
        """
        passed = int(now - self._last_at)
        if passed < 1:
            return
        totals = _totals(counters)
        if any(new < old for new, old in zip(totals, self._last, strict=True)):
            self._last = (0,) * len(_NAMES)  # the node was started anew
        each = tuple((new - old) / passed for new, old in zip(totals, self._last, strict=True))
        self._seconds.extend([each] * min(passed, KEPT_S))
        self._last = totals
        self._last_at += passed

    def flows(self) -> tuple[Flow, Flow]:
        """The flows in and out."""
        return self._flow(0), self._flow(2)

    def _flow(self, first: int) -> Flow:
        lately = list(self._seconds)[-SMOOTHED_S:]
        return Flow(
            sum(second[first] for second in lately) / SMOOTHED_S,
            sum(second[first + 1] for second in lately) / SMOOTHED_S,
            tuple(second[first] for second in self._seconds),
        )


class CounterRates:
    """How much each counter grew lately, in a second."""

    def __init__(self, counters: Mapping[str, int], now: float) -> None:
        self._samples: deque[tuple[float, Mapping[str, int]]] = deque([(now, counters)], RATES_S)

    def sample(self, counters: Mapping[str, int], now: float) -> None:
        """Takes the counters, once a second at most. May be called at any time. Those of a node
        that was started anew are smaller, and begin anew.
        """
        at, last = self._samples[-1]
        if counters.get("received", 0) < last.get("received", 0):
            self._samples.clear()
        elif now - at < 1.0:
            return
        self._samples.append((now, counters))

    def rates(self) -> dict[str, float]:
        """Those that grew; empty within the first second."""
        (began_at, old), (ended_at, new) = self._samples[0], self._samples[-1]
        if ended_at <= began_at:
            return {}
        return {
            name: (total - old.get(name, 0)) / (ended_at - began_at)
            for name, total in new.items()
            if total > old.get(name, 0)
        }


def flows_at(rates: Mapping[str, float]) -> tuple[Flow, Flow]:
    """The flows in and out without history, from the rates of counters."""
    flow_in, flow_out = (
        Flow(rates.get(f"{way}_bytes", 0.0), rates.get(way, 0.0), NO_FLOW.history)
        for way in ("received", "sent")
    )
    return flow_in, flow_out


def _totals(counters: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(counters[name] for name in _NAMES)
