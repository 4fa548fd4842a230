"""The owner of one verification: tells those who wait for its outcome how it ended."""

from __future__ import annotations

from ...wire.messages import Error, Reply
from ..contract.queries import NO_COMMANDS, Commands, PendingQuery, QueryFailure, SendQuery
from .bucket import Entry
from .candidates import Candidates


class Check:
    """Of a candidate (``entry`` is None), or of an entry of the table."""

    __slots__ = ("_candidates", "_entry")

    def __init__(self, candidates: Candidates, entry: Entry | None) -> None:
        self._candidates = candidates
        self._entry = entry

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        if (
            self._entry is None
        ):  # what an entry's answer means, the overlay has seen to already: it may be checked again
            self._candidates.settle(pending.endpoint, now)
        return NO_COMMANDS

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        if pending.stalls > 1 and self._entry is None:
            self._candidates.make_room(pending.endpoint)
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        if self._entry is not None:
            self._entry.checking = False
        else:
            self._candidates.settle(command.endpoint, now)
        return NO_COMMANDS
