"""The box at the edge of a home network: one external address for several hosts, ports that it
forwards, and port mappings that it grants on request (PCP, NAT-PMP: RFC 6887, RFC 6886).

How a box translates and filters everything else is the kind of NAT (`nat.py`). What speaks the
protocol of a gateway is no part of the core, so a request is one call here, and its answer comes
after the time that a gateway needs.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from ...endpoints import Endpoint
from .nat import FIRST_PORT, MIN_FLOWS, PAST, PORTS, Nat

if TYPE_CHECKING:
    from .host import Host

FORWARDED_S: Final = 120.0
"""How long a box remembers that a flow came in through a forwarded port, so that what the host
sends back leaves from there.
"""


class Router:
    """``maps``: whether it grants port mappings. ``has_second``: whether it stands behind another
    NAT, where what it grants is of no use. ``one_way``: whether answers to what comes in through a
    mapped port leave from another one, as where a VPN is the default route: of no use either.
    ``hairpin``: whether its hosts reach each other at their external endpoints.
    """

    def __init__(
        self,
        *,
        maps: bool = False,
        has_second: bool = False,
        one_way: bool = False,
        hairpin: bool = False,
    ) -> None:
        self.maps = maps
        self.has_second = has_second
        self.one_way = one_way
        self.hairpin = hairpin
        self.hosts: list[Host] = []
        """The hosts behind it that are up, in the order of their arrival."""
        self.forwards: dict[Endpoint, RoutedNat] = {}
        """By external endpoint: the ports that it forwards to one of its hosts."""

    def another(self) -> Router:
        """A box of the same sort, with nobody behind it."""
        return Router(
            maps=self.maps,
            has_second=self.has_second,
            one_way=self.one_way,
            hairpin=self.hairpin,
        )

    def receiver(self, source: Endpoint, destination: Endpoint, now: float) -> Host | None:
        """The host that gets a packet from outside, or one that shows that none gets it."""
        for host in self.hosts:
            if host.nat is not None and host.nat.lets_in(source, destination, now):
                return host
        return self.host_seen_at(destination) or (self.hosts[0] if self.hosts else None)

    def host_seen_at(self, endpoint: Endpoint) -> Host | None:
        """The host of which others see this endpoint: its own mapping, or a forwarded port."""
        for host in self.hosts:
            nat = host.nat
            if isinstance(nat, RoutedNat) and endpoint in (nat.external, nat.forwarded):
                return host
        return None

    def grant(self, nat: RoutedNat, wanted: Endpoint) -> Endpoint | None:
        """Maps a port to the host of ``nat``: the one of ``wanted``, or the next free one, which is
        never that of its own flows where answers leave from these. None if the box grants no
        mappings.
        """
        if self.one_way and wanted == nat.external:
            wanted = _next_port(wanted)
        return self.forward(nat, wanted) if self.maps else None

    def forward(self, nat: RoutedNat, wanted: Endpoint) -> Endpoint:
        """Forwards a port to the host of ``nat``, as an administrator sets it up."""
        external = wanted
        while self._holder(external) not in (None, nat):
            external = _next_port(external)
        self.forwards[external] = nat
        nat.forwarded = external
        return external

    def remove(self, nat: RoutedNat) -> None:
        """Ends the forward or mapping of a host."""
        if nat.forwarded is not None:
            self.forwards.pop(nat.forwarded, None)
            nat.forwarded = None
            nat.entered.clear()

    def _holder(self, external: Endpoint) -> RoutedNat | None:
        """The host that has this port already, by a forward or by its own mapping."""
        if external in self.forwards:
            return self.forwards[external]
        for host in self.hosts:
            if isinstance(host.nat, RoutedNat) and host.nat.external == external:
                return host.nat
        return None


class RoutedNat:
    """The NAT of one host behind a `Router`: what ``inner`` does, and a forwarded port. Only one
    port is forwarded to a host.
    """

    __slots__ = ("_sweep_at", "entered", "forwarded", "inner", "router")

    def __init__(self, inner: Nat, router: Router) -> None:
        self.inner = inner
        self.router = router
        self.forwarded: Endpoint | None = None
        """The external endpoint that is forwarded to the host."""
        self.entered: dict[Endpoint, float] = {}
        """Which endpoints sent through the forwarded port, and until when that is remembered."""
        self._sweep_at = MIN_FLOWS

    @property
    def external(self) -> Endpoint:
        return self.inner.external

    @property
    def is_dependent(self) -> bool:
        return self.inner.is_dependent

    @property
    def accepts_unsolicited(self) -> bool:
        return self.inner.accepts_unsolicited or (
            self._forwarded_in() is not None and self.forwarded == self.inner.external
        )

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        external = self.inner.outbound(destination, now)
        if external is not None and now <= self.entered.get(destination, PAST):
            self.entered[destination] = now + FORWARDED_S
            return self.forwarded
        return external

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        if destination == self._forwarded_in():
            # Where the port depends on the destination, no other flow leaves from this one.
            is_own = destination == self.inner.external and not self.inner.is_dependent
            if not is_own and not self.router.one_way:
                self._note_entered(source, now)
            return True
        return self.inner.admits(source, destination, now)

    def lets_in(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return destination == self._forwarded_in() or self.inner.lets_in(source, destination, now)

    def answers_from(self, endpoint: Endpoint) -> bool:
        """Whether the answer to a packet that came in at this endpoint leaves from there."""
        return endpoint == self.inner.external or not self.router.one_way

    def rebind(self, ip: bytes, rng: Random) -> None:
        """The box has restarted, or has a new address: mappings and forwards are lost. A host that
        moves to another address leaves the others behind, and has a box of the same sort there.
        """
        router = self.router
        router.remove(self)
        if ip != self.external[:-2] and router.hosts:
            self.router = router.another()
        self.inner.rebind(ip, rng)

    def _forwarded_in(self) -> Endpoint | None:
        """The endpoint of the forward, if packets from the internet reach the box."""
        return None if self.router.has_second else self.forwarded

    def _note_entered(self, source: Endpoint, now: float) -> None:
        self.entered[source] = now + FORWARDED_S
        if len(self.entered) > self._sweep_at:
            self.entered = {each: until for each, until in self.entered.items() if until >= now}
            self._sweep_at = max(MIN_FLOWS, 2 * len(self.entered))


def _next_port(endpoint: Endpoint) -> Endpoint:
    port = FIRST_PORT + (int.from_bytes(endpoint[-2:], "big") - FIRST_PORT + 1) % PORTS
    return Endpoint(endpoint[:-2] + port.to_bytes(2, "big"))
