"""What a node knows of its own reachability, in the words that events, snapshots and people get."""

from __future__ import annotations

import enum
from typing import Final


class ReachVerdict(enum.Enum):
    """Whether strangers reach the node in one address family."""

    YES = "yes"
    LIKELY = "likely"
    """One stranger got in, or the proof may rest on a flow of the last run."""
    NO = "no"
    UNKNOWN = "unknown"


DIRECT: Final = "direct"
"""How strangers get in: at the endpoint that other nodes see the node at."""
MAPPED: Final = "mapped"
"""How strangers get in: at the endpoint of a port mapping."""

NAT_KINDS: Final = ("none", "open", "restricted", "dependent", "double", "unknown")
"""The kinds of NAT before a node. ``none``: the node has the address that others see; ``open``: its
port is the same towards all, and strangers get in; ``restricted``: it is the same, and they do not;
``dependent``: the port depends on the destination; ``double``: the router has no public address
itself; ``unknown``: too few networks have said which port they see.
"""
