"""What ``kadisc feed`` tells: events with words for people and fields for programs. Peers are named
by others; the log limits how often the same is said.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from ..observe.log_stamp import INFO, WARNING
from ..service.log_lines import LogEntry
from .journal import FeedJournal


class FeedReport:
    """``show``: writes an entry of the log."""

    def __init__(self, show: Callable[[LogEntry], None]) -> None:
        self._show = show
        self.journal = FeedJournal(trio.current_time)
        """All that was told so far, beyond the limit of the log too."""

    def tell(self, event: str, words: str, **fields: object) -> None:
        self._line(INFO, event, words, fields)

    def warn(self, event: str, words: str, **fields: object) -> None:
        self._line(WARNING, event, words, fields)

    def _line(self, level: str, event: str, words: str, fields: dict[str, object]) -> None:
        self.journal.note(event, words, fields)
        reason = str(fields.get("verdict") or "")
        self._show(LogEntry(level, event, event, words, fields, reason=reason))
