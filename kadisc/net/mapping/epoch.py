"""Whether a router has lost its mappings, by the seconds that it counts since then (RFC 6887,
section 8.5; NAT-PMP counts likewise).
"""

from __future__ import annotations


class RouterEpoch:
    """The epoch of one router, as its answers tell it."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None

    def is_continued(self, epoch: int, now: float) -> bool:
        """Takes the epoch of an answer. False where the router has begun to count anew, or counts
        at another pace than this machine: then it may have lost its mappings.
        """
        last, self._last = self._last, (epoch, now)
        if last is None:
            return True
        last_epoch, last_now = last
        if epoch < last_epoch - 1:  # answers may come out of order
            return False
        here_s, there_s = now - last_now, epoch - last_epoch
        return not (here_s + 2 < there_s - there_s / 16 or there_s + 2 < here_s - here_s / 16)
