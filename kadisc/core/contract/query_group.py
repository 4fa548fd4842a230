"""What the queries of one operation, or of one purpose, have in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class QueryGroup:
    """Shared by all commands to send a query that are made for the same purpose."""

    queries: int = 0
    """Datagrams sent, retransmissions included."""
    retransmit: bool = True
    """Whether a query of the group that stalls is sent once more. An operation that has what it
    needs sets this to False; a late answer is still used.
    """
