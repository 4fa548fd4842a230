"""Which node does the next measured lookup."""

from __future__ import annotations

from ..lab import Lab
from ..measure.oracle import SETTLED_S
from ..model.host import Host

TRIES = 200
"""How many random nodes are tried to find one that can do a lookup."""


def settled_asker(lab: Lab) -> Host | None:
    """A random settled node that does no measured lookup already, and has contacts: a node without
    UDP has an empty table and could find nothing. None if none was found.
    """
    for _ in range(TRIES):
        host = lab.any_host()
        usable = (
            host is not None
            and host.on_event is None
            and host.up_since <= lab.world.now - SETTLED_S
        )
        if host is not None and usable and len(host.dht.table):
            return host
    return None
