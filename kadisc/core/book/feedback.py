"""What the application says of the peers that it was given.

The attacks: an attacker's peers serve well for weeks, until they are all that is given out. And
whoever can make honest peers look bad to the application, by slowing them down or through a bug of
it, has them removed, until only his own are left. So a verdict changes how likely a peer is given
out, within bounds and for a time; it removes nobody; and no more than half of those met are held
back at once.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import BookConfig
from .entry import BookPeer, Verdict

FEW: Final = 8
"""So many may be held back in however small a book."""


class FeedbackRule(Protocol):
    def judge(self, entry: BookPeer, verdict: Verdict, now: float, met: int) -> None: ...

    def weight(self, entry: BookPeer, now: float) -> float: ...

    def forget(self, entry: BookPeer) -> None: ...


class BoundedFeedback:
    """``judge`` takes a verdict in; ``weight`` is how likely a peer is given out, compared with one
    of whom nothing was said; 0 for not at all.
    """

    def __init__(self, config: BookConfig) -> None:
        self._max_good = config.max_good
        self._lasts_s = {
            "busy": config.busy_s,
            "bad": config.bad_s,
            "wrong-network": config.wrong_network_s,
        }
        self._held_back: dict[BookPeer, None] = {}  # the one judged longest ago first

    def judge(self, entry: BookPeer, verdict: Verdict, now: float, met: int) -> None:
        """``met``: how many peers could be given out, if nothing were held against any."""
        entry.verdict = verdict
        if verdict == "good":
            entry.good = min(entry.good + 1, self._max_good)
            return
        if verdict != "busy":
            entry.good = 0
        entry.held_back_until = max(entry.held_back_until, now + self._lasts_s[verdict])
        self._held_back.pop(entry, None)
        self._held_back[entry] = None
        for one in [one for one in self._held_back if now >= one.held_back_until]:
            del self._held_back[one]
        while len(self._held_back) > max(FEW, met // 2):
            self._release(next(iter(self._held_back)), now)

    def weight(self, entry: BookPeer, now: float) -> float:
        return 0.0 if now < entry.held_back_until else 1.0 + 0.25 * entry.good

    def forget(self, entry: BookPeer) -> None:
        self._held_back.pop(entry, None)

    def _release(self, entry: BookPeer, now: float) -> None:
        del self._held_back[entry]
        entry.held_back_until = now


class UnboundedFeedback:
    """Counts what was said and believes it for good: what the bounds are measured against."""

    __slots__ = ()

    def judge(self, entry: BookPeer, verdict: Verdict, now: float, met: int) -> None:
        entry.verdict = verdict
        if verdict == "good":
            entry.good += 1
        else:
            entry.held_back_until = float("inf")

    def weight(self, entry: BookPeer, now: float) -> float:
        return 0.0 if now < entry.held_back_until else 1.0 + entry.good

    def forget(self, entry: BookPeer) -> None:
        pass
