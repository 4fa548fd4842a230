"""What a feeder did, so far and lately: counts of all, and the latest steps."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping

import msgspec

from ..observe.feed_states import MAX_STEPS, MAX_TEXT, FeedStep
from ..text import one_line

_MAX_KINDS = 64


class FeedJournal:
    """``now``: in seconds of a steady clock. Bounded in size, as the kinds of events are few."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._steps: deque[tuple[float, FeedStep]] = deque(maxlen=MAX_STEPS)
        self.events: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.count = 0
        """Steps so far."""

    def note(self, event: str, words: str, fields: Mapping[str, object]) -> None:
        """``fields``: of these the ``peer`` and the ``verdict`` count."""
        self.count += 1
        if event in self.events or len(self.events) < _MAX_KINDS:
            self.events[event] += 1
        peer, verdict = fields.get("peer"), fields.get("verdict")
        if isinstance(verdict, str):
            self.verdicts[verdict] += 1
        step = FeedStep(
            0.0,
            event[:64],
            one_line(words, MAX_TEXT),
            peer if isinstance(peer, str) else None,
            verdict if isinstance(verdict, str) else None,
            self.count,
        )
        self._steps.append((self._now(), step))

    def steps(self) -> tuple[FeedStep, ...]:
        """The latest, the newest last."""
        now = self._now()
        return tuple(
            msgspec.structs.replace(each, s_ago=round(now - at, 1)) for at, each in self._steps
        )
