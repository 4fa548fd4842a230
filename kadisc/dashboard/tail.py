"""The latest events as lines of text. Events of the same kind are folded into one line, because a
node that joins has a hundred events in a second.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from ..contacts import Contact
from ..core.contract.events import (
    AddressChanged,
    CameOnline,
    ContactAdded,
    ContactRemoved,
    Joined,
    PeerLost,
    PeerVerified,
    ReachabilityChanged,
    WentOffline,
)
from ..core.contract.reach_verdict import ReachVerdict
from ..endpoints import format_endpoint, format_ip
from ..ids import format_id
from ..observe.describe import NOTABLE, family_name, level_of, words_for
from ..observe.log_stamp import WARNING
from ..observe.shell_events import (
    BootstrapFailing,
    BootstrapWorking,
    HostUnresolved,
    SocketBack,
    SocketLost,
)
from .lines import clean
from .reasons import reason_words

KEPT = 100
"""The number of lines that are kept."""
FOLDED_AMONG = 4
"""An event is folded into a line of its kind if that is among this number of last lines."""
FOLDED_WITHIN_S = 60.0
"""An event is not folded into a line that is older than this."""

SHOWN: tuple[type, ...] = tuple(
    dict.fromkeys((*NOTABLE, ContactAdded, ContactRemoved, AddressChanged))
)
"""The events that the tail shows."""

_GOOD = (Joined, CameOnline, BootstrapWorking, SocketBack)
_POOR = (WentOffline, BootstrapFailing, HostUnresolved, ReachabilityChanged, SocketLost)


_OF_VERDICTS = {
    ReachVerdict.YES: "good",
    ReachVerdict.LIKELY: "fair",
    ReachVerdict.NO: "bad",
    ReachVerdict.UNKNOWN: "poor",
}


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
    """``clock``: the time of day as text; ``now``: the same time in seconds."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []

    def add(self, event: object, clock: str, now: float) -> bool:
        """Returns False for an event that the tail does not show."""
        if not isinstance(event, SHOWN):
            return False
        key, name, words, style = _describe(event)
        count = 1
        for older in self._kept[-FOLDED_AMONG:]:
            if older.key == key and now - older.at <= FOLDED_WITHIN_S:
                self._kept.remove(older)
                count += older.line.count
                break
        self._kept.append(_Kept(key, now, TailLine(clock, name, clean(words), style, count)))
        del self._kept[:-KEPT]
        return True

    def lines(self) -> tuple[TailLine, ...]:
        """The oldest first."""
        return tuple(kept.line for kept in self._kept)


def _describe(event: object) -> tuple[Hashable, str, str, str]:
    """The key that equal events share, a short name, a text and a style."""
    match event:
        case ContactAdded(contact, bucket):
            return (
                (ContactAdded, contact.family),
                "contact",
                _contact_words(contact, bucket),
                "good",
            )
        case ContactRemoved(contact, bucket, reason):
            words = f"{_contact_words(contact, bucket)}: {reason_words(reason)}"
            return (ContactRemoved, contact.family, reason), "removed", words, "bad"
        case AddressChanged(family, ip, port, own_id, voters):
            where = format_ip(ip) + (f" port {port}" if port else "")
            words = (
                f"{family_name(family)}: external address {where} ({voters} subnets agree); "
                f"own ID is now {format_id(own_id)[:8]}"
            )
            return (AddressChanged, family, ip, port), "address", words, "fair"
    assert isinstance(event, NOTABLE)
    name, words = words_for(event)
    if isinstance(event, PeerVerified | PeerLost):
        is_found = isinstance(event, PeerVerified)
        return ("peer", is_found), name, words, "good" if is_found else "bad"
    if level_of(event) == WARNING and not isinstance(event, _POOR):
        words = f"warning: {words}"
    return (type(event), words), name, words, _style(event)


def _contact_words(contact: Contact, bucket: int) -> str:
    endpoint = format_endpoint(contact.endpoint)
    return f"{format_id(contact.id)[:8]} at {endpoint}, bucket {bucket}"


def _style(event: object) -> str:
    if isinstance(event, ReachabilityChanged):
        return _OF_VERDICTS[event.verdict]
    if isinstance(event, _GOOD):
        return "good"
    return "poor" if isinstance(event, _POOR) else "fair"
