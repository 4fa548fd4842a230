"""Whether starts arrive.

Promise: a node that starts, and is given the addresses of honest nodes that it can reach, has
joined within two calm minutes. A contact could once end every start of a node.
"""

from __future__ import annotations

from typing import Final

from ..measure.oracle import Oracle
from ..model.host import Host
from ..model.nat import BlockedNat
from ..model.router import RoutedNat
from ..model.world import World
from .violation import Broken

JOIN_S: Final = 120.0
JOIN_UNDER_FAULTS_S: Final = 600.0
"""Where packets are dropped or late on purpose."""
MAX_STEP_S: Final = 30.0
"""The longest time between two looks that counts as time in which the node could join."""


def has_udp(host: Host) -> bool:
    nat = host.nat.inner if isinstance(host.nat, RoutedNat) else host.nat
    return not isinstance(nat, BlockedNat)


class JoinOracle:
    name: Final = "joined"
    needs: Final[tuple[str, ...]] = ()

    def __init__(self, broken: Broken, world: World, truth: Oracle) -> None:
        faults, loss = world.options.faults, world.options.network.loss.mean
        is_faulty = faults.drop + faults.corrupt + loss > 0.05 or faults.reorder
        self._limit_s = JOIN_UNDER_FAULTS_S if is_faulty else JOIN_S
        self._broken = broken
        self._world = world
        self._truth = truth
        self._waited_s: dict[int, float] = {}
        self._looked_at = 0.0

    def started(self, host: Host) -> None:
        if has_udp(host):
            self._waited_s.setdefault(host.number, 0.0)

    def look(self, now: float) -> None:
        """Counts the time in which each node could have joined."""
        step_s, self._looked_at = min(MAX_STEP_S, now - self._looked_at), now
        world = self._world
        for number in list(self._waited_s):
            host = world.hosts.get(number)
            if host is None or host.dht.joined:
                del self._waited_s[number]
                continue
            is_alone = len(self._truth) <= host.accepts_unsolicited
            if world.network.partitioned or host.stalled_until > now or is_alone:
                continue
            self._waited_s[number] += step_s
            if self._waited_s[number] > self._limit_s:
                self._broken(
                    host,
                    f"not joined after {self._waited_s[number]:.0f} calm seconds, though "
                    f"{len(self._truth)} nodes accept its queries",
                )
