"""The expensive oracles: those that decode what is sent, or look at whole tables and stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ...config import Defences
from ...core.contract.events import Datagram, Event, Finished
from ...core.contract.saved_state import SavedState
from ...endpoints import Endpoint
from ..model.host import Host
from ..model.members import Members
from ..model.world import World
from ..options import SimOptions
from .amplification import AmplificationOracle
from .answers import AnswerOracle
from .crowding import CrowdingOracle
from .held import if_held
from .saved_state import Reload, SavedStateOracle
from .structure import StructureOracle
from .violation import Broken

LOOK_EVERY: Final = 64
"""Datagrams of a host between two checks of its whole table and stores."""
SAVE_EVERY_S: Final = 60.0
"""The time after which the state of one more host is saved and loaded."""


class ParanoidOracles:
    """``report``: makes what an oracle of that name calls."""

    def __init__(
        self,
        options: SimOptions,
        world: World,
        members: Members,
        asserted: Defences,
        report: Callable[[str], Broken],
        reload: Reload | None,
    ) -> None:
        self._world = world
        self._operation_broken = report("operations")
        self._ended: dict[int, set[int]] = {}  # operations that have ended, by host
        self._until_look: dict[int, int] = {}
        self._structure = StructureOracle(report("structure"), options)
        self._crowding = if_held(asserted, CrowdingOracle(report("crowding"), options))
        self._answers = if_held(asserted, AnswerOracle(report("answers")))
        self._amplification = if_held(asserted, AmplificationOracle(report("amplification")))
        self._saved = None
        if reload is not None:
            self._saved = SavedStateOracle(report("saved-state"), options, members, reload)
        self._save_at = SAVE_EVERY_S
        self._saves = 0

    # --- as a part of the watcher; of honest hosts alone ------------------------------------------

    def sent(self, host: Host, outbox: Sequence[Datagram]) -> None:
        if self._answers is not None:
            for payload, _ in outbox:
                self._answers.sent(host, payload)
        if self._amplification is not None and host.identity is not None:
            self._amplification.sent(host, outbox)

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        if self._answers is not None:
            self._answers.received(host, payload, source)
        if self._amplification is not None and host.identity is not None:
            self._amplification.received(host, payload, source)
        left = self._until_look.get(host.number, LOOK_EVERY) - 1
        self._until_look[host.number] = left or LOOK_EVERY
        if not left:
            self.check(host, now)

    def happened(self, host: Host, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Finished):
                ended = self._ended.setdefault(host.number, set())
                if event.operation in ended:
                    self._operation_broken(host, f"operation {event.operation} ended twice")
                ended.add(event.operation)

    # --- called by the other oracles --------------------------------------------------------------

    def knows(self, host: Host) -> None:
        if self._answers is not None:
            self._answers.knows(host)

    def left(self, host: Host) -> None:
        for memory in (self._ended, self._until_look):
            memory.pop(host.number, None)
        for oracle in (self._answers, self._crowding, self._amplification):
            if oracle is not None:
                oracle.left(host)

    def check(self, host: Host, now: float) -> None:
        """Looks at the whole table and all stores of the host."""
        self._structure.check(host, now)
        if self._crowding is not None:
            self._crowding.check(host, now)

    def look(self, now: float) -> None:
        hosts = self._world.hosts
        if self._saved is None or now < self._save_at or not hosts:
            return
        self._save_at = now + SAVE_EVERY_S
        self._saves += 1
        self._saved.check(list(hosts.values())[self._saves % len(hosts)], now)

    def saved(self, host: Host, now: float) -> SavedState | None:
        """The state of a host as the file brings it back; None where no file is at hand."""
        return None if self._saved is None else self._saved.check(host, now)

    def finish(self) -> None:
        """Checks every host once more, and that no operation is in flight after ``close``."""
        now = self._world.now
        for host in list(self._world.hosts.values()):
            self.check(host, now)
            host.node.close(now + host.skew_s)
            self.happened(host, host.node.drain_events())
            if host.node.operations_in_flight:
                self._operation_broken(host, "operations are in flight after close")
