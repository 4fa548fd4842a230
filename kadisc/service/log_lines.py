"""The three forms of a line of the log. They are pure functions of an entry and the time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ..observe.log_stamp import INFO, WARNING
from ..text import MAX_MESSAGE, one_line, printable
from .journal import prefix
from .log_addresses import masked, masked_fields

DEBUG: Final = "debug"
LEVELS: Final = (DEBUG, INFO, WARNING)
"""From the least on."""
FORMATS: Final = ("text", "json", "journal")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """``event`` is its name for programs and ``name`` the one for people, ``words`` the line for
    people, ``fields`` what programs get beside them. ``family`` is ``ipv4`` or ``ipv6`` where it is
    about one. ``reason`` tells entries of one event apart where their number is limited.
    """

    level: str
    event: str
    name: str
    words: str
    fields: Mapping[str, object] = field(default_factory=dict)
    family: str | None = None
    reason: str = ""


def text_line(entry: LogEntry, at: datetime, *, addresses: str, colored: bool = False) -> str:
    """Date and time with the zone (ISO 8601), the level, the name and the words."""
    words = _words(entry, addresses)
    when = at.astimezone().isoformat(timespec="seconds")
    if colored:
        weight = "33" if entry.level == WARNING else "2"
        start = (
            f"\x1b[2m{when}\x1b[0m \x1b[{weight}m{entry.level:<7}\x1b[0m"
            f" \x1b[1m{entry.name:<10}\x1b[0m"
        )
    else:
        start = f"{when} {entry.level:<7} {entry.name:<10}"
    return f"{start} {words}".rstrip()


def journal_line(entry: LogEntry, at: datetime, *, addresses: str) -> str:
    """The priority, the name and the words. The journal knows the time itself."""
    words = _words(entry, addresses)
    return prefix(entry.level) + (f"{entry.name}: {words}" if words else entry.name)


def json_line(entry: LogEntry, at: datetime, *, addresses: str) -> str:
    """An object with ``ts`` (RFC 3339, milliseconds, UTC), ``level``, ``event``, ``family``,
    ``message`` and the fields of the event.
    """
    fields = {key: value for key, value in entry.fields.items() if key not in ("event", "family")}
    document = {
        "ts": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": entry.level,
        "event": entry.event,
        "family": entry.family,
        "message": _words(entry, addresses),
        **_printable(masked_fields(fields, addresses)),
    }
    # DEL is the one control character that JSON lets stand as it is.
    return json.dumps(document, separators=(", ", ": ")).replace("\x7f", "\\u007f")


LINE_OF: Final[Mapping[str, Callable[..., str]]] = {
    "text": text_line,
    "json": json_line,
    "journal": journal_line,
}


def _words(entry: LogEntry, addresses: str) -> str:
    return one_line(masked(entry.words, addresses), MAX_MESSAGE)


def _printable(fields: object) -> dict[str, object]:
    """Texts may be of others, and the path of a folder may hold bytes that are no text."""
    assert isinstance(fields, Mapping)
    return {
        key: printable(value) if isinstance(value, str) else value for key, value in fields.items()
    }
