"""Faults beyond the network model: partitions, NAT rebinding, clock jumps, stalls, restarts with a
damaged state.

`network.py` has the faults of single packets. Each kind of event here is a Poisson process of its
own.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...core.contract.saved_state import SavedDht, SavedState
from ..options import FaultOptions
from .host import Host
from .world import World


class Faults:
    """``restart`` starts a host's process again at the same place, with a saved state. ``move``
    gives a host another address. ``struck`` is told of each host that a fault strikes alone.
    """

    def __init__(
        self,
        world: World,
        options: FaultOptions,
        rng: Random,
        restart: Callable[[Host, SavedState], None],
        move: Callable[[Host], None],
        struck: Callable[[Host], None],
    ) -> None:
        self._world = world
        self._options = options
        self._rng = rng
        self._restart_with = restart
        self._move_to = move
        self._struck = struck
        self._stopped = False

    def start(self) -> None:
        options, hosts = self._options, max(1, len(self._world.hosts))
        self._repeat(options.partitions_per_hour, self._partition)
        self._repeat(options.rebindings_per_hour * hosts, self._rebind)
        self._repeat(options.clock_jumps_per_hour * hosts, self._jump)
        self._repeat(options.stalls_per_hour * hosts, self._stall)
        self._repeat(options.restarts_per_hour * hosts, self._restart)
        self._repeat(options.moves_per_hour * hosts, self._move)

    def stop(self) -> None:
        """No fault strikes any more, and the two halves of the network are one again."""
        self._stopped = True
        self._world.network.stop_faults()
        heal(self._world)

    def _repeat(self, per_hour: float, fault: Callable[[], None]) -> None:
        if per_hour <= 0.0:
            return

        def strike() -> None:
            if self._stopped:
                return
            fault()
            self._world.at(self._world.now + self._rng.expovariate(per_hour / 3600.0), strike)

        self._world.at(self._world.now + self._rng.expovariate(per_hour / 3600.0), strike)

    def _victim(self) -> Host | None:
        hosts = list(self._world.hosts.values())
        return self._rng.choice(hosts) if hosts else None

    def _partition(self) -> None:
        """Half of the hosts cannot reach the other half, for a while."""
        network = self._world.network
        if not network.partitioned:
            split(self._world, self._rng, share=0.5)
            self._world.at(self._world.now + self._options.partition_s, heal, self._world)

    def _rebind(self) -> None:
        host = self._victim()
        if host is not None and host.nat is not None:
            self._struck(host)
            host.nat.rebind(host.endpoint[:-2], self._rng)

    def _jump(self) -> None:
        """The machine was suspended: its clock went on meanwhile, and the shell notices the gap."""
        host = self._victim()
        if host is not None:
            self._struck(host)
            host.skew_s += self._rng.random() * self._options.clock_jump_s
            self._world.do(host, host.node.network_changed)

    def _stall(self) -> None:
        host = self._victim()
        if host is not None:
            self._struck(host)
            host.stalled_until = self._world.now + self._rng.random() * self._options.stall_s

    def _restart(self) -> None:
        """The process starts again with its saved state, or with a part of it."""
        host = self._victim()
        if host is None:
            return
        state = host.node.export_state(self._world.now + host.skew_s)
        if self._rng.random() < self._options.torn_state:
            state = torn(state, self._rng)
        self._restart_with(host, state)

    def _move(self) -> None:
        host = self._victim()
        if host is not None:
            self._struck(host)
            self._move_to(host)


def torn(state: SavedState, rng: Random) -> SavedState:
    """The state without about half of its contacts, and without the external address."""
    return SavedState(
        tuple(
            SavedDht(each.family, None, tuple(c for c in each.contacts if rng.random() < 0.5))
            for each in state.dhts
        )
    )


def split(world: World, rng: Random, share: float) -> None:
    """Moves ``share`` of the hosts to the second side; hosts that arrive later are on the first."""
    for host in world.hosts.values():
        host.side = int(rng.random() < share)
    world.network.partitioned = True


def heal(world: World) -> None:
    world.network.partitioned = False
