"""What goes wrong beyond the network model: partitions, NAT rebinding, clock jumps, stalls,
restarts with a torn state.

Faults of single packets are the network's (`network.py`). Each kind of event here comes as a
Poisson process of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from ...core.contract.saved_state import SavedDht, SavedState
from .host import Host

if TYPE_CHECKING:
    from ..lab import Lab


class Faults:
    def __init__(self, lab: Lab, rng: Random) -> None:
        self._lab = lab
        self._rng = rng
        self._options = lab.options.faults

    def start(self) -> None:
        options, hosts = self._options, max(1, len(self._lab.world.hosts))
        self._repeat(options.partitions_per_hour, self._partition)
        self._repeat(options.rebindings_per_hour * hosts, self._rebind)
        self._repeat(options.clock_jumps_per_hour * hosts, self._jump)
        self._repeat(options.stalls_per_hour * hosts, self._stall)
        self._repeat(options.restarts_per_hour * hosts, self._restart)

    def _repeat(self, per_hour: float, fault: Callable[[], None]) -> None:
        if per_hour <= 0.0:
            return

        def strike() -> None:
            fault()
            self._lab.world.at(
                self._lab.world.now + self._rng.expovariate(per_hour / 3600.0), strike
            )

        self._lab.world.at(self._lab.world.now + self._rng.expovariate(per_hour / 3600.0), strike)

    def _victim(self) -> Host | None:
        hosts = list(self._lab.world.hosts.values())
        return self._rng.choice(hosts) if hosts else None

    def _partition(self) -> None:
        """Half of the hosts cannot reach the other half, for a while."""
        network = self._lab.world.network
        if not network.partitioned:
            split(self._lab, self._rng, share=0.5)
            self._lab.world.at(self._lab.world.now + self._options.partition_s, heal, self._lab)

    def _rebind(self) -> None:
        host = self._victim()
        if host is not None and host.nat is not None:
            host.nat.rebind(host.endpoint[:-2], self._rng)

    def _jump(self) -> None:
        """The machine slept: the clock that counts suspends has gone on, and the shell notices."""
        host = self._victim()
        if host is not None:
            host.skew_s += self._rng.random() * self._options.clock_jump_s
            self._lab.world.do(host, host.node.network_changed)

    def _stall(self) -> None:
        host = self._victim()
        if host is not None:
            host.stalled_until = self._lab.world.now + self._rng.random() * self._options.stall_s

    def _restart(self) -> None:
        """The process starts again at the same place, with what was saved, or a part of it. Its
        clock begins anew.
        """
        host, lab = self._victim(), self._lab
        if host is None:
            return
        state = host.node.export_state(lab.world.now + host.skew_s)
        if self._rng.random() < self._options.torn_state:
            state = torn(state, self._rng)
        lab.stop(host)
        restarted = lab.reborn(host)
        restarted.node.restore(state, lab.world.now)
        lab.join(restarted)


def torn(state: SavedState, rng: Random) -> SavedState:
    """Some of the contacts are lost, and the address."""
    return SavedState(
        tuple(
            SavedDht(each.family, None, tuple(c for c in each.contacts if rng.random() < 0.5))
            for each in state.dhts
        )
    )


def split(lab: Lab, rng: Random, share: float) -> None:
    """``share`` of the hosts are on the other side from now on. Newcomers are on the first."""
    for host in lab.world.hosts.values():
        host.side = int(rng.random() < share)
    lab.world.network.partitioned = True


def heal(lab: Lab) -> None:
    lab.world.network.partitioned = False
