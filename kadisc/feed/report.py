"""What ``kadisc feed`` tells: events with words for people and fields for programs, at most so many
of a kind in a minute. Peers are named by others, so that their number is not ours to choose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..observe.describe import count
from ..observe.log_stamp import INFO, WARNING

MAX_LINES: Final = 20
"""Lines of one kind in a minute; more are counted."""
_MINUTE_S: Final = 60.0

Print = Callable[[str, str, str, Mapping[str, object]], None]
"""With the level, the event, its words and its fields."""


class FeedReport:
    def __init__(self, show: Print, now: Callable[[], float]) -> None:
        self._show = show
        self._now = now
        self._since = now()
        self._lines: dict[str, int] = {}

    def tell(self, event: str, words: str, **fields: object) -> None:
        self._line(INFO, event, words, fields)

    def warn(self, event: str, words: str, **fields: object) -> None:
        self._line(WARNING, event, words, fields)

    def _line(self, level: str, event: str, words: str, fields: Mapping[str, object]) -> None:
        if self._now() - self._since >= _MINUTE_S:
            left_out = {name: each - MAX_LINES for name, each in self._lines.items()}
            self._lines.clear()
            self._since = self._now()
            for name, more in left_out.items():
                if more > 0:
                    text = f"{count(more, 'more line')} in the last minute"
                    self._show(INFO, name, text, {"left_out": more})
        self._lines[event] = self._lines.get(event, 0) + 1
        if self._lines[event] <= MAX_LINES:
            self._show(level, event, words, fields)
