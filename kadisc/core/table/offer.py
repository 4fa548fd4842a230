"""What becomes of a contact that is offered to the routing table, and of an entry that leaves."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from .bucket import Entry


class Decision(Enum):
    ADDED = "added"
    KNOWN = "known"
    CHALLENGE = "challenge"
    CONTRADICTED = "contradicted"
    REPLACEMENT = "replacement"
    REFUSED = "refused"


ADDED: Final = Decision.ADDED
CHALLENGE: Final = Decision.CHALLENGE
CONTRADICTED: Final = Decision.CONTRADICTED
REFUSED: Final = Decision.REFUSED
"""Read with every answer: see `endpoints.IPV4`."""


class Offer(NamedTuple):
    """``entry``: the one added or known; with CHALLENGE the incumbent to check, with CONTRADICTED
    the one at whose endpoint another ID answers, which is a failure of it. ``evicted``: entries
    that left, because another ID answers at their endpoint now, or (without ping-before-evict) to
    make room. ``reason``: why it was REFUSED.
    """

    decision: Decision
    entry: Entry | None = None
    reason: str = ""
    evicted: tuple[Entry, ...] = ()


class Removal(NamedTuple):
    """An entry that left, and the replacement that took its place, if any."""

    entry: Entry
    promoted: Entry | None
