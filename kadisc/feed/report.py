"""What ``kadisc feed`` tells: events with words for people and fields for programs. Peers are named
by others; the log limits how often the same is said.
"""

from __future__ import annotations

from collections.abc import Callable

from ..observe.log_stamp import INFO, WARNING
from ..service.log_lines import LogEntry


class FeedReport:
    """``show``: writes an entry of the log."""

    def __init__(self, show: Callable[[LogEntry], None]) -> None:
        self._show = show

    def tell(self, event: str, words: str, **fields: object) -> None:
        self._line(INFO, event, words, fields)

    def warn(self, event: str, words: str, **fields: object) -> None:
        self._line(WARNING, event, words, fields)

    def _line(self, level: str, event: str, words: str, fields: dict[str, object]) -> None:
        reason = str(fields.get("verdict") or "")
        self._show(LogEntry(level, event, event, words, fields, reason=reason))
