"""How much of the routing table may come by gossip.

Attack: reports are cheap, so a source that names many peers of the attacker would fill each bucket
that has a vacancy. Defence: gossip never writes into a bucket. It names candidates for vacancies,
which are verified like any other; and of one bucket at most an eighth comes from one source
network.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...contacts import Contact
from ...endpoints import Endpoint
from ..contract.bounded import put_newest
from ..table.routing_table import RoutingTable

PENDING_S: Final = 600.0
"""A suggested contact that is not in the table counts for this long."""
MAX_SUGGESTED: Final = 2048
"""Suggested contacts that are remembered at most."""


class BucketQuotaRule(Protocol):
    def allows(self, contact: Contact, source: bytes, table: RoutingTable, now: float) -> bool: ...

    def suggested(self, contact: Contact, source: bytes, now: float) -> None: ...


class BucketQuota:
    """``share``: of one bucket, for each source network."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._suggested: dict[Endpoint, tuple[bytes, int, float]] = {}
        """By endpoint: the source, the node ID, and when it was suggested."""

    def allows(self, contact: Contact, source: bytes, table: RoutingTable, now: float) -> bool:
        """Whether one more contact from this source may be named to the bucket."""
        bucket = table.bucket_index(contact.id)
        limit = max(1, int(table.capacity(bucket) * self._share))
        count = 0
        for endpoint, (its_source, node_id, at) in self._suggested.items():
            if its_source == source and table.bucket_index(node_id) == bucket:
                count += table.at(endpoint) is not None or now < at + PENDING_S
        return count < limit

    def suggested(self, contact: Contact, source: bytes, now: float) -> None:
        put_newest(self._suggested, contact.endpoint, (source, contact.id, now), MAX_SUGGESTED)
