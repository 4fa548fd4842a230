"""The queries of this room: what they all have in common."""

from __future__ import annotations

from ...endpoints import Endpoint
from ...wire.messages import Knock, Ping, Reach
from ..contract.queries import Owner, Priority, SendQuery


def reach_query(
    endpoint: Endpoint,
    query: Reach | Knock | Ping,
    owner: Owner,
    purpose: str,
    timeout_s: float | None = None,
) -> SendQuery:
    """A query that is sent once, and of which nothing is learned but its answer: no contact, no
    round-trip time, no vote, no failure. ``timeout_s``: None for the usual one.
    """
    return SendQuery(
        endpoint,
        None,
        query,
        owner,
        learn_contact=False,
        retransmit=False,
        priority=Priority.MAINTENANCE,
        purpose=purpose,
        tells_of_node=False,
        timeout_s=timeout_s,
    )
