"""All oracles of one simulation, as one watcher. The cheap ones are always on, the expensive ones
with ``--paranoid``, and none for adversaries. An oracle that needs a defence which is off is off
too.

A violation is a bug of the core (or of the oracle): it ends the run with a `Violation`, which names
the oracle, the host, the time and the evidence. Oracles draw nothing at random, and ask the core
only for what does not change it, so they change no datagram.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NoReturn

from ...config import Defences
from ...core.contract.events import AnnounceFinished, Datagram, Event, WentOffline
from ...endpoints import Endpoint
from ...wire.envelope import TID_BYTES, TID_KEY
from ..measure.oracle import Oracle
from ..model.host import Host
from ..model.members import Members
from ..model.world import World
from ..options import SimOptions
from .announces import AnnounceOracle
from .call_time import CallTimeOracle
from .calm import Calm
from .dead_checks import DeadChecksOracle
from .held import if_held
from .joins import JoinOracle
from .offline import OfflineOracle
from .paranoid import ParanoidOracles
from .saved_state import Reload
from .spacing import CHECKS, MAINTENANCE, SpacingOracle
from .traffic import (
    QUERY_ENDS,
    BudgetOracle,
    ServedTimeOracle,
    StrangersOracle,
    bytes_oracle,
)
from .unanswered import UnansweredOracle
from .violation import Broken, violation

TID_KEY_BYTES: Final = len(TID_KEY)
LOOK_EVERY_S: Final = 5.0
"""The time between two looks of the oracles that look at the whole world."""


class Oracles:
    """``asserted``: an oracle holds where the defences that it needs are on in it; by default those
    of the options.
    """

    def __init__(
        self,
        options: SimOptions,
        world: World,
        truth: Oracle,
        members: Members,
        *,
        asserted: Defences | None = None,
        reload: Reload | None = None,
    ) -> None:
        asserted = asserted or options.core.defences
        self._world = world
        bounded = asserted.bounded_answers
        self._max_bytes = options.core.serving.max_answer_bytes if bounded else 1 << 30
        self._max_at_once = options.core.query.max_outstanding + 1
        self._look_at = 0.0
        self._is_paranoid = options.paranoid
        self.disturbed_at: dict[int, float] = {}
        """When a fault last struck each host alone, by number."""
        self.calm = calm = Calm(world)
        network, limits, report = world.network, options.core.limits, self._report
        is_limited = not options.core.unlimited
        self._spacing = if_held(asserted, SpacingOracle(report("spacing")))
        self._unanswered = if_held(asserted, UnansweredOracle(report("unanswered")))
        self._dead_checks = if_held(
            asserted, DeadChecksOracle(report("dead-checks"), network, calm)
        )
        self._offline = if_held(
            asserted, OfflineOracle(report("offline"), truth, calm, self.disturbed_at)
        )
        self._announces = if_held(asserted, AnnounceOracle(report("announces"), truth, calm))
        self._joins = JoinOracle(report("joined"), world, truth)
        self._bytes: BudgetOracle | None = None
        self._strangers: StrangersOracle | None = None
        self._time: ServedTimeOracle | None = None
        if is_limited:
            self._bytes = if_held(asserted, bytes_oracle(limits, report("bytes"), world))
        if is_limited and options.paranoid:
            strangers = StrangersOracle(limits, report("bytes-to-strangers"), world)
            self._strangers = if_held(asserted, strangers)
            self._time = if_held(asserted, ServedTimeOracle(limits, report("served-time"), world))
        self.paranoid: ParanoidOracles | None = None
        if options.paranoid:
            self.paranoid = ParanoidOracles(options, world, members, asserted, report, reload)
            world.caller = if_held(asserted, CallTimeOracle(report("call-time")))
        budgets = (self._bytes, self._strangers, self._time)
        self._budgets = [each for each in budgets if each is not None]

    # --- as a watcher -----------------------------------------------------------------------------

    def sent(self, host: Host, outbox: Sequence[Datagram], now: float) -> None:
        if now >= self._look_at:
            self.look(now)
        if not host.honest:
            return
        if len(outbox) > self._max_at_once:
            self._broken(
                "answer-size",
                host,
                f"{len(outbox)} datagrams by one call; {self._max_at_once} may be under way",
            )
        max_bytes = self._max_bytes
        amounts: dict[Endpoint, float] = {}
        if self._bytes is not None:
            spent = self._bytes.spent
            amounts = spent.by_host.get(host.number) or spent.of(host.number)
        for payload, destination in outbox:
            size = len(payload)
            if size > max_bytes:
                self._broken(
                    "answer-size", host, f"a datagram of {size} bytes; the limit is {max_bytes}"
                )
            amounts[destination] = amounts.get(destination, 0.0) + size
            if payload.endswith(QUERY_ENDS):
                self._query_sent(host, payload, now)
        if self._is_paranoid:
            self._sent_expensively(host, outbox)

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        if not host.honest:
            return
        counters = host.node.counters
        if counters.received & 63 == 0 and counters.received != sum(
            counters.accepted.values()
        ) + sum(counters.dropped.values()):
            self._broken("counters", host, "received is not the sum of accepted and dropped")
        if self._is_paranoid:
            self._received_expensively(host, payload, source, now)

    def happened(self, host: Host, events: Sequence[Event], now: float) -> None:
        if not host.honest:
            return
        for event in events:
            if isinstance(event, WentOffline):
                if self._offline is not None:
                    self._offline.happened(host, event, now)
            elif isinstance(event, AnnounceFinished) and self._announces is not None:
                self._announces.happened(host, event, now)
        if self.paranoid is not None:
            self.paranoid.happened(host, events)

    # --- called by the lab ------------------------------------------------------------------------

    def knows(self, host: Host) -> None:
        """The table was filled by the simulator: its entries count as having answered."""
        if self.paranoid is not None:
            self.paranoid.knows(host)

    def joins(self, host: Host) -> None:
        """The host has been given the addresses of some that are up."""
        if host.honest:
            self._joins.started(host)

    def disturbed(self, host: Host) -> None:
        """A fault has struck this host alone."""
        self.disturbed_at[host.number] = self._world.now

    def left(self, host: Host) -> None:
        self.calm.left(self._world.now)
        self.disturbed_at.pop(host.number, None)
        for oracle in (self._dead_checks, self._offline, self.paranoid):
            if oracle is not None:
                oracle.left(host)

    def look(self, now: float) -> None:
        """Looks at the whole world."""
        self._look_at = now + LOOK_EVERY_S
        self.calm.is_calm(now)
        self._joins.look(now)
        for budget in self._budgets:
            budget.look(now)
        if self.paranoid is not None:
            self.paranoid.look(now)

    def check(self, host: Host) -> None:
        """Looks at the table and the stores of one host, if the expensive oracles are on."""
        if self.paranoid is not None:
            self.paranoid.check(host, self._world.now)

    def finish(self) -> None:
        """The last check of the expensive oracles."""
        if self.paranoid is not None:
            self.paranoid.finish()

    # --- inside -----------------------------------------------------------------------------------

    def _sent_expensively(self, host: Host, outbox: Sequence[Datagram]) -> None:
        if self._strangers is not None:
            self._strangers.sent(host, outbox)
        if self._time is not None:
            self._time.sent(host, outbox)
        if self.paranoid is not None:
            self.paranoid.sent(host, outbox)

    def _received_expensively(
        self, host: Host, payload: bytes, source: Endpoint, now: float
    ) -> None:
        if self._strangers is not None:
            self._strangers.received(host, payload, source, now)
        if self._time is not None:
            self._time.received(host, payload, source)
        if self.paranoid is not None:
            self.paranoid.received(host, payload, source, now)

    def _query_sent(self, host: Host, payload: bytes, now: float) -> None:
        at = payload.rfind(TID_KEY) + TID_KEY_BYTES
        pending = host.node.query_in_flight(payload[at : at + TID_BYTES])
        if pending is None or pending.transmissions != 1:
            return
        purpose = pending.command.purpose
        if purpose not in MAINTENANCE:
            return
        if self._spacing is not None:
            self._spacing.sent(host, pending, now)
        if purpose in CHECKS:
            if self._unanswered is not None:
                self._unanswered.check_sent(host, pending.endpoint, now)
            if self._dead_checks is not None:
                self._dead_checks.check_sent(host, pending.endpoint, now)

    def _report(self, oracle: str) -> Broken:
        return partial(self._broken, oracle)

    def _broken(self, oracle: str, host: Host, evidence: str) -> NoReturn:
        raise violation(oracle, host, self._world.now, evidence)
