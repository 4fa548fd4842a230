"""A contact: a node ID and an endpoint, as reported by other nodes or verified."""

from __future__ import annotations

from typing import NamedTuple

from .endpoints import Endpoint, Family, family_of, format_endpoint, host_of, port_of
from .ids import NodeId, format_id


class Contact(NamedTuple):
    """Immutable, so that a simulation of many nodes can share one object between all tables that
    hold it.
    """

    id: NodeId
    endpoint: Endpoint

    @property
    def host(self) -> str:
        return host_of(self.endpoint)

    @property
    def port(self) -> int:
        return port_of(self.endpoint)

    @property
    def family(self) -> Family:
        return family_of(self.endpoint)

    def __str__(self) -> str:
        return f"{format_id(self.id)}@{format_endpoint(self.endpoint)}"
