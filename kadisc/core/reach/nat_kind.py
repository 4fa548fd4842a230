"""Which kind of NAT is before the node: told by the ports that other networks see it at, and by
what its router says of itself. It is shown to people only.
"""

from __future__ import annotations

from typing import Final

LEAST_NETWORKS: Final = 6
"""With the votes of fewer networks the kind is unknown."""
SAME_PORT: Final = 0.75
"""From this share of the votes for one port on, the port is the same towards all (RFC 4787:
endpoint-independent mapping).
"""
OTHER_PORTS: Final = 0.5
"""Where no port has more than this share of the votes, it depends on the destination."""


def nat_kind(
    voters: int,
    share: float,
    *,
    has_public_address: bool,
    router_is_private: bool,
    strangers_reach: bool | None,
) -> str:
    """One of `NAT_KINDS`. ``voters``: the networks that said which port they see; ``share``: the
    part of them that sees the most frequent one. ``has_public_address``: whether an interface of
    the machine has the address that others see. ``router_is_private``: whether the router says
    that its own external address is not public. ``strangers_reach``: None where that is not known.
    """
    if has_public_address:
        return "none"
    if router_is_private:
        return "double"
    if voters < LEAST_NETWORKS:
        return "unknown"
    if share <= OTHER_PORTS:
        return "dependent"
    if share < SAME_PORT or strangers_reach is None:
        return "unknown"
    return "open" if strangers_reach else "restricted"
