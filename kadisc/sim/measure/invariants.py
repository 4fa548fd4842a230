"""Invariants: what must hold at every moment, whatever the network does. The cheap ones are always
checked, the expensive ones with ``--paranoid``, and none for adversaries.

A violation is a bug of the core (or of this module): it ends the run with a `Violation`, which
names host, time and what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...contacts import Contact
from ...core.contract.events import Datagram, Event, Finished
from ...endpoints import Endpoint, family_of
from ...errors import DecodeError, KadiscError
from ...wire import krpc
from ...wire.compact import contacts_from
from ...wire.messages import Reply
from ..model.host import Host
from ..model.world import World
from ..options import SimOptions
from .gossip_invariants import Amplification

LOOK_EVERY = 64
"""Datagrams of a host between two checks of its whole table and stores."""


class Violation(KadiscError):
    """An invariant of the core does not hold."""


class Invariants:
    def __init__(self, options: SimOptions, world: World) -> None:
        self._options = options
        self._world = world
        bounded = options.core.defences.bounded_answers
        self._max_bytes = options.core.serving.max_answer_bytes if bounded else 1 << 30
        self._paranoid = options.paranoid
        self._ended: dict[int, set[int]] = {}  # operations that have ended, by host
        self._answered: dict[int, set[Contact]] = {}  # contacts that have answered, by host
        self._until_look: dict[int, int] = {}
        self._amplification = Amplification(self._broken)

    # --- as a watcher -----------------------------------------------------------------------------

    def sent(self, host: Host, outbox: Sequence[Datagram], now: float) -> None:
        if not host.honest:
            return
        for payload, _ in outbox:
            if len(payload) > self._max_bytes:
                self._broken(
                    host, f"a datagram of {len(payload)} bytes; the limit is {self._max_bytes}"
                )
            if self._paranoid:
                self._check_answer(host, payload)
        if (
            self._paranoid
            and host.identity is not None
            and self._options.core.defences.gossip_tokens
        ):
            self._amplification.sent(host, outbox)

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        if not host.honest:
            return
        counters = host.node.counters
        if counters.received & 63 == 0 and counters.received != sum(
            counters.accepted.values()
        ) + sum(counters.dropped.values()):
            self._broken(host, "received is not the sum of accepted and dropped")
        if not self._paranoid:
            return
        self._note_answer(host, payload, source)
        if host.identity is not None:
            self._amplification.received(host, payload, source)
        left = self._until_look.get(host.number, LOOK_EVERY) - 1
        self._until_look[host.number] = left or LOOK_EVERY
        if not left:
            self.check(host)

    def happened(self, host: Host, events: Sequence[Event], now: float) -> None:
        if not self._paranoid or not host.honest:
            return
        for event in events:
            if isinstance(event, Finished):
                ended = self._ended.setdefault(host.number, set())
                if event.operation in ended:
                    self._broken(host, f"operation {event.operation} ended twice")
                ended.add(event.operation)

    # --- called by the lab ------------------------------------------------------------------------

    def knows(self, host: Host) -> None:
        """The table was filled by the simulator: its entries count as having answered."""
        if self._paranoid:
            self._answered[host.number] = {entry.contact for entry in host.dht.table}

    def left(self, host: Host) -> None:
        for memory in (self._ended, self._answered, self._until_look):
            memory.pop(host.number, None)
        if host.identity is not None:
            self._amplification.left(host)

    def finish(self) -> None:
        """Checks every host once more, and that no operation is in flight after ``close``."""
        if not self._paranoid:
            return
        for host in list(self._world.hosts.values()):
            self.check(host)
            host.node.close(self._world.now + host.skew_s)
            self.happened(host, host.node.drain_events(), self._world.now)
            if host.node.operations_in_flight:
                self._broken(host, "operations are in flight after close")

    # --- the expensive ones -----------------------------------------------------------------------

    def check(self, host: Host) -> None:
        """Checks bucket order, caps, the bounds of every store, and that notes agree."""
        for found in host.node.inconsistencies(self._world.now + host.skew_s):
            self._broken(host, found)

    def _note_answer(self, host: Host, payload: bytes, source: Endpoint) -> None:
        reply = _reply(payload)
        if reply is not None:
            self._answered.setdefault(host.number, set()).add(Contact(reply.sender, source))

    def _check_answer(self, host: Host, payload: bytes) -> None:
        """Only contacts that answered this host may be in its answers."""
        reply = _reply(payload)
        packed = b"" if reply is None else reply.nodes or reply.nodes6
        if not packed or not self._options.core.defences.verified_admission:
            return
        answered = self._answered.get(host.number, set())
        for contact in contacts_from(packed, family_of(host.endpoint)):
            if contact not in answered:
                self._broken(host, f"an answer with {contact}, which never answered")

    def _broken(self, host: Host, what: str) -> None:
        raise Violation(f"host {host.number} at {self._world.now:.6f} s: {what}")


def _reply(payload: bytes) -> Reply | None:
    try:
        message = krpc.decode(payload)
    except DecodeError:
        return None
    return message if isinstance(message, Reply) else None
