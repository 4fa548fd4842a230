"""NATs (RFC 4787). What a NAT lets in depends on what went out before, and how long ago.

Each NAT has one host behind it, so the address identifies the NAT, and the port its mapping.
"""

from __future__ import annotations

from random import Random
from typing import Protocol

from ...endpoints import Endpoint, ip_of
from ..options import NatOptions

MIN_FLOWS = 48
"""Flows kept before expired ones are removed; the next removal is at twice what was left."""


class Nat(Protocol):
    accepts_unsolicited: bool
    """Whether an unsolicited query gets in while the host keeps its mapping alive. For the oracle.
    """
    external: Endpoint
    """The external endpoint of the host, or one of several."""

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        """The source endpoint of a packet that goes out now, or None if the NAT blocks it."""
        ...

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        """Whether a packet from outside gets in now."""
        ...

    def is_open(self, now: float) -> bool:
        """Whether an unsolicited packet gets in now."""
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

    def __init__(self, external: Endpoint, timeout_s: float, options: NatOptions) -> None:
        self.external = external
        self._timeout_s = timeout_s
        self._options = options
        self._alive_until = float("-inf")

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        self._alive_until = now + self._timeout_s
        return self.external

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        if now > self._alive_until or destination != self.external:
            return False
        if self._options.inbound_refreshes:
            self._alive_until = now + self._timeout_s
        return True

    def is_open(self, now: float) -> bool:
        return now <= self._alive_until

    def rebind(self, ip: bytes, rng: Random) -> None:
        self.external = random_port(ip, rng)
        self._alive_until = float("-inf")


class RestrictedNat:
    """Endpoint-independent mapping, address- and port-dependent filtering ("port-restricted cone"):
    the most common kind.
    """

    __slots__ = ("_alive_until", "_options", "_sweep_at", "_timeout_s", "external")
    accepts_unsolicited = False

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
        if now > self._alive_until.get(source, float("-inf")) or destination != self.external:
            return False
        if self._options.inbound_refreshes:
            self._alive_until[source] = now + self._timeout_s
        return True

    def is_open(self, now: float) -> bool:
        return False

    def rebind(self, ip: bytes, rng: Random) -> None:
        self.external = random_port(ip, rng)
        self._alive_until.clear()


class DependentNat:
    """Endpoint-dependent mapping ("symmetric"): another external port towards each destination, and
    only that destination gets in.
    """

    __slots__ = ("_flows", "_next_port", "_options", "_sweep_at", "_timeout_s", "external")
    accepts_unsolicited = False

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
            self._next_port = 1024 + (self._next_port - 1023) % 64_512
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

    def is_open(self, now: float) -> bool:
        return False

    def rebind(self, ip: bytes, rng: Random) -> None:
        self.external = random_port(ip, rng)
        self._next_port = int.from_bytes(self.external[-2:], "big")
        self._flows.clear()


class BlockedNat:
    """A firewall that blocks UDP."""

    __slots__ = ("external",)
    accepts_unsolicited = False

    def __init__(self, external: Endpoint, timeout_s: float, options: NatOptions) -> None:
        self.external = external

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        return None

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        return False

    def is_open(self, now: float) -> bool:
        return False

    def rebind(self, ip: bytes, rng: Random) -> None:
        self.external = random_port(ip, rng)


def random_port(ip: bytes, rng: Random) -> Endpoint:
    return Endpoint(ip + rng.randrange(1024, 65_536).to_bytes(2, "big"))


def draw_nat(external: Endpoint, options: NatOptions, rng: Random) -> Nat:
    """A NAT whose kind and time-out are drawn by their shares."""
    kinds: tuple[type[OpenNat | RestrictedNat | DependentNat | BlockedNat], ...] = (
        OpenNat,
        RestrictedNat,
        DependentNat,
        BlockedNat,
    )
    shares = (
        options.open_share,
        options.restricted_share,
        options.dependent_share,
        options.blocked_share,
    )
    kind = rng.choices(kinds, shares)[0]
    return kind(external, rng.choices(options.timeouts_s, options.timeout_shares)[0], options)
