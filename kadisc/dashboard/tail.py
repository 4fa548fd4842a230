"""The latest events as lines of text. Events of the same kind are folded into one line, because a
node that joins has a hundred events in a second.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final

from ..observe.event_names import EVENTS
from ..observe.log_stamp import WARNING
from .lines import clean
from .reasons import reason_words

KEPT = 100
"""The number of lines that are kept."""
FOLDED_AMONG = 4
"""An event is folded into a line of its kind if that is among this number of last lines."""
FOLDED_WITHIN_S = 60.0
"""An event is not folded into a line that is older than this."""

SHOWN: Final = tuple(name for name in EVENTS if name != "record_changed")
"""The names of the events that the tail shows, as `subscribe` takes them."""

_NAMES: Final = {
    "contact_added": "contact",
    "contact_removed": "removed",
    "reachability_changed": "reach",
    "no_contacts": "contacts",
    "peers_beyond_caps": "limits",
    "own_address_shared": "limits",
    "host_unresolved": "bootstrap",
    "nothing_to_join": "bootstrap",
    "suspicious_lookup": "lookup",
    "self_check_failed": "self-check",
}
"""Short names of events; that of another is the first word of its name."""
_GOOD: Final = ("joined", "online", "bootstrap_working", "socket_back", "state_saved")
_GOOD_OR_BAD: Final = {
    "contact_added": "good",
    "contact_removed": "bad",
    "peer_verified": "good",
    "peer_lost": "bad",
}
_OF_VERDICTS: Final = {"yes": "good", "likely": "fair", "no": "bad", "unknown": "poor"}


@dataclass(frozen=True, slots=True)
class TailLine:
    clock: str
    name: str
    words: str
    style: str
    count: int


@dataclass(slots=True)
class _Kept:
    key: Hashable
    at: float
    line: TailLine


class Tail:
    def __init__(self) -> None:
        self._kept: list[_Kept] = []

    def add(self, event: Mapping[str, object], now: float) -> bool:
        """Takes an event as `subscribe` tells it; ``now``: the present time in seconds. Returns
        False for an event that the tail does not show.
        """
        kind = str(event.get("event"))
        if kind not in SHOWN:
            return False
        key, _ = _words(kind, event)
        name, words, style = described(kind, event)
        count = 1
        for older in self._kept[-FOLDED_AMONG:]:
            if older.key == key and now - older.at <= FOLDED_WITHIN_S:
                self._kept.remove(older)
                count += older.line.count
                break
        clock = str(event.get("time"))[11:19]  # that of an ISO 8601 time
        line = TailLine(clean(clock), name, words, style, count)
        self._kept.append(_Kept(key, now, line))
        del self._kept[:-KEPT]
        return True

    def lines(self) -> tuple[TailLine, ...]:
        """The oldest first."""
        return tuple(kept.line for kept in self._kept)


def described(kind: str, event: Mapping[str, object]) -> tuple[str, str, str]:
    """A short name, the text and the style of an event."""
    name = _NAMES.get(kind, kind.split("_")[0])
    return clean(name), clean(_words(kind, event)[1]), _style(kind, event)


def _words(kind: str, event: Mapping[str, object]) -> tuple[Hashable, str]:
    """The key that equal events share, and the text."""
    words = str(event.get("message", ""))
    is_ipv6 = str(event.get("endpoint")).startswith("[")
    match kind:
        case "contact_added":
            return (kind, is_ipv6), words
        case "contact_removed":
            reason = str(event.get("reason"))
            text = f"{words.removesuffix(reason)}{reason_words(reason)}"
            return (kind, is_ipv6, reason), text
        case "peer_verified" | "peer_lost":
            return kind, words
    return (kind, words), words


def _style(kind: str, event: Mapping[str, object]) -> str:
    if kind == "reachability_changed":
        return _OF_VERDICTS.get(str(event.get("verdict")), "poor")
    if kind in _GOOD:
        return "good"
    return _GOOD_OR_BAD.get(kind, "poor" if event.get("level") == WARNING else "fair")
