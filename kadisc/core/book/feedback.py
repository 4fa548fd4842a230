"""Feedback: what the application says of the peers that it was given.

Attacks: the peers of an attacker serve well for weeks, until only they are selected. And an
attacker that can make honest peers look bad to the application, by slowing them down or through a
bug of it, has them removed, until only its own are left. Defence: a verdict changes how likely a
peer is selected, within bounds and for a time. It removes no peer, and no more than half of the
tried table is held back at once.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import BookConfig
from .entry import BookEntry, Verdict

FEW: Final = 8
"""How many peers may be held back in a small book."""


class FeedbackRule(Protocol):
    def judge(self, entry: BookEntry, verdict: Verdict, now: float, tried: int) -> None: ...

    def weight(self, entry: BookEntry, now: float) -> float: ...

    def forget(self, entry: BookEntry) -> None: ...


class BoundedFeedback:
    """Verdicts count up to a bound, and hold back a bounded number of peers for a time."""

    def __init__(self, config: BookConfig) -> None:
        self._config = config
        self._max_good = config.max_good
        self._held_back: dict[BookEntry, None] = {}  # the one judged longest ago first

    def judge(self, entry: BookEntry, verdict: Verdict, now: float, tried: int) -> None:
        """Applies a verdict. ``tried``: how many peers are in the tried table."""
        entry.verdict = verdict
        if verdict == "good":
            entry.good = min(entry.good + 1, self._max_good)
            return
        if verdict != "busy":
            entry.good = 0
        entry.held_back_until = max(entry.held_back_until, now + hold_back_s(self._config, verdict))
        self._held_back.pop(entry, None)
        self._held_back[entry] = None
        for over in [each for each in self._held_back if now >= each.held_back_until]:
            del self._held_back[over]
        while len(self._held_back) > max(FEW, tried // 2):
            self._release(next(iter(self._held_back)), now)

    def weight(self, entry: BookEntry, now: float) -> float:
        """How likely a peer is selected, compared with a peer without verdicts; 0 for never."""
        return 0.0 if now < entry.held_back_until else 1.0 + 0.25 * entry.good

    def forget(self, entry: BookEntry) -> None:
        """The entry leaves the book, or belongs to another peer now."""
        self._held_back.pop(entry, None)

    def _release(self, entry: BookEntry, now: float) -> None:
        del self._held_back[entry]
        entry.held_back_until = now


def hold_back_s(config: BookConfig, verdict: Verdict) -> float:
    """How long a peer with that verdict is held back; 0 for a good one."""
    if verdict == "bad":
        return config.bad_s
    if verdict == "wrong-network":
        return config.wrong_network_s
    return config.busy_s if verdict == "busy" else 0.0
