"""Whether one netgroup crowds others out of a table.

Promise: in a full bucket an entry beyond the soft cap of its netgroup gives way to a contact of
another netgroup as soon as that has answered. One /16 once had 90 % of a table.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from ...core.dht import Dht
from ...core.table.bucket import Bucket
from ...endpoints import Scope, netgroup_prefix
from ..model.host import Host
from ..options import SimOptions
from .violation import Broken


class CrowdingOracle:
    name: Final = "crowding"
    needs: Final = ("diversity_caps", "ping_before_evict", "verified_admission")

    def __init__(self, broken: Broken, options: SimOptions) -> None:
        self._broken = broken
        self._cap = options.core.table.per_netgroup_in_table
        # When each host was looked at, and which netgroups were beyond their cap then.
        self._before: dict[int, tuple[float, frozenset[bytes]]] = {}

    def check(self, host: Host, now: float) -> None:
        dht = host.dht
        counts = Counter(
            netgroup_prefix(entry.contact.endpoint)
            for entry in dht.table
            if dht.parts.scopes.of(entry.contact.endpoint) is Scope.PUBLIC
        )
        over_full = frozenset(group for group, count in counts.items() if count > self._cap)
        looked_at, were_over_full = self._before.get(host.number, (now, frozenset()))
        self._before[host.number] = now, over_full
        if steady := over_full & were_over_full:
            for bucket in dht.table.buckets():
                self._check(host, dht, bucket, steady, counts, looked_at + host.skew_s)

    def _check(
        self,
        host: Host,
        dht: Dht,
        bucket: Bucket,
        over_full: frozenset[bytes],
        counts: Counter[bytes],
        since: float,
    ) -> None:
        """``since``: on the clock of the node."""
        surplus = [
            entry
            for entry in bucket.entries
            if netgroup_prefix(entry.contact.endpoint) in over_full
            and entry.first_verified_at < since
        ]
        if not surplus or not bucket.is_full:
            return
        crowd = netgroup_prefix(surplus[0].contact.endpoint)
        for waiting in bucket.replacements.values():
            group = netgroup_prefix(waiting.contact.endpoint)
            if (
                waiting.verified_at > since
                and counts[group] + 1 < self._cap
                and self._were_surplus(dht, crowd, waiting.verified_at)
            ):
                self._broken(
                    host,
                    f"a contact of a netgroup with {counts[group]} entries waits for a place in "
                    f"bucket {bucket.index}, where {len(surplus)} of a netgroup with "
                    f"{counts[crowd]} have theirs (the soft cap is {self._cap})",
                )

    def _were_surplus(self, dht: Dht, netgroup: bytes, when: float) -> bool:
        """Whether the netgroup was beyond its cap then already. Between two looks it can have been
        within it for a while, and a contact that answered then waits rightly.
        """
        older = sum(
            entry.first_verified_at < when and netgroup_prefix(entry.contact.endpoint) == netgroup
            for entry in dht.table
        )
        return older > self._cap

    def left(self, host: Host) -> None:
        self._before.pop(host.number, None)
