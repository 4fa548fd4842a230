"""What a router's answers come to: a grant, or a reason why not. Shared by all three protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MIN_LEASE_S: Final = 30
"""A shorter lease is a failure: it would be renewed without end."""
MAX_LEASE_S: Final = 86_400
"""A longer lease counts as this: routers are replaced and restarted meanwhile."""
MIN_EXTERNAL_PORT: Final = 1024
"""No node tests a smaller port, so one that is granted is of no use."""
IP_PROTOCOLS: Final = {"udp": 17, "tcp": 6}
"""The numbers of the transport protocols (IANA)."""


class UnusableAnswer(Exception):
    """A datagram on a gateway's socket is no answer to the question asked; the text is a short
    reason, for a counter.
    """


@dataclass(frozen=True, slots=True)
class MappingRequest:
    """What a router is asked for: ``protocol`` is ``udp`` or ``tcp``, ``external`` the external
    port that is wished for, ``lease_s`` the lifetime in whole seconds; 0 deletes the mapping.
    """

    protocol: str
    internal: int
    external: int
    lease_s: int


@dataclass(frozen=True, slots=True)
class Grant:
    """A router forwards a port.

    Args:
        method: ``pcp``, ``natpmp`` or ``upnp``.
        external: The external port.
        external_ip: 4 or 16 bytes as the router names them; None where it named none.
        lease_s: For how many seconds.
        is_permanent: Whether it lasts until it is deleted; ``lease_s`` is then when it counts as
            lost unless it was written again.
    """

    method: str
    external: int
    external_ip: bytes | None
    lease_s: float
    is_permanent: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A router does not forward a port, or does not answer. ``code``: a word for counters;
    ``reason``: for people.
    """

    method: str
    code: str
    reason: str


SILENT: Final = "silent"
UNREACHABLE: Final = "unreachable"
DOUBLE_NAT: Final = "double-nat"
DOUBLE_NAT_REASON: Final = "double NAT: the router itself has no public address"


def usable_lease_s(lifetime_s: int) -> int | None:
    """The lease in seconds; None for one that is too short to use."""
    return None if lifetime_s < MIN_LEASE_S else min(lifetime_s, MAX_LEASE_S)


def grant_of(
    method: str, external: int, external_ip: bytes | None, lifetime_s: int
) -> Grant | Refusal:
    """What a sound answer comes to: a lease or a port that is of no use is refused."""
    lease_s = usable_lease_s(lifetime_s)
    if lease_s is None:
        return Refusal(method, "short-lease", f"the router offers a lease of {lifetime_s} s")
    if external < MIN_EXTERNAL_PORT:
        return Refusal(method, "low-port", f"the router offers port {external}, below 1024")
    return Grant(method, external, external_ip, float(lease_s))
