"""Peers that the operator wants kept as contacts: they are queried again for as long as they are
silent, and the routing table does not evict them.
"""

from __future__ import annotations

from math import inf

from ...config import MaintenanceConfig
from ...endpoints import Endpoint
from .routing_table import RoutingTable


class StaticPeers:
    __slots__ = ("_config", "_table", "_try_at", "deadline")

    def __init__(self, config: MaintenanceConfig, table: RoutingTable) -> None:
        self._config = config
        self._table = table
        self._try_at: dict[Endpoint, float] = {}
        self.deadline = inf
        """When a static peer is due for the next try; inf without any."""

    def add(self, endpoint: Endpoint, now: float) -> None:
        self._table.pin(endpoint)
        self._try_at[endpoint] = now
        self.deadline = min(self._try_at.values())

    def remove(self, endpoint: Endpoint) -> None:
        self._table.unpin(endpoint)
        self._try_at.pop(endpoint, None)
        self.deadline = min(self._try_at.values(), default=inf)

    def due(self, now: float) -> list[Endpoint]:
        """The static peers that are due for another try and not in the table."""
        due = [endpoint for endpoint, try_at in self._try_at.items() if now >= try_at]
        for endpoint in due:
            self._try_at[endpoint] = now + self._config.static_peer_check_s
        self.deadline = min(self._try_at.values(), default=inf)
        return [endpoint for endpoint in due if self._table.at(endpoint) is None]
