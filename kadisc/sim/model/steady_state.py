"""Routing tables in their steady state: what long churn, revalidation and caps would have left,
dead entries included, without simulating that time.

To grow a network of 10,000 nodes by joins takes longer than everything that is measured in it. Here
each bucket is filled with random nodes that belong into it, with ages and times of the last check
as the maintenance of a node spaces them. A share of the entries is dead. The share follows from the
churn profile: an entry that has been up for ``a`` is checked every ``interval(a)``, so a dead entry
stays undetected for half of that interval plus the two checks that must fail. During the warm-up
the real code then works on these tables.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from random import Random

from ...config import MaintenanceConfig
from ...contacts import Contact
from ...core.dht import Dht
from ...core.table.revalidation import check_interval_s
from ...ids import ID_BITS
from .churn import Churn
from .host import Host

SAMPLES = 5000


@dataclass(frozen=True, slots=True)
class PlantedContact:
    """A contact to be put into tables: one object, shared by all of them. ``age_s``: how long the
    node has been up.
    """

    contact: Contact
    age_s: float


def dead_share(churn: Churn, config: MaintenanceConfig, rng: Random) -> float:
    """The share of dead entries in a table of a network in its steady state."""
    total = 0.0
    for _ in range(SAMPLES):
        stay = churn.random_stay()
        if stay.left_s == float("inf"):
            continue
        # The first failed check takes the entry out of answers.
        noticed_s = check_interval_s(stay.age_s, config) / 2 + 10.0
        total += min(churn.hazard(stay.age_s) * noticed_s, 1.0)
    return total / SAMPLES


class TableBuilder:
    """``known``: live nodes that accept unsolicited queries, and dead ones that did."""

    def __init__(
        self, known: Sequence[PlantedContact], config: MaintenanceConfig, rng: Random
    ) -> None:
        self._known = sorted(known, key=lambda each: each.contact.id)
        self._ids = [each.contact.id for each in self._known]
        self._config = config
        self._rng = rng
        self._seconds: dict[int, float] = {}

    def fill(self, host: Host, age_s: float, now: float) -> None:
        """Fills the table of a host that has been up for ``age_s``."""
        dht = host.dht
        low, high, own_id = 0, len(self._ids), dht.own_id
        dht.joined = dht.own_lookup_done = True
        # While the table is empty: a settled node has no lookups left that would fill its buckets.
        dht.parts.refresh.joined(now)
        for index in range(ID_BITS):
            # IDs in [low, high) share ``index`` bits with the own ID; their next bit changes at the
            # boundary.
            shift = ID_BITS - 1 - index
            boundary = bisect_left(self._ids, (own_id >> shift | 1) << shift, low, high)
            near, far = (low, boundary), (boundary, high)
            if own_id >> shift & 1:
                near, far = far, near
            self._fill_bucket(dht, index, range(*far), age_s, now)
            low, high = near
            if low == high:
                break
        dht.parts.bucket_fill.settled()

    def _fill_bucket(self, dht: Dht, index: int, fitting: range, age_s: float, now: float) -> None:
        rng, capacity = self._rng, dht.table.capacity(index)
        chosen = rng.sample(fitting, min(capacity + capacity // 8, len(fitting)))
        entries = []
        for known in (self._known[position] for position in chosen):
            met_s = min(known.age_s, age_s)
            verified_at = now - rng.random() * min(
                check_interval_s(met_s, self._config), max(met_s, 1.0)
            )
            entries.append((self._second(verified_at), self._second(now - met_s), known.contact))
        entries.sort(key=lambda entry: entry[0])
        added = 0
        for verified_at, first_verified_at, contact in entries:
            if added == capacity:
                break
            entry = dht.table.offer(contact, verified_at).entry
            if entry is not None:
                entry.first_verified_at = min(first_verified_at, verified_at)
                entry.verified_at = entry.traffic_at = verified_at
                dht.parts.revalidation.plan(entry)
                added += 1

    def _second(self, at: float) -> float:
        """``at`` rounded down to a full second: one object for all entries with that second."""
        second = floor(at)
        return self._seconds.setdefault(second, float(second))
