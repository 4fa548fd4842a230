"""The stage: one live core, the clock, the small network around it, and the oracles that watch.

`moves.py` says what may happen; here is how datagrams, time and restarts reach the core. Nothing is
replaced: the core is the one that runs on sockets, its state goes through the real file, and its
clock is the one of the pump where the case says so.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

from kadisc.contacts import Contact
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.contract.events import Event, OperationId, TcpDialWanted
from kadisc.core.contract.queries import PendingQuery
from kadisc.core.contract.saved_state import SavedState
from kadisc.core.core import Core
from kadisc.core.peers.finder import PeerFinder
from kadisc.core.peers.own_record import Membership
from kadisc.endpoints import Endpoint, Family, family_of, ip_of
from kadisc.errors import Busy, DecodeError
from kadisc.ids import NodeId
from kadisc.net.state.damage import DamagedState, NewerState
from kadisc.net.state.state_file import KeptState, read_state, replace_state
from kadisc.net.transport.clock import forward_clock
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Message, Query, Reply

from .cast import HOMES, NETWORK, OWN, own_id_at
from .configurations import core_config
from .oracles import Admission, Answers, Broken, Clockwork, Ends, ErrorsAlone, Pace, require

CHECK_EVERY: Final = 8
"""Moves between two checks of the whole core for consistency."""
MAX_ASKED: Final = 120
"""Unanswered queries of the core that moves can choose from."""
MAX_STEPS: Final = 250
"""Events of one stretch of virtual time."""


@dataclass
class Asked:
    """A query of the core that waits for an answer."""

    query: Query
    endpoint: Endpoint
    pending: PendingQuery


class MachineClock:
    """The clock of the machine, which the moves turn; `clamped` it goes through the class that the
    pump uses.
    """

    def __init__(self, start_s: float) -> None:
        self.reading_s = start_s

    def now(self) -> float:
        return self.reading_s

    def slept_s(self) -> float:
        return 0.0

    def wall_s(self) -> float:
        return 1_700_000_000.0 + self.reading_s

    def trio_deadline(self, deadline: float) -> float:
        return deadline


class Stage:
    def __init__(self, values: Mapping[str, Any], seed: int, folder: Path) -> None:
        """``values``: the configuration, by the names of the keys. ``folder``: for the state
        file.
        """
        self.config = core_config(values)
        self.rng = Random(seed)
        self.folder = folder
        rng = self.rng
        self.families = rng.choices(
            [tuple(Family), (Family.IPV4,), (Family.IPV6,)], weights=(6, 3, 1)
        )[0]
        self.home = {family: HOMES[family][0] for family in self.families}
        self.is_member = rng.random() < 0.85
        self.is_raw_clock = rng.random() < 0.15
        self.confidence = rng.choice(list(Confidence)[:3])
        self.machine = MachineClock(rng.choice((0.0, 77.7, 1e6)))
        self._clamped = forward_clock(self.machine)
        self.behaviours: dict[Endpoint, str] = {}
        self.asked: list[Asked] = []
        self.tokens: dict[Endpoint, list[bytes]] = {}
        self.asker_tokens: dict[Endpoint, bytes] = {}
        self.nonces: list[bytes] = []
        self.items: list[tuple[NodeId, dict[bytes, object]]] = []
        """Items that nodes of the network may hold, by target."""
        self.dials: list[int] = []
        self.finders: list[PeerFinder] = []
        self.pace = Pace(is_on=self.config.defences.spaced_maintenance)
        self.clockwork = Clockwork()
        self.events = 0
        """Datagrams received and ticks: one move makes many of them."""
        self.restarts = 0
        self._begin(SavedState(()))

    @property
    def now(self) -> float:
        return self.machine.now() if self.is_raw_clock else self._clamped.now()

    def _begin(self, saved: SavedState) -> None:
        config = self.config
        remembered = {dht.family: dht.ip for dht in saved.dhts if dht.ip is not None}
        addresses = {}
        for family, home in self.home.items():
            if self.confidence is Confidence.CONFIGURED:
                own: tuple[bytes | None, bytes | None] = ip_of(home), home[-2:]
                how = Confidence.CONFIGURED
            elif family in remembered or self.confidence is Confidence.REMEMBERED:
                own, how = (remembered.get(family, ip_of(home)), None), Confidence.REMEMBERED
            else:
                own, how = (None, None), Confidence.UNKNOWN
            addresses[family] = ExternalAddress(config.address, *own, how)
        own_ids = {
            family: own_id_at(Endpoint(each.ip + b"\0\1")) if each.ip else self.rng.getrandbits(160)
            for family, each in addresses.items()
        }
        membership = None
        if self.is_member:
            membership = Membership(OWN, NETWORK, {"p2p": 9333}, self.machine.wall_s())
        self.core = Core(
            config,
            Random(self.rng.getrandbits(64)),
            own_ids,
            self.now,
            public_key=OWN.public_key,
            addresses=addresses,
            membership=membership,
        )
        self.ends, self.answers = Ends(), Answers(config)
        self.admission, self.errors_alone = Admission(config), ErrorsAlone(config)
        for clearable in (self.pace, self.admission, self.errors_alone):
            clearable.clear()
        for memory in (self.asked, self.dials, self.finders, self.nonces):
            memory.clear()
        self.tokens.clear()
        self.asker_tokens.clear()
        self.core.restore(saved, self.now)
        self.drain()

    # --- datagrams --------------------------------------------------------------------------------

    def drain(self) -> None:
        """Takes what the core sends and tells, as the pump does after every call."""
        core = self.core
        for payload, destination in core.drain_outbox():
            self._sent(krpc.decode(payload), payload, destination)
        for event in core.drain_events():
            self._happened(event)
        if len(self.asked) > MAX_ASKED:
            del self.asked[: -MAX_ASKED // 2]

    def _sent(self, message: Message, payload: bytes, destination: Endpoint) -> None:
        if isinstance(message, Query):
            pending = self._pending(message.tid, destination)
            if pending is not None:
                self.asked.append(Asked(message, destination, pending))
                self.pace.sent(pending, message.tid)
            nonce = getattr(message, "nonce", None)
            if nonce:
                self.nonces = [*self.nonces[-20:], nonce]
        elif isinstance(message, Reply):
            if message.token:
                self.tokens[destination] = [*self.tokens.get(destination, [])[-7:], message.token]
            if message.asker_token:
                self.asker_tokens[destination] = message.asker_token
            self.answers.sent(message, payload)

    def _pending(self, tid: bytes, destination: Endpoint) -> PendingQuery | None:
        outstanding: dict[Any, PendingQuery] = self.core._queue.transactions._outstanding  # type: ignore[attr-defined]
        pending = outstanding.get(tid)
        return pending if pending is not None and pending.endpoint == destination else None

    def _happened(self, event: Event) -> None:
        self.ends.happened(event)
        if isinstance(event, TcpDialWanted):
            self.dials = [*self.dials[-20:], event.dial]

    def receive(self, payload: bytes, source: Endpoint) -> None:
        """One datagram; what the core makes of it is told to the oracles."""
        core, now = self.core, self.now
        self.events += 1
        try:
            message: Message | None = krpc.decode(payload)
        except DecodeError:
            message = None
        pending = None if message is None else self._pending(message.tid, source)
        accepted = core.counters.accepted
        answers = accepted.get("reply", 0) + accepted.get("error", 0)
        before = sum(accepted.values())
        core.receive(payload, source, now)
        accepted = core.counters.accepted
        if message is not None and sum(accepted.values()) > before:
            if accepted.get("reply", 0) + accepted.get("error", 0) > answers:
                self.admission.proved(source, now)
                self._answer_taken(message, pending, source)
            elif isinstance(message, Query):
                self.admission.query_read(message, source, now)
        self.drain()

    def _answer_taken(
        self, answer: Message, pending: PendingQuery | None, source: Endpoint
    ) -> None:
        if isinstance(answer, Reply):
            self.answers.answered.add(Contact(answer.sender, source))
        if pending is not None and isinstance(answer, (Reply, Error)):
            self.errors_alone.answered(self.core, answer, pending, source, self.now)

    def send(self, message: Message, source: Endpoint) -> None:
        self.receive(krpc.encode(message), source)

    # --- time -------------------------------------------------------------------------------------

    def tick(self) -> None:
        now = self.now
        self.events += 1
        self.core.tick(now)
        self.drain()
        self.clockwork.ticked(self.core, now)

    def advance(self, seconds: float) -> None:
        """The clock of the machine goes on, or back where ``seconds`` is negative."""
        self.machine.reading_s += seconds
        if seconds < 0 and self.is_raw_clock:
            # What was counted by the clock counts no longer; and budgets may be any.
            for oracle in (self.pace, self.errors_alone):
                oracle.clear()
            self.admission.is_on = False

    def until(self, moment: float) -> None:
        """The clock of the core goes on to ``moment``, if that is later."""
        if moment > self.now:
            self.machine.reading_s += moment - self.now
            # Rounding may leave the clock a little before a deadline.
            while self.now < moment:
                self.machine.reading_s += max(abs(moment) * 1e-15, 1e-9)

    def play(self, seconds: float, answer: Callable[[Asked], bytes | None], rng: Random) -> None:
        """A stretch of time in which the network answers by itself: ``answer`` says what, None for
        silence.
        """
        end, order = self.now + seconds, count()
        on_the_way: list[tuple[float, int, bytes, Endpoint]] = []
        for _ in range(MAX_STEPS):
            for asked in self.asked:
                if (payload := answer(asked)) is not None:
                    at = self.now + rng.choice((0.005, 0.05, 0.05, 0.2))
                    heapq.heappush(on_the_way, (at, next(order), payload, asked.endpoint))
            self.asked.clear()
            deadline = self.core.next_deadline()
            arrival = on_the_way[0][0] if on_the_way else end
            if min(deadline, arrival) >= end:
                self.until(end)
                break
            if arrival <= deadline:
                self.until(arrival)
                _, _, payload, source = heapq.heappop(on_the_way)
                self.receive(payload, source)
            else:
                self.until(deadline)
                self.tick()

    # --- operations, restarts, checks -------------------------------------------------------------

    def start(self, begin: Callable[[], OperationId]) -> None:
        with suppress(Busy):
            self.ends.started.append(begin())
        self.drain()

    def restart(self, damage: Callable[[bytes], bytes] | None) -> None:
        """Ends the run in order, and begins one with what the state file holds then. ``damage``:
        what happens to the file in between.
        """
        state = self.core.export_state(self.now)
        self.finish()
        kept = KeptState(
            OWN.seed,
            {dht.family: dht.ip for dht in state.dhts if dht.ip is not None},
            {NETWORK: tuple(each for dht in state.dhts for each in dht.contacts)},
            {} if state.peer_network is None else {NETWORK: state.peer_network},
        )
        path = self.folder / "state.sqlite3"
        replace_state(path, kept)
        if damage is not None:
            path.write_bytes(damage(path.read_bytes()))
        try:
            found = read_state(path) or KeptState()
        except (DamagedState, NewerState):
            require(damage is not None, "a state file that was just written cannot be read")
            found = KeptState()
        if damage is None:
            require(not found.left_out, "a state file has rows that are left out", found.left_out)
            _same(kept, found)
        self.restarts += 1
        self._begin(found.saved_state(NETWORK))

    def finish(self) -> None:
        """Closes the core: every operation has ended then, and nothing happens any more."""
        core = self.core
        core.close(self.now)
        self.drain()
        self.ends.all_over("when the core is closed")
        require(core.next_deadline() == float("inf"), "a closed core has a deadline")
        require(core.operations_in_flight == 0, "operations are in flight after close")
        core.tick(self.now + 1)
        core.receive(
            b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe", HOMES_ANY, self.now
        )
        require(
            (core.drain_outbox(), core.drain_events()) == ([], []), "a closed core does something"
        )

    def check(self) -> None:
        """The whole core: its stores agree with each other and keep their bounds."""
        for found in self.core.inconsistencies(self.now):
            if not (self.is_raw_clock and "out of order" in found):
                raise Broken(f"inconsistent, {found}")


HOMES_ANY: Final = HOMES[Family.IPV4][0]


def _same(kept: KeptState, found: KeptState) -> None:
    """What was saved is what was loaded."""
    require(found.seed == kept.seed and found.addresses == kept.addresses, "another identity")
    for name in ("contacts", "peer_networks"):
        one, other = getattr(kept, name).get(NETWORK), getattr(found, name).get(NETWORK)
        if name == "contacts":
            by_place = {(each.contact.id, each.contact.endpoint): each for each in one or ()}
            one, other = set(by_place.values()), set(other or ())
        require(one == other, f"what was loaded differs in {name}", "")


def family_at(endpoint: Endpoint) -> Family:
    return family_of(endpoint)
