"""The check of one contact: a find_node query for the sake of the routing table."""

from __future__ import annotations

from ...endpoints import Endpoint, family_of
from ...ids import NodeId
from ...wire.messages import Error, FindNode, Reply
from ..contract import purposes
from ..contract.counters import Counters
from ..contract.queries import (
    MAINTENANCE,
    NO_COMMANDS,
    Commands,
    PendingQuery,
    QueryFailure,
    SendQuery,
)
from .bucket import Entry
from .candidates import Candidates
from .size_reports import SizeReports


class Check:
    """The owner of the query: of a candidate (``entry`` is None) or of an entry of the table."""

    __slots__ = ("_candidates", "_entry", "_reports")

    def __init__(self, candidates: Candidates, entry: Entry | None, reports: SizeReports) -> None:
        self._candidates = candidates
        self._entry = entry
        self._reports = reports

    @property
    def purpose(self) -> str:
        """What the query is counted as."""
        if self._entry is None:
            return purposes.CANDIDATE_CHECK
        return purposes.CONTACT_RETRY if self._entry.failures else purposes.CONTACT_CHECK

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        # The DHT has dealt with the answer of an entry already, which may be checked again by now.
        if self._entry is None:
            # Where another ID answers than the one that was named, the name was as wrong.
            is_true = pending.command.expected_id in (None, reply.sender)
            self._candidates.settle(pending.endpoint, now, answered=is_true)
        else:
            self._reports.answered(pending.command.query, reply, family_of(pending.endpoint))
        return NO_COMMANDS

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        if pending.stalls > 1 and self._entry is None:
            self._candidates.make_room(pending.endpoint)
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        if self._entry is not None:
            self._entry.checking = False
        else:
            answered = None if reason is QueryFailure.NOT_SENT else False
            self._candidates.settle(command.endpoint, now, answered=answered)
        return NO_COMMANDS


def check_query(
    endpoint: Endpoint,
    expected_id: NodeId | None,
    query: FindNode,
    check: Check,
    counters: Counters,
    *,
    retransmit: bool = True,
) -> SendQuery:
    """The command to send the query of a check. A check is counted as such, waits behind no lookup,
    and of its answer only contacts that the table does not hold are wanted.
    """
    return SendQuery(
        endpoint,
        expected_id,
        query,
        check,
        retransmit=retransmit,
        priority=MAINTENANCE,
        group=counters.checks,
        only_new_contacts=True,
        spaced=True,
        purpose=check.purpose,
    )
