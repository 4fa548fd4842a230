"""NATs (RFC 4787). What a NAT lets in depends on what went out before, and how long ago.

Each object is what one host sees of its NAT. A box with several hosts behind it has one for each,
and one that forwards ports has them too (`router.py`).
"""

from __future__ import annotations

from random import Random
from typing import Final, Protocol, TypeAlias

from ...endpoints import Endpoint, ip_of
from ..options import NatOptions

MIN_FLOWS = 48
"""Flows kept before expired ones are removed; the next removal is at twice what was left."""
FIRST_PORT: Final = 1024
PORTS: Final = 65_536 - FIRST_PORT
MULTIPLIER: Final = 26_125
"""One more than a multiple of 84, as the primes of `PORTS` are 2, 3 and 7, and 4 divides it: each
port comes once before any comes again (Hull and Dobell, 1962).
"""
INCREMENT: Final = 23_917
STRANGER: Final = Endpoint(b"")
"""The source of a packet from a host to which nothing was ever sent."""
PAST: Final = float("-inf")


class Nat(Protocol):
    @property
    def is_dependent(self) -> bool:
        """Whether the external port depends on the destination."""
        ...

    @property
    def accepts_unsolicited(self) -> bool:
        """Whether an unsolicited query to ``external`` gets in while the host keeps its mapping
        alive. For the oracle.
        """
        ...

    @property
    def external(self) -> Endpoint:
        """The external endpoint of the host, or one of several."""
        ...

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        """The source endpoint of a packet that goes out now, or None if the NAT blocks it."""
        ...

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        """Whether a packet from outside gets in now."""
        ...

    def lets_in(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        """The same for an observer: nothing changes. ``source``: an endpoint, or `STRANGER`."""
        ...

    def rebind(self, ip: bytes, rng: Random) -> None:
        """Drops all mappings; new ones are at other ports of ``ip``. So it is when the NAT
        restarts, or the provider changes its address.
        """
        ...


class OpenNat:
    """Endpoint-independent mapping and filtering ("full cone")."""

    __slots__ = ("_alive_until", "_options", "_timeout_s", "external")
    accepts_unsolicited = True
    is_dependent = False

    def __init__(self, external: Endpoint, timeout_s: float, options: NatOptions) -> None:
        self.external = external
        self._timeout_s = timeout_s
        self._options = options
        self._alive_until = PAST

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        self._alive_until = now + self._timeout_s
        return self.external

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        if now > self._alive_until or destination != self.external:
            return False
        if self._options.inbound_refreshes:
            self._alive_until = now + self._timeout_s
        return True

    def lets_in(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return now <= self._alive_until and destination == self.external

    def rebind(self, ip: bytes, rng: Random) -> None:
        self.external = random_port(ip, rng)
        self._alive_until = PAST


class RestrictedNat:
    """Endpoint-independent mapping, address- and port-dependent filtering ("port-restricted cone"):
    the most common kind.
    """

    __slots__ = ("_alive_until", "_options", "_sweep_at", "_timeout_s", "external")
    accepts_unsolicited = False
    is_dependent = False

    def __init__(self, external: Endpoint, timeout_s: float, options: NatOptions) -> None:
        self.external = external
        self._timeout_s = timeout_s
        self._options = options
        self._alive_until: dict[Endpoint, float] = {}
        self._sweep_at = MIN_FLOWS

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        self._alive_until[destination] = now + self._timeout_s
        if len(self._alive_until) > self._sweep_at:
            self._alive_until = {
                flow: until for flow, until in self._alive_until.items() if until >= now
            }
            self._sweep_at = max(MIN_FLOWS, 2 * len(self._alive_until))
        return self.external

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        if now > self._alive_until.get(source, PAST) or destination != self.external:
            return False
        if self._options.inbound_refreshes:
            self._alive_until[source] = now + self._timeout_s
        return True

    def lets_in(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return now <= self._alive_until.get(source, PAST) and destination == self.external

    def rebind(self, ip: bytes, rng: Random) -> None:
        self.external = random_port(ip, rng)
        self._alive_until.clear()


class AddressRestrictedNat(RestrictedNat):
    """Endpoint-independent mapping, address-dependent filtering ("address-restricted cone"): lets
    in packets from any port of a host that was sent to.
    """

    __slots__ = ()

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        return RestrictedNat.outbound(self, any_port(destination), now)

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return RestrictedNat.admits(self, any_port(source), destination, now)

    def lets_in(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return RestrictedNat.lets_in(self, any_port(source), destination, now)


class OneToOneNat:
    """Another address outside, and every packet to it passed on, as in clouds: nothing expires."""

    __slots__ = ("external",)
    accepts_unsolicited = True
    is_dependent = False

    def __init__(self, external: Endpoint, timeout_s: float, options: NatOptions) -> None:
        self.external = external

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        return self.external

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return destination == self.external

    def lets_in(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return destination == self.external

    def rebind(self, ip: bytes, rng: Random) -> None:
        self.external = Endpoint(ip + self.external[-2:])


class DependentNat:
    """Endpoint-dependent mapping ("symmetric"): another external port towards each destination, the
    next one in turn, and only that destination gets in.
    """

    __slots__ = ("_flows", "_next_port", "_options", "_sweep_at", "_timeout_s", "external")
    accepts_unsolicited = False
    is_dependent = True

    def __init__(self, external: Endpoint, timeout_s: float, options: NatOptions) -> None:
        self.external = external
        self._timeout_s = timeout_s
        self._options = options
        self._next_port = int.from_bytes(external[-2:], "big")
        self._flows: dict[Endpoint, tuple[Endpoint, float]] = {}
        self._sweep_at = MIN_FLOWS

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        flow = self._flows.get(destination)
        if flow is None or now > flow[1]:
            self._next_port = self._port_after(self._next_port)
            external = Endpoint(ip_of(self.external) + self._next_port.to_bytes(2, "big"))
        else:
            external = flow[0]
        self._flows[destination] = (external, now + self._timeout_s)
        if len(self._flows) > self._sweep_at:
            self._flows = {
                destination: flow for destination, flow in self._flows.items() if flow[1] >= now
            }
            self._sweep_at = max(MIN_FLOWS, 2 * len(self._flows))
        return external

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        flow = self._flows.get(source)
        if flow is None or now > flow[1] or flow[0] != destination:
            return False
        if self._options.inbound_refreshes:
            self._flows[source] = (destination, now + self._timeout_s)
        return True

    def lets_in(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        flow = self._flows.get(source)
        return flow is not None and now <= flow[1] and flow[0] == destination

    def rebind(self, ip: bytes, rng: Random) -> None:
        self.external = random_port(ip, rng)
        self._next_port = int.from_bytes(self.external[-2:], "big")
        self._flows.clear()

    def _port_after(self, port: int) -> int:
        return FIRST_PORT + (port - FIRST_PORT + 1) % PORTS


class RandomPortNat(DependentNat):
    """Endpoint-dependent mapping with a random port towards each destination."""

    __slots__ = ()

    def _port_after(self, port: int) -> int:
        # A linear congruential generator of full period: random enough for a port, it needs no
        # state beside the last one, and two runs give the same.
        return FIRST_PORT + ((port - FIRST_PORT) * MULTIPLIER + INCREMENT) % PORTS


class BlockedNat:
    """A firewall that blocks UDP."""

    __slots__ = ("external",)
    accepts_unsolicited = False
    is_dependent = False

    def __init__(self, external: Endpoint, timeout_s: float, options: NatOptions) -> None:
        self.external = external

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        return None

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return False

    def lets_in(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return False

    def rebind(self, ip: bytes, rng: Random) -> None:
        self.external = random_port(ip, rng)


NatKind: TypeAlias = type[
    OpenNat | RestrictedNat | DependentNat | BlockedNat | AddressRestrictedNat | OneToOneNat
]
KINDS: Final[tuple[NatKind, ...]] = (
    OpenNat,
    RestrictedNat,
    DependentNat,
    BlockedNat,
    RandomPortNat,
    AddressRestrictedNat,
    OneToOneNat,
)


def any_port(endpoint: Endpoint) -> Endpoint:
    """The host of an endpoint, in the form of one."""
    return Endpoint(endpoint[:-2] + b"\0\0")


def random_port(ip: bytes, rng: Random) -> Endpoint:
    return Endpoint(ip + rng.randrange(1024, 65_536).to_bytes(2, "big"))


def draw_kind(options: NatOptions, rng: Random) -> NatKind:
    """A kind of NAT, drawn by their shares."""
    dependent = options.dependent_share
    # A share of 0 at the end of the list changes no draw.
    shares = (
        options.open_share,
        options.restricted_share,
        dependent * (1.0 - options.random_ports),
        options.blocked_share,
        dependent * options.random_ports,
        options.address_restricted_share,
        options.one_to_one_share,
    )
    return rng.choices(KINDS, shares)[0]


def nat_of(kind: NatKind, external: Endpoint, options: NatOptions, rng: Random) -> Nat:
    """A NAT of this kind, with a drawn time-out."""
    return kind(external, rng.choices(options.timeouts_s, options.timeout_shares)[0], options)


def draw_nat(external: Endpoint, options: NatOptions, rng: Random) -> Nat:
    """A NAT whose kind and time-out are drawn by their shares."""
    return nat_of(draw_kind(options, rng), external, options, rng)
