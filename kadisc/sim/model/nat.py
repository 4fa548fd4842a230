"""The boxes between a host and the network (RFC 4787). What one lets in depends on what went out
before, and how long ago.

One host behind each box, so a box is known by its address, and the port says which of its mappings
is meant.
"""

from __future__ import annotations

from random import Random
from typing import Protocol

from ...endpoints import Endpoint, ip_of
from ..options import NatOptions

MIN_FLOWS = 48
"""Flows kept before those that timed out are swept; then as many again as were left."""


class Nat(Protocol):
    accepts_unsolicited: bool
    """Whether a stranger's query gets in while the host keeps its mapping alive. For the oracle."""
    external: Endpoint
    """Where others see the host, or one of the places where they do."""

    def outbound(self, destination: Endpoint, now: float) -> Endpoint | None:
        """A packet goes out: the source that it will have, or None if it does not pass."""
        ...

    def admits(self, source: Endpoint, destination: Endpoint, now: float) -> bool:
        """Whether a packet from outside gets in."""
        ...

    def is_open(self, now: float) -> bool:
        """Whether a stranger gets in now."""
        ...

    def rebind(self, ip: bytes, rng: Random) -> None:
        """All mappings are gone, and the next ones are at other ports of ``ip``: the box was
        restarted, or the provider changed the address.
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
    """Endpoint-independent mapping, filtered by address and port ("port-restricted cone"): the
    common case.
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
    """Endpoint-dependent mapping ("symmetric"): towards each destination the host is at another
    port, and only that destination gets in.
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
    """A firewall without UDP."""

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
    """A box of a kind and with a time-out drawn by their shares."""
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
