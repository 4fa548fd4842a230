"""When a node takes itself for offline.

Promise: a node does not go offline twice in 10 calm minutes while most contacts of its table are
up and can be reached. The silence of addresses at which no node ever answered once counted as
evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...core.contract.events import WentOffline
from ..measure.oracle import Oracle
from ..model.host import Host
from .calm import Calm
from .joins import has_udp
from .violation import Broken

WITHIN_S: Final = 600.0
MIN_CONTACTS: Final = 4
MOST: Final = 0.7
"""The share of the contacts that must be up and reachable for anybody."""
QUIET_S: Final = 120.0
"""After a stall, a jump of the clock or a change of the mapping the node may well be offline."""


class OfflineOracle:
    name: Final = "offline"
    needs: Final = ("offline_detection", "exact_matching", "verified_admission")

    def __init__(
        self, broken: Broken, truth: Oracle, calm: Calm, disturbed_at: Mapping[int, float]
    ) -> None:
        """``disturbed_at``: when a fault last struck each host alone, by number."""
        self._broken = broken
        self._truth = truth
        self._calm = calm
        self._at: dict[int, float] = {}
        self._disturbed_at = disturbed_at

    def happened(self, host: Host, event: WentOffline, now: float) -> None:
        contacts = [entry.contact for entry in host.dht.table]
        usable = sum(map(self._truth.accepts_unsolicited, contacts))
        quiet_since = self._disturbed_at.get(host.number, float("-inf"))
        if (
            not has_udp(host)
            or len(contacts) < MIN_CONTACTS
            or usable < MOST * len(contacts)
            or not self._calm.is_calm(now)
            or now < quiet_since + QUIET_S
        ):
            return
        before, self._at[host.number] = self._at.get(host.number), now
        if before is not None and now < before + WITHIN_S:
            self._broken(
                host,
                f"offline twice within {now - before:.0f} s, while {usable} of its "
                f"{len(contacts)} contacts can be reached",
            )

    def left(self, host: Host) -> None:
        self._at.pop(host.number, None)
