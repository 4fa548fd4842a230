"""What stands before each line of a log and in each JSON event: the time, with its zone, and the
level. It imports hardly anything, because every command imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from ..text import printable

INFO: Final = "info"
WARNING: Final = "warning"


def stamped(level: str, record: Mapping[str, object]) -> dict[str, object]:
    """A record of an event with its level and the present time, in ISO 8601 with the zone. Its
    texts are made printable: the path of a folder may hold bytes that are no text.
    """
    texts = {key: printable(value) for key, value in record.items() if isinstance(value, str)}
    return {"time": time_text("milliseconds"), "level": level, **record, **texts}


def time_text_at(wall_s: float) -> str:
    """So many seconds since 1970, in ISO 8601, in the zone of this machine."""
    return datetime.fromtimestamp(wall_s, UTC).astimezone().isoformat(timespec="milliseconds")


def time_text(precision: str = "seconds") -> str:
    """The present time in ISO 8601, in the zone of this machine, with its offset from UTC."""
    return datetime.now(UTC).astimezone().isoformat(timespec=precision)
