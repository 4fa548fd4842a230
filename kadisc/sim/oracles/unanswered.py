"""Contacts that answer nothing.

Promise: a contact of the table that left several checks in a row without a reply (with silence, or
with an error each time) is not returned to other nodes. One that answered errors alone once kept
its place for ever, at 40 bytes an answer.
"""

from __future__ import annotations

from typing import Final

from ...core.table.bucket import Entry
from ...endpoints import Endpoint, format_endpoint
from ..model.host import Host
from .generations import Generations
from .violation import Broken

MAX_UNANSWERED: Final = 4
"""Checks in a row while the node is online; the core removes a contact after two failures."""
TURN_S: Final = 60.0


class UnansweredOracle:
    name: Final = "unanswered"
    needs: Final = ("exact_matching",)

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        # When the entry last answered as of its last check, and how many checks there were since.
        self._checks: Generations[Entry, tuple[float, int]] = Generations(TURN_S)

    def check_sent(self, host: Host, endpoint: Endpoint, now: float) -> None:
        dht = host.dht
        entry = dht.table.at(endpoint)
        if entry is None or not dht.parts.link.online:
            return
        last = self._checks.get(entry)
        count = last[1] + 1 if last is not None and last[0] == entry.verified_at else 1
        if count > MAX_UNANSWERED and entry.returnable:
            self._broken(
                host,
                f"{format_endpoint(endpoint)} left {count - 1} checks without a reply and is "
                "still returned to others",
            )
        self._checks.put(entry, (entry.verified_at, count), now)
