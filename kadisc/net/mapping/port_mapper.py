"""Which ports are to be forwarded by the router of each address family, and what has come of it."""

from __future__ import annotations

from collections.abc import Collection

import trio

from ...config import Config
from ...endpoints import Family, port_of
from ...observe.mappings import MappingSnapshot
from ..environment import may_map
from ..transport.pump import Pump
from .arguments import configured_gateways, mapped_ports


class PortMapper:
    """Keeps the ports of one node forwarded. It does nothing before `run`."""

    def __init__(self, pump: Pump, config: Config) -> None:
        """Raises UsageError where ``map_port`` or ``gateway`` cannot be read."""
        self._pump = pump
        self._ports = mapped_ports(config.map_port)
        self._gateways = configured_gateways(config.gateway)
        self._is_on = config.port_mapping != "off" and may_map()

    async def run(self) -> None:
        """Maps the ports until it is cancelled."""
        await trio.sleep_forever()

    def network_changed(self, families: Collection[Family]) -> None:
        """The gateway, or the source address towards it, has changed in these families."""

    def snapshot(self) -> tuple[MappingSnapshot, ...]:
        """Each port that is to be forwarded, and what has come of it."""
        return tuple(
            MappingSnapshot("udp", port.family, port_of(port.local_endpoint))
            for port in self._pump.ports
        )
