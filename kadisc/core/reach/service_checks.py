"""Whether the TCP ports of the node's services can be reached from outside: five helpers, in
networks of their own, open a connection each and hang up.

With a quarter of liars among the helpers, "closed" is false in 1.6 % of the checks: the answer is
shown to people, and nothing acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final, Protocol

from ...config import ReachConfig
from ...endpoints import Endpoint
from ...service_values import ServiceValue
from ...wire.messages import TCP_ACCEPTED, Error, Reach, Reply
from ...wire.reach import MIN_PORT, NONCE_BYTES
from ..contract import purposes
from ..contract.events import ServiceTested
from ..contract.queries import (
    NO_COMMANDS,
    Command,
    Commands,
    PendingQuery,
    QueryFailure,
    SendQuery,
)
from ..contract.times import FOREVER
from ..dht import Dht
from .probes import Probes, ReachContext
from .reach_query import reach_query
from .reach_snapshot import ServiceReach

HELPERS: Final = 5
"""Helpers whose answers one check takes."""
AGREED: Final = 4
"""So many of them must say the same."""
MAX_ASKED: Final = 10
"""Helpers that one check asks at most: those that are busy or silent are replaced."""
AFTER_CHANGE_S: Final = 5.0
"""A change is followed by a check after so long, so that several changes need one."""
OPEN: Final = "open"
CLOSED: Final = "closed"
UNSURE: Final = "unsure"


class RecordOfServices(Protocol):
    """What a check needs of the own record."""

    @property
    def services(self) -> Mapping[str, ServiceValue]: ...

    @property
    def fields(self) -> dict[bytes, Any]:
        """The record as it goes into messages."""
        ...


class OpenCheck:
    """A check of one service that has not ended."""

    __slots__ = ("accepted", "answered", "asked", "netgroups", "outstanding", "port", "service")

    def __init__(self, service: str, port: int) -> None:
        self.service = service
        self.port = port
        self.netgroups: set[bytes] = set()
        self.outstanding: dict[bytes, bool] = {}
        """The nonces of the queries; whether the helper gave a new token meanwhile."""
        self.asked = 0
        self.answered = 0
        self.accepted = 0

    @property
    def answer(self) -> str:
        if self.accepted >= AGREED:
            return OPEN
        return CLOSED if self.answered - self.accepted >= AGREED else UNSURE


class ServiceChecks:
    """Of one address family."""

    def __init__(
        self,
        config: ReachConfig,
        context: ReachContext,
        dht: Dht,
        probes: Probes,
        own_record: RecordOfServices,
    ) -> None:
        self._config = config
        self._context = context
        self._rng: Random = context.rng
        self._dht = dht
        self._probes = probes
        self._own_record = own_record
        self._key: tuple[Any, ...] = ()
        self._waiting: list[tuple[str, int]] = []
        self._check: OpenCheck | None = None
        self._next_at = FOREVER
        self._retry_s = config.retry_s
        self.answers: dict[str, ServiceReach] = {}
        """By service, what the last check found."""

    @property
    def deadline(self) -> float:
        return FOREVER if self._check is not None else self._next_at

    def look(self, endpoints: tuple[Endpoint | None, ...], now: float) -> None:
        """The endpoints of the node may be others than before, or its services."""
        ports = self._ports()
        key = (endpoints, tuple(ports))
        if key == self._key:
            return
        self._key = key
        self.answers = {
            name: answer for name, answer in self.answers.items() if (name, answer.port) in ports
        }
        if ports and any(endpoints):
            self._next_at = min(self._next_at, now + AFTER_CHANGE_S)
        else:
            self._next_at = FOREVER

    def tick(self, now: float) -> Commands:
        if now < self.deadline:
            return NO_COMMANDS
        self._next_at = now + self._config.services_s
        self._waiting = self._ports()
        return self._begin_next(now)

    def _ports(self) -> list[tuple[str, int]]:
        return [
            (name, value)
            for name, value in self._own_record.services.items()
            if isinstance(value, int) and value >= MIN_PORT
        ]

    def _begin_next(self, now: float) -> Commands:
        self._check = None
        while self._waiting:
            self._check = OpenCheck(*self._waiting.pop(0))
            if commands := self._ask(self._check, now):
                return commands
            # Without helpers nothing is found out of any service: later again.
            self._check = None
            self._waiting.clear()
            self._next_at = min(self._next_at, now + self._retry_s)
            self._retry_s = min(2 * self._retry_s, self._config.max_retry_s)
        return NO_COMMANDS

    def _ask(self, check: OpenCheck, now: float) -> list[Command]:
        """Asks as many further helpers as answers are missing."""
        missing = HELPERS - check.answered - len(check.outstanding)
        missing = min(missing, MAX_ASKED - check.asked)
        if missing <= 0:
            return []
        usable = self._probes.usable_helpers(now)
        if not check.asked and len({netgroup for _, netgroup in usable}) < HELPERS:
            return []
        self._rng.shuffle(usable)
        usable.sort(key=lambda each: not each[0].holds_mature_slot)
        commands: list[Command] = []
        for helper, netgroup in usable:
            if len(commands) == missing:
                break
            if netgroup in check.netgroups:
                continue
            check.netgroups.add(netgroup)
            check.asked += 1
            nonce = self._rng.randbytes(NONCE_BYTES)
            check.outstanding[nonce] = False
            commands.append(self._query(check, helper.endpoint, nonce, helper.token))
        return commands

    def _query(
        self, check: OpenCheck, helper: Endpoint, nonce: bytes, token: bytes | None
    ) -> SendQuery:
        query = Reach(
            b"",
            self._dht.own_id,
            nonce,
            self._context.tag,
            token=token,
            record=self._own_record.fields,
            tcp_port=check.port,
        )
        return reach_query(helper, query, self, purposes.REACH)

    # --- what becomes of the queries --------------------------------------------------------------

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        check, nonce = self._check_of(pending.command)
        if check is None:
            return NO_COMMANDS
        if reply.reach is None or reply.reach.tcp is None:
            if reply.token is None or check.outstanding[nonce]:
                return self._ended(check, nonce, now)
            check.outstanding[nonce] = True
            self._context.helpers.token_received(pending.endpoint, reply.token, now)
            return [self._query(check, pending.endpoint, nonce, reply.token)]
        check.answered += 1
        check.accepted += reply.reach.tcp == TCP_ACCEPTED
        return self._ended(check, nonce, now)

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        check, nonce = self._check_of(command)
        if check is None:
            return NO_COMMANDS
        self._probes.refused(command.endpoint, reason, now)
        return self._ended(check, nonce, now)

    def _check_of(self, command: SendQuery) -> tuple[OpenCheck | None, bytes]:
        query, check = command.query, self._check
        if not isinstance(query, Reach) or check is None or query.nonce not in check.outstanding:
            return None, b""
        return check, query.nonce

    def _ended(self, check: OpenCheck, nonce: bytes, now: float) -> Commands:
        del check.outstanding[nonce]
        commands = self._ask(check, now)
        if commands or check.outstanding:
            return commands
        if check.answered:
            self._retry_s = self._config.retry_s
            answer = ServiceReach(
                check.service, check.port, check.answer, check.accepted, check.answered
            )
            self.answers[check.service] = answer
            commands.append(
                ServiceTested(
                    check.service, check.port, check.answer, check.accepted, check.answered
                )
            )
        else:
            self._next_at = min(self._next_at, now + self._retry_s)
            self._retry_s = min(2 * self._retry_s, self._config.max_retry_s)
        return [*commands, *self._begin_next(now)]
