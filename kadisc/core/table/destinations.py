"""What the sender of queries asks of the contacts of one address family."""

from __future__ import annotations

from typing import Final

from ...endpoints import Endpoint
from .nat_quarantine import QuarantineRule
from .routing_table import RoutingTable

NAT_MAPPING_S: Final = 120.0
"""A router before this node keeps the mapping for a contact that answered so lately."""


class TableDestinations:
    __slots__ = ("_quarantine", "_silence_s", "_table")

    def __init__(self, table: RoutingTable, quarantine: QuarantineRule, silence_s: float) -> None:
        """``silence_s``: after so many seconds without traffic a NAT has dropped its mapping."""
        self._table = table
        self._quarantine = quarantine
        self._silence_s = silence_s

    def has_nat_mapping(self, endpoint: Endpoint, now: float) -> bool:
        """Whether a router before this node surely has a mapping for that endpoint: a contact there
        answered not long ago.
        """
        entry = self._table.at(endpoint)
        return entry is not None and now < entry.verified_at + NAT_MAPPING_S

    def sending_to(self, endpoint: Endpoint, now: float) -> tuple[float | None, bool]:
        """Notes that a query goes there now. Returns the round-trip time of the contact in seconds
        (None if it is not known), and whether an answer proves that the contact is reachable: it
        cannot come through a NAT mapping that a query of the contact itself opened.
        """
        entry = self._table.at(endpoint)
        if entry is None:
            return None, not self._quarantine.is_suspect(endpoint, now)
        proves_reachability = not entry.inbound or now >= entry.traffic_at + self._silence_s
        entry.traffic_at = now
        return entry.rtt_s, proves_reachability
