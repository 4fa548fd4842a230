"""Routing tables in their steady state: what long churn, revalidation and caps would have left,
dead entries included, without simulating that time.

To grow a network of 10,000 nodes by joins takes longer than everything that is measured in it. Here
each bucket is filled with random nodes that belong into it, with ages and times of the last check
as the maintenance of a node spaces them. A share of the entries is dead. The share follows from the
churn profile: an entry that has been up for ``a`` is checked every ``interval(a)``, so a dead entry
stays undetected for half of that interval plus the two checks that must fail. During the warm-up
the real code then works on these tables.

So are the reports by which a node estimates the size of the network: what some of its contacts
would have answered to its last checks. An adversary says that its neighbours are right beside it.
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
from ...core.table.size_reports import KEPT, NAMED
from ...ids import ID_BITS, ID_SPACE, NodeId
from .churn import Churn
from .host import Host

SAMPLES = 5000
S_PER_REPORT = 8.0
"""A node that checks a contact in 4 s asks every second one for a report."""


@dataclass(frozen=True, slots=True)
class PlantedContact:
    """A contact to be put into tables: one object, shared by all of them. ``age_s``: how long the
    node has been up. ``is_adversary``: it has no real node inside.
    """

    contact: Contact
    age_s: float
    is_adversary: bool = False


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
        self._reports: dict[NodeId, float] = {}

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
        self._report_to(dht, age_s)

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

    def _report_to(self, dht: Dht, age_s: float) -> None:
        contacts = [entry.contact.id for entry in dht.table]
        count = min(KEPT, len(contacts), int(age_s / S_PER_REPORT))
        for node_id in self._rng.sample(contacts, count):
            dht.parts.size_reports.add(self._report_of(node_id))

    def _report_of(self, node_id: NodeId) -> float:
        """How far the 8th neighbour of a node is, as that node would say."""
        if node_id in self._reports:
            return self._reports[node_id]
        known = self._known[bisect_left(self._ids, node_id)]
        low = high = distance = 0
        for shift in range(0 if known.is_adversary else ID_BITS + 1):
            start = node_id >> shift << shift
            low, high = bisect_left(self._ids, start), bisect_left(self._ids, start + (1 << shift))
            if high - low > NAMED:
                distance = sorted(each ^ node_id for each in self._ids[low:high])[NAMED]
                break
        self._reports[node_id] = distance / ID_SPACE
        return self._reports[node_id]

    def _second(self, at: float) -> float:
        """``at`` rounded down to a full second: one object for all entries with that second."""
        second = floor(at)
        return self._seconds.setdefault(second, float(second))
