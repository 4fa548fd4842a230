"""The part of the own network that finds out whether strangers reach this node: a `Reachability`
for each address family, and the peers that may help it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...endpoints import Endpoint, Family
from ..contract.queries import NO_COMMANDS, Commands
from ..contract.times import FOREVER
from ..reach.reach_snapshot import ReachSnapshot, ServiceReach
from ..reach.reachability import Reachability


class OwnReach:
    def __init__(self, families: Mapping[Family, Reachability]) -> None:
        self.families = families
        """The reachability of this node in each address family."""

    def mapped(self, family: Family, endpoint: Endpoint | None, now: float) -> Commands:
        """The router maps this endpoint to the node's socket of that family; None: no longer."""
        reach = self.families.get(family)
        return reach.mapped(endpoint, now) if reach is not None else NO_COMMANDS

    def network_changed(self, family: Family, now: float) -> Commands:
        """The addresses or the link changed, or the machine slept."""
        reach = self.families.get(family)
        return reach.network_changed(now) if reach is not None else NO_COMMANDS

    def tick(self, now: float) -> Commands:
        commands: Commands = NO_COMMANDS
        for reach in self.families.values():
            if reach.deadline <= now:
                commands = [*commands, *reach.tick(now)]
        return commands

    def next_deadline(self) -> float:
        # Without min(), because this is called after every datagram.
        deadline = FOREVER
        for reach in self.families.values():
            if reach.deadline < deadline:
                deadline = reach.deadline
        return deadline

    def snapshots(self, now: float) -> tuple[ReachSnapshot, ...]:
        return tuple(reach.snapshot(now) for reach in self.families.values())

    def services(self) -> tuple[ServiceReach, ...]:
        """The services whose TCP port was checked from outside."""
        return ()
