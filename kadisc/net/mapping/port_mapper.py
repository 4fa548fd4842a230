"""Keeps the ports of one node forwarded: which ports, by the router of which family, and what
follows from it for the node.

What a router grants is a candidate, no proof: the core tests whether strangers arrive there. It is
told of the granted port at the address that the votes of other nodes have decided, because routers
name addresses that they do not have (read in source: go-libp2p #769).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Final

import trio

from ...config import Config
from ...core.contract.events import AddressChanged
from ...endpoints import Endpoint, Family, port_of
from ...errors import UsageError
from ...observe.mappings import MappingSnapshot
from ...observe.services import parse_services
from ...observe.shell_events import MappingChanged
from ...service_values import ServiceValue
from ..environment import MAPPING_VARIABLE, may_map
from ..state.saved_nonces import SavedNonce
from ..transport.pump import Pump
from .arguments import MIN_PORT, MappedPort, configured_gateways, mapped_ports
from .asking import RouterAsker, UpnpAccess
from .family_mappings import FamilyMappings
from .nonces import Nonces
from .notices import NoticeListener
from .port_mapping import PortMapping
from .router_access import Location, RouterAccess, SystemRouters
from .upnp import UpnpRouter, check_library

_LOW_PORT_SHIFT: Final = 10_000
RESTART_SPACING_S: Final = 60.0
"""At most so often all ports are mapped again because a router has begun to count anew."""


class PortMapper:
    """Does nothing before `run`. ``routers`` and ``upnp`` take the place of the sockets of this
    machine, for tests; ``nonces`` are those of earlier runs.
    """

    def __init__(
        self,
        pump: Pump,
        config: Config,
        rng: Random,
        nonces: tuple[SavedNonce, ...] = (),
        *,
        routers: RouterAccess | None = None,
        upnp: UpnpAccess | None = None,
    ) -> None:
        """Raises UsageError where ``map_port`` or ``gateway`` cannot be read, or for UPnP without
        the library that speaks it.
        """
        self._pump = pump
        self._rng = rng
        self._ports = mapped_ports(config.map_port)
        self._off_reason = _why_off(config)
        self._lease_s = int(config.map_lease_s)
        service = config.service
        self._services = service if isinstance(service, Mapping) else parse_services(service)
        if upnp is None and config.port_mapping == "upnp" and self._off_reason is None:
            check_library()
            upnp = UpnpRouter(rng)
        self._routers = routers or SystemRouters(configured_gateways(config.gateway))
        self._asker = RouterAsker(self._routers, upnp, self._router_restarted, pump.now)
        self._nonces = Nonces(rng, nonces)
        self._families: dict[Family, FamilyMappings] = {}
        self._told: dict[tuple[Family, str, int], MappingSnapshot] = {}
        self._mapped: dict[Family, Endpoint | None] = {}
        self._voted: dict[Family, bytes | None] = {}
        self._restarted_at: dict[Family, float] = {}
        self._private: dict[Family, bool] = {}
        """Whether the router said that it has no public address itself."""
        self._address_news = trio.Event()

    async def run(self) -> None:
        """Maps the ports until it is cancelled; then the mappings are deleted at the router."""
        if self._off_reason is not None:
            return
        for port in self._pump.ports:
            self._voted[port.family] = self._external(port.family)[0]
            self._families[port.family] = FamilyMappings(
                port.family, self._routers, self._wanted, self._new_mapping, self._changed
            )
        self._pump.dispatch.tap(self._note)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._follow_addresses)
                for mappings in self._families.values():
                    nursery.start_soon(mappings.run)
                    listener = NoticeListener(mappings, self._rng, self._asker.counters)
                    nursery.start_soon(listener.run)
        finally:
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as nursery:
                    for mappings in self._families.values():
                        nursery.start_soon(mappings.delete)

    def network_changed(self, families: Collection[Family]) -> None:
        """The network of these families may be another one, after a suspend too: where gateway or
        own address differ, mapping begins anew; else what is mapped is renewed, and what pauses is
        asked for again.
        """
        self._asker.forget_epochs()
        for family in families:
            if (mappings := self._families.get(family)) is not None:
                mappings.network_changed()

    def snapshot(self) -> tuple[MappingSnapshot, ...]:
        """Each port that is to be forwarded, and what has come of it."""
        if not self._families:
            return tuple(
                MappingSnapshot(each.protocol, port.family, each.internal, reason=self._off_reason)
                for port in self._pump.ports
                for each in (_own_port(port.local_endpoint), *self._ports)
            )
        return tuple(
            snapshot
            for mappings in self._families.values()
            for snapshot in mappings.snapshots(
                self._external(mappings.family)[0], self._pump.wall_s()
            )
        )

    @property
    def services(self) -> Mapping[str, ServiceValue]:
        """The services that the node offers, with the ports of this machine."""
        return self._services

    def set_services(self, services: Mapping[str, ServiceValue]) -> None:
        """Offers these from now on. Raises UsageError for what no record can hold, and then changes
        nothing.
        """
        self._pump.core.set_services(self._seen_from_outside(services), self._pump.now())
        self._services = services
        self._pump.flush()

    def nonces(self) -> tuple[SavedNonce, ...]:
        """The nonces of PCP, for the next run."""
        return self._nonces.rows()

    def counters(self) -> dict[str, int]:
        """How often each thing has happened, by name."""
        return dict(self._asker.counters)

    # --- what the parts ask -----------------------------------------------------------------------

    def _wanted(self, family: Family) -> tuple[Endpoint | None, tuple[MappedPort, ...]]:
        """Where the node's socket of a family is bound, None where it has none, and the ports to be
        mapped.
        """
        for port in self._pump.ports:
            if port.family is family:
                return port.local_endpoint, (_own_port(port.local_endpoint), *self._ports)
        return None, ()

    def _new_mapping(
        self, location: Location, port: MappedPort, changed: Callable[[], None]
    ) -> PortMapping:
        def wanted_external() -> int:
            if port in self._ports:
                return port.external
            voted = self._external(location.family)[1] or 0
            return voted if voted >= MIN_PORT else port.external

        return PortMapping(
            self._asker,
            location,
            port.protocol,
            port.internal,
            self._lease_s,
            wanted_external,
            lambda: self._nonces.get(location.gateway, port.protocol, port.internal),
            changed,
            self._rng,
        )

    def _router_restarted(self, location: Location) -> None:
        """The router of a location may have forgotten all its mappings: they are renewed. A router
        that counts by chance, in every answer anew, must not be asked without end.
        """
        mappings, now = self._families.get(location.family), trio.current_time()
        if mappings is None or mappings.place != location:
            return
        if now >= self._restarted_at.get(location.family, -math.inf) + RESTART_SPACING_S:
            self._restarted_at[location.family] = now
            mappings.again()

    # --- what follows from a change ---------------------------------------------------------------

    # KeyboardInterrupt must be raised in the program's own code, not in the middle of the core.
    @trio.lowlevel.enable_ki_protection
    def _changed(self, mappings: FamilyMappings) -> None:
        if self._pump.closed:
            return
        self._tell_core(mappings.family)
        self._tell_services()
        ip = self._external(mappings.family)[0]
        for snapshot in mappings.snapshots(ip, self._pump.wall_s()):
            self._tell(snapshot)
        self._pump.flush()

    def _tell_core(self, family: Family) -> None:
        """The granted port, at the address that other nodes see, and whether the router has a
        public address itself.
        """
        ip = self._external(family)[0]
        own = self._wanted(family)[1]
        is_private = self._families[family].router_is_private
        if is_private is not None and is_private != self._private.get(family, False):
            self._private[family] = is_private
            self._pump.core.router_is_private(family, is_private, self._pump.now())
        grant = self._families[family].granted("udp", own[0].internal) if own else None
        endpoint = None
        if grant is not None and ip is not None:
            endpoint = Endpoint(ip + grant.external.to_bytes(2, "big"))
        if endpoint != self._mapped.get(family):
            self._mapped[family] = endpoint
            self._pump.core.mapped(family, endpoint, self._pump.now())

    def _tell_services(self) -> None:
        services = self._seen_from_outside(self._services)
        with suppress(UsageError):  # a longer number may not fit: the record stays as it is
            self._pump.core.set_services(services, self._pump.now())

    def _seen_from_outside(self, services: Mapping[str, ServiceValue]) -> dict[str, ServiceValue]:
        """A service at a port of the application that is mapped has the external port. A record has
        one port for both families: that of IPv4, where a router translates, counts first.
        """
        seen = dict(services)
        for name, value in services.items():
            if isinstance(value, int) and (external := self._external_port(value)) is not None:
                seen[name] = external
        return seen

    def _external_port(self, internal: int) -> int | None:
        """The external port of a port of the application."""
        for protocol in ("tcp", "udp"):
            if any((each.protocol, each.internal) == (protocol, internal) for each in self._ports):
                for family in Family:
                    mappings = self._families.get(family)
                    grant = mappings.granted(protocol, internal) if mappings is not None else None
                    if grant is not None:
                        return grant.external
        return None

    def _tell(self, mapping: MappingSnapshot) -> None:
        """Publishes an event where an operator wants to know: not for each renewal, nor for each
        time that a router is asked again in vain.
        """
        key = mapping.family, mapping.protocol, mapping.internal
        before = self._told.get(key)
        # Why a renewal failed is shown, and told when the mapping is lost.
        seen = replace(
            mapping, until_wall_s=None, reason=mapping.reason if mapping.external is None else None
        )
        if mapping.state == "off" or before == seen:
            return
        if mapping.gateway is None and before is None:
            return  # a machine without a router, or without IPv6, is nothing to tell at each start
        if mapping.state == "asking" and (before is None or before.external is None):
            return
        self._told[key] = seen
        self._pump.publish(MappingChanged(mapping))

    def _external(self, family: Family) -> tuple[bytes | None, int | None]:
        """The own address (4 or 16 bytes) and port as other nodes see them, each None while it is
        not known.
        """
        dht = self._pump.core.dhts.get(family)
        if dht is None:
            return None, None
        address = dht.parts.address
        return address.ip, int.from_bytes(address.port, "big") if address.port else None

    def _note(self, event: object) -> None:
        if isinstance(event, AddressChanged):
            self._address_news.set()

    async def _follow_addresses(self) -> None:
        """Where another address is decided, the mapping is told at it, and renewed."""
        while True:
            await self._address_news.wait()
            self._address_news = trio.Event()
            for family, mappings in self._families.items():
                ip = self._external(family)[0]
                before, self._voted[family] = self._voted.get(family), ip
                if ip != before:
                    self._changed(mappings)
                    if before is not None:
                        mappings.again()


def _own_port(bound: Endpoint) -> MappedPort:
    """The port of the node's socket. No port below 1024 is asked for."""
    port = port_of(bound)
    return MappedPort("udp", port, port if port >= MIN_PORT else port + _LOW_PORT_SHIFT)


def _why_off(config: Config) -> str | None:
    """Why the node asks no router; None where it does."""
    if config.port_mapping == "off":
        return "switched off (port_mapping)"
    if not may_map():
        return f"switched off ({MAPPING_VARIABLE}=off)"
    if config.core.read_only:
        return "a read-only node maps no port"
    return None
