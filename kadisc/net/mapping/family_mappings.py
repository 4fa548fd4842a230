"""The mappings of one address family: at one router, from one own address, until either changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from ...endpoints import Endpoint, Family, Scope, format_ip, scope_of
from ...observe.mappings import MappingSnapshot
from .arguments import MappedPort
from .port_mapping import PortMapping
from .results import DOUBLE_NAT, Grant
from .router_access import Location, NoRouter, RouterAccess

LOOK_AGAIN_S: Final = 60.0
"""So often a router is looked for while none is known. Nothing is sent."""

Wanted = tuple[Endpoint | None, tuple[MappedPort, ...]]


class FamilyMappings:
    """``wanted`` gives where the node's socket is bound, None where it has none, and the ports to
    be mapped, that of the socket first. ``make`` makes a mapping; ``changed`` is called whenever
    what can be seen has changed.
    """

    def __init__(
        self,
        family: Family,
        routers: RouterAccess,
        wanted: Callable[[Family], Wanted],
        make: Callable[[Location, MappedPort, Callable[[], None]], PortMapping],
        changed: Callable[[FamilyMappings], None],
    ) -> None:
        self.family = family
        self.place: Location | NoRouter = NoRouter("no router was looked for yet", False)
        self.moved = trio.Event()
        """Set when ``place`` is another one; then there is a new event."""
        self.mappings: tuple[PortMapping, ...] = ()
        """The mapping of the node's socket first; empty while there is no router."""
        self._routers = routers
        self._wanted = wanted
        self._make = make
        self._changed = changed
        self._anew = trio.Event()

    async def run(self) -> None:
        """Until it is cancelled; the mappings stay, for `delete`."""
        while True:
            self._anew = trio.Event()
            self.place = place = self._locate()
            moved, self.moved = self.moved, trio.Event()
            moved.set()
            if isinstance(place, NoRouter):
                self._changed(self)
                with trio.move_on_after(float("inf") if place.is_lasting else LOOK_AGAIN_S):
                    await self._anew.wait()
                continue
            ports = self._wanted(self.family)[1]
            self.mappings = tuple(self._make(place, port, self._told) for port in ports)
            async with trio.open_nursery() as nursery:
                for mapping in self.mappings:
                    nursery.start_soon(mapping.run)
                await self._anew.wait()
                nursery.cancel_scope.cancel()
            # The old router is gone, or would find another machine at the old address: its
            # mappings end with their leases.
            self.mappings = ()
            self._changed(self)

    def network_changed(self) -> None:
        """Begins anew where the router or the own address differs, and renews what is mapped
        otherwise.
        """
        if self._locate() != self.place:
            self._anew.set()
        else:
            self.again()

    def again(self) -> None:
        """Renews what is mapped, and asks again for what is not."""
        for mapping in self.mappings:
            mapping.again()

    async def delete(self) -> None:
        """Ends the mappings at the router."""
        async with trio.open_nursery() as nursery:
            for mapping in self.mappings:
                nursery.start_soon(mapping.delete)

    def granted(self, protocol: str, internal: int) -> Grant | None:
        """What the router has granted for a port; None while it has not."""
        for mapping in self.mappings:
            if (mapping.protocol, mapping.internal) == (protocol, internal):
                return mapping.grant
        return None

    @property
    def router_is_private(self) -> bool | None:
        """Whether the router says that it has no public address itself; None while it says neither,
        as while it is asked again.
        """
        if isinstance(self.place, NoRouter):
            return False
        for mapping in self.mappings:
            if mapping.grant is not None:
                named = mapping.grant.external_ip
                return named is not None and any(named) and not _is_public(named)
            if mapping.refusal is not None:
                return mapping.refusal.code == DOUBLE_NAT
        return None

    def snapshots(self, voted_ip: bytes | None, wall_s: float) -> list[MappingSnapshot]:
        """``voted_ip``: the own address as other nodes see it, None while it is not known."""
        if not isinstance(self.place, NoRouter):
            return [_snapshot(mapping, voted_ip, wall_s) for mapping in self.mappings]
        state, reason = "off" if self.place.is_lasting else "paused", self.place.reason
        return [
            MappingSnapshot(port.protocol, self.family, port.internal, state=state, reason=reason)
            for port in self._wanted(self.family)[1]
        ]

    def _locate(self) -> Location | NoRouter:
        own = self._wanted(self.family)[0]
        if own is None:
            return NoRouter("the socket of this family is closed", False)
        return self._routers.locate(self.family, own)

    def _told(self) -> None:
        self._changed(self)


def _snapshot(mapping: PortMapping, voted_ip: bytes | None, wall_s: float) -> MappingSnapshot:
    location, grant, refusal = mapping.location, mapping.grant, mapping.refusal
    external, until_wall_s = None, None
    reason = refusal.reason if refusal is not None else None
    if grant is not None:
        external = external_of(grant, voted_ip, location.family)
        reason = doubt_of(grant, voted_ip) or (f"not renewed: {reason}" if reason else None)
        if not grant.is_permanent:
            left_s = mapping.granted_at + grant.lease_s - trio.current_time()
            until_wall_s = wall_s + left_s
    return MappingSnapshot(
        mapping.protocol,
        location.family,
        mapping.internal,
        external,
        grant.method if grant is not None else None,
        location.gateway,
        until_wall_s,
        mapping.state.value,
        reason,
    )


def external_of(grant: Grant, voted_ip: bytes | None, family: Family) -> Endpoint:
    """The external endpoint for people: at the address that the router names, else at that which
    other nodes see, else at none (``0.0.0.0``, ``::``).
    """
    named = grant.external_ip if grant.external_ip and any(grant.external_ip) else None
    nowhere = bytes(4 if family is Family.IPV4 else 16)
    return Endpoint((named or voted_ip or nowhere) + grant.external.to_bytes(2, "big"))


def doubt_of(grant: Grant, voted_ip: bytes | None) -> str | None:
    """What is odd about the address that a router names; None where nothing is."""
    named = grant.external_ip
    if named is None:
        return None
    if not any(named):
        return "the router names no address"
    if not _is_public(named):
        return f"double NAT: the address of the router is {format_ip(named)}, which is not public"
    if voted_ip is not None and named != voted_ip:
        return f"other nodes see this one at {format_ip(voted_ip)}"
    return None


def _is_public(ip: bytes) -> bool:
    return scope_of(Endpoint(ip + b"\0\1")) is Scope.PUBLIC
