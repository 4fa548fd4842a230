"""What a node spends on others, against the budgets in force.

Promise: in any window, the bytes that a node sends to one address, to one subnet, to one netgroup
and in all stay within the budgets of its configuration, and so does the processor time of the
queries that it answers, by the weights that each kind is charged with. The oracle counts what
leaves the node, not what the node has counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ...config import LimitsConfig
from ...core.limits.proven_budget import (
    BYTES_PORTION,
    FREE_SHARE,
    NETGROUP_RESERVE,
    RESERVE,
    TIME_PORTION_S,
)
from ...endpoints import Endpoint, format_endpoint, host_prefix, netgroup_prefix, subnet_prefix

WINDOW_S: Final = 10.0
PORTIONS: Final = 16
"""Portions that an address may have taken before a window, and uses up in it."""
NO_PORT: Final = b"\0\0"
LEVELS: Final = ("address", "subnet", "netgroup", "all")


@dataclass(frozen=True, slots=True)
class WindowBounds:
    """The most in one window, at each of `LEVELS`."""

    address: float
    subnet: float
    netgroup: float
    all: float

    def __add__(self, other: WindowBounds) -> WindowBounds:
        return WindowBounds(
            self.address + other.address,
            self.subnet + other.subnet,
            self.netgroup + other.netgroup,
            self.all + other.all,
        )

    def of(self, level: str) -> float:
        return float(getattr(self, level))


def strangers_bounds(
    host: tuple[float, float], subnet: tuple[float, float], total: tuple[float, float], jumps: int
) -> WindowBounds:
    """Each pair: units a second, and the burst after a pause. ``jumps``: how often the clock of the
    node may have jumped ahead, after which it has a burst again.
    """
    most_host, most_subnet, most = (
        per_s * WINDOW_S + burst * (1 + jumps) for per_s, burst in (host, subnet, total)
    )
    return WindowBounds(most_host, most_subnet, most, most)


def proven_bounds(
    host: float, subnet: float, netgroup: float, total: float, burst_s: float, portion: float
) -> WindowBounds:
    """Rates a second of proven endpoints."""
    seconds = WINDOW_S + burst_s
    # Uncounted while all use little together, drawn on the reserve, and paid for before.
    free = FREE_SHARE * host * (WINDOW_S + 1.0)
    beyond = free + NETGROUP_RESERVE * total * seconds + PORTIONS * portion
    in_all = (1.0 + RESERVE) * total * seconds + beyond
    return WindowBounds(
        host * seconds + beyond, subnet * seconds + beyond, netgroup * seconds + beyond, in_all
    )


def bounds_of_strangers(limits: LimitsConfig, jumps: int = 0) -> WindowBounds:
    """Bytes of replies and queries to hosts that have proved nothing."""
    replies = strangers_bounds(
        (limits.host_reply_bytes_per_s, limits.host_reply_burst_bytes),
        (limits.subnet_reply_bytes_per_s, limits.subnet_reply_burst_bytes),
        (limits.total_reply_bytes_per_s, limits.total_reply_burst_bytes),
        jumps,
    )
    queries = strangers_bounds(
        (limits.host_query_bytes_per_s, limits.host_query_burst_bytes),
        (limits.subnet_query_bytes_per_s, limits.subnet_query_burst_bytes),
        (limits.total_query_bytes_per_s, limits.total_query_burst_bytes),
        jumps,
    )
    return replies + queries


def bounds_of_bytes(limits: LimitsConfig, jumps: int = 0) -> WindowBounds:
    """Bytes of replies and queries to all hosts."""
    burst_s = limits.proven_burst_s * (1 + jumps)
    replies = proven_bounds(
        limits.proven_host_reply_bytes_per_s,
        limits.proven_subnet_reply_bytes_per_s,
        limits.proven_netgroup_reply_bytes_per_s,
        limits.proven_total_reply_bytes_per_s,
        burst_s,
        BYTES_PORTION,
    )
    queries = proven_bounds(
        limits.proven_host_query_bytes_per_s,
        limits.proven_subnet_query_bytes_per_s,
        limits.proven_netgroup_query_bytes_per_s,
        limits.proven_total_query_bytes_per_s,
        burst_s,
        BYTES_PORTION,
    )
    return bounds_of_strangers(limits, jumps) + replies + queries


def bounds_of_time(limits: LimitsConfig, jumps: int = 0) -> WindowBounds:
    """Charged seconds of processor time."""
    burst_s = limits.time_burst_s
    strangers = strangers_bounds(
        (limits.host_time_share, burst_s * limits.host_time_share),
        (limits.subnet_time_share, burst_s * limits.subnet_time_share),
        (limits.total_time_share, burst_s * limits.total_time_share),
        jumps,
    )
    return strangers + proven_bounds(
        limits.proven_host_time_share,
        limits.proven_subnet_time_share,
        limits.proven_netgroup_time_share,
        limits.proven_total_time_share,
        limits.proven_burst_s * (1 + jumps),
        TIME_PORTION_S,
    )


class Spent:
    """Amounts by host and endpoint in the present window."""

    __slots__ = ("by_host",)

    def __init__(self) -> None:
        self.by_host: dict[int, dict[Endpoint, float]] = {}
        """By number of the host; each is made by `of`."""

    def of(self, number: int) -> dict[Endpoint, float]:
        """The amounts of a host, to be added to by the caller."""
        amounts = self.by_host.get(number)
        if amounts is None:
            amounts = self.by_host[number] = {}
        return amounts

    def add(self, number: int, endpoint: Endpoint, amount: float) -> None:
        amounts = self.of(number)
        amounts[endpoint] = amounts.get(endpoint, 0.0) + amount

    def beyond(self, bounds: WindowBounds) -> Iterable[tuple[int, str, str, float]]:
        """The number of each host that spent more than the bounds allow, the level, the address or
        prefix there, and how much.
        """
        for number in sorted(self.by_host):
            amounts = self.by_host[number]
            in_all = sum(amounts.values())
            if in_all <= bounds.address:  # as nearly all do
                continue
            totals: dict[tuple[str, bytes], float] = {("all", b""): in_all}
            for endpoint, amount in amounts.items():
                for key in (
                    ("address", host_prefix(endpoint)),
                    ("subnet", subnet_prefix(endpoint)),
                    ("netgroup", netgroup_prefix(endpoint)),
                ):
                    totals[key] = totals.get(key, 0.0) + amount
            for (level, prefix), amount in totals.items():
                if amount > bounds.of(level):
                    yield number, level, _shown(prefix), amount


def _shown(prefix: bytes) -> str:
    """A prefix as the first address in it."""
    if not prefix:
        return "all addresses"
    endpoint = Endpoint(prefix.ljust(4 if len(prefix) <= 4 else 16, b"\0") + NO_PORT)
    return format_endpoint(endpoint).rpartition(":")[0]
