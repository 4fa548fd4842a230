"""The lookups that ended lately, from events: how long each took, its cost and its outcome."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ..core.contract.events import (
    AnnounceFinished,
    LookupFinished,
    LookupResult,
    Outcome,
    PutFinished,
)
from ..endpoints import Family
from ..ids import format_id

KEPT: Final = 50
"""The number of lookups that are kept."""


@dataclass(frozen=True, slots=True)
class FinishedLookup:
    """A lookup that has ended, or an announce or a put with the lookup before it.

    ``what``: the method of a lookup, ``announce_peer`` or ``put``. ``target``: 40 hex digits.
    ``purpose``: what its queries are
    counted as (see `kadisc.core.contract.purposes`). ``answered``: nodes that answered the lookup;
    ``queries``: datagrams sent, retransmissions included; ``hops``: the longest chain of answers
    that led to one of the closest nodes. ``found``: peers of a ``get_peers``; nodes that stored an
    announce or a put; the closest nodes of any other lookup. ``suspicious``: more nodes were named
    near the target than the size of the network allows. ``ended_s_ago``: how long ago it ended.
    ``operation``: the number of the lookup.
    """

    what: str
    target: str
    family: Family
    purpose: str
    outcome: Outcome
    elapsed_s: float
    hops: int
    queries: int
    answered: int
    found: int
    suspicious: bool
    operation: int = 0
    ended_s_ago: float = 0.0


@dataclass(slots=True)
class _KeptLookup:
    at: float
    lookup: FinishedLookup
    is_whole: bool = False
    """Whether what followed the lookup has ended too."""

    def is_of(self, result: LookupResult) -> bool:
        """Whether it was made of that result, which names many nodes, so that it is not kept."""
        it = self.lookup
        return (
            not self.is_whole
            and it.elapsed_s == result.elapsed_s
            and it.what == result.kind.value
            and it.target == format_id(result.target)
        )


class LookupHistory:
    """For `Dispatch.tap`. ``now``: in seconds of a steady clock. Keeps `KEPT` lookups."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._kept: deque[_KeptLookup] = deque(maxlen=KEPT)

    def note(self, event: object) -> None:
        """Takes an event; those of other kinds are ignored."""
        match event:
            case LookupFinished(operation, outcome, result):
                lookup = _of_lookup(operation, outcome, result)
                self._kept.append(_KeptLookup(self._now(), lookup))
            case AnnounceFinished():
                self._stored("announce_peer", event)
            case PutFinished():
                self._stored("put", event)

    def _stored(self, what: str, event: AnnounceFinished | PutFinished) -> None:
        """The lookup before it is kept already, and becomes a part of it."""
        now = self._now()
        if event.lookup is None:
            return
        for kept in self._kept:
            if kept.is_of(event.lookup):
                kept.lookup = replace(
                    kept.lookup,
                    what=what,
                    outcome=event.outcome,
                    elapsed_s=kept.lookup.elapsed_s + now - kept.at,
                    queries=event.queries,
                    found=len(event.stored),
                )
                kept.at = now
                kept.is_whole = True
                return

    def lookups(self) -> tuple[FinishedLookup, ...]:
        """Those that are kept, the one that ended last first."""
        now = self._now()
        newest_first = sorted(self._kept, key=lambda kept: -kept.at)
        return tuple(replace(kept.lookup, ended_s_ago=now - kept.at) for kept in newest_first)


def _of_lookup(operation: int, outcome: Outcome, result: LookupResult) -> FinishedLookup:
    found = result.peers if result.kind.value == "get_peers" else result.closest
    return FinishedLookup(
        result.kind.value,
        format_id(result.target),
        result.family,
        result.purpose,
        outcome,
        result.elapsed_s,
        result.hops,
        result.queries,
        result.answered,
        len(found),
        result.suspicious,
        operation,
    )
