"""How much of the routing table may come by gossip.

The attack: news are cheap, so whoever names many good peers, all his, would own each bucket that
has a vacancy. Gossip never writes into a bucket: it names candidates for vacancies, that prove
themselves like any other; and of one bucket at most an eighth comes from one network of sources.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...contacts import Contact
from ...endpoints import Endpoint
from ..table.routing_table import RoutingTable

PENDING_S: Final = 600.0
"""A candidate of the table is forgotten after so long."""
MAX_SUGGESTED: Final = 2048


class ShareRule(Protocol):
    def allows(self, contact: Contact, source: bytes, table: RoutingTable, now: float) -> bool: ...

    def suggested(self, contact: Contact, source: bytes, now: float) -> None: ...


class BucketQuota:
    def __init__(self, share: float) -> None:
        self._share = share
        self._suggested: dict[
            Endpoint, tuple[bytes, int, float]
        ] = {}  # whose word, the ID, and when

    def allows(self, contact: Contact, source: bytes, table: RoutingTable, now: float) -> bool:
        """Whether one more contact from this source may be named to the bucket."""
        bucket = table.bucket_index(contact.id)
        limit = max(1, int(table.capacity(bucket) * self._share))
        same = [
            (endpoint, at)
            for endpoint, (whose, node_id, at) in self._suggested.items()
            if whose == source and table.bucket_index(node_id) == bucket
        ]  # fmt: skip
        return (
            sum(table.at(endpoint) is not None or now < at + PENDING_S for endpoint, at in same)
            < limit
        )

    def suggested(self, contact: Contact, source: bytes, now: float) -> None:
        self._suggested.pop(contact.endpoint, None)
        self._suggested[contact.endpoint] = source, contact.id, now
        if len(self._suggested) > MAX_SUGGESTED:
            del self._suggested[next(iter(self._suggested))]


class AnyShare:
    """What the shares are measured against."""

    __slots__ = ()

    def allows(self, contact: Contact, source: bytes, table: RoutingTable, now: float) -> bool:
        return True

    def suggested(self, contact: Contact, source: bytes, now: float) -> None:
        pass
