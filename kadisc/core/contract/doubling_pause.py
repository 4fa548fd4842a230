"""A pause that doubles with each use, for whatever could otherwise begin again without end."""

from __future__ import annotations

from .times import NEVER


class DoublingPause:
    """The first use is free. Each use begins a pause, twice as long as the one before, up to
    ``most_s``; a use after more than twice the last pause begins with ``least_s`` again.
    """

    __slots__ = ("_least_s", "_most_s", "_pause_s", "free_at")

    def __init__(self, least_s: float, most_s: float) -> None:
        self._least_s = least_s
        self._most_s = most_s
        self._pause_s = 0.0
        self.free_at = NEVER
        """When the pause is over."""

    def used(self, now: float) -> float:
        """Uses it as soon as it is free. Returns when that is: now, or at the end of the pause."""
        at = max(now, self.free_at)
        if now > self.free_at + self._pause_s:
            self._pause_s = self._least_s
        else:
            self._pause_s = min(2 * self._pause_s, self._most_s)
        self.free_at = at + self._pause_s
        return at
