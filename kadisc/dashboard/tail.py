"""The latest events in words. What repeats is folded into one line: a node that joins has a hundred
events in a second.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from ..core.contract.events import (
    AddressChanged,
    CameOnline,
    ContactAdded,
    ContactRemoved,
    Joined,
    WentOffline,
)
from ..endpoints import format_endpoint, format_ip
from ..ids import format_id
from ..observe.describe import NOTABLE, family_name, words_for
from ..observe.shell_events import BootstrapFailing, BootstrapWorking, HostUnresolved
from .lines import clean

KEPT = 100
FOLDED_AMONG = 4
"""An event is folded into one of its kind if that is among so many last lines..."""
FOLDED_WITHIN_S = 60.0
"""...and is not older than this."""

SHOWN: tuple[type, ...] = tuple(
    dict.fromkeys((*NOTABLE, ContactAdded, ContactRemoved, AddressChanged))
)
"""The events that have a place in the tail."""

_GOOD = (Joined, CameOnline, BootstrapWorking)
_POOR = (WentOffline, BootstrapFailing, HostUnresolved)


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
    """``clock`` is the time of day as it is to be shown, ``now`` the same moment in seconds."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []

    def add(self, event: object, clock: str, now: float) -> bool:
        """False for an event that is not shown here."""
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
    """What makes it the same as others, a short name, words and a style."""
    match event:
        case ContactAdded(contact, bucket):
            words = f"{format_id(contact.id)[:8]} at {format_endpoint(contact.endpoint)}, bucket {bucket}"
            return (ContactAdded, contact.family), "contact", words, "good"
        case ContactRemoved(contact, bucket, reason):
            words = f"{format_id(contact.id)[:8]} at {format_endpoint(contact.endpoint)}, bucket {bucket}: {reason}"
            return (ContactRemoved, contact.family, reason), "gone", words, "bad"
        case AddressChanged(family, ip, port, own_id, voters):
            where = format_ip(ip) + (f" port {port}" if port else "")
            words = f"{family_name(family)}: others see us at {where} ({voters} networks agree); now {format_id(own_id)[:8]}"
            return (AddressChanged, family, ip, port), "address", words, "fair"
    assert isinstance(event, NOTABLE)
    name, words = words_for(event)
    return (
        (type(event), words),
        name,
        words,
        "good" if isinstance(event, _GOOD) else "poor" if isinstance(event, _POOR) else "fair",
    )
