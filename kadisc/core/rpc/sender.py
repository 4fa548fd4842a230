"""The last steps towards the network: queries are paced, sent and sent once more, answers are sent.
Everything that leaves the node is counted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ...endpoints import Endpoint, Family, family_of
from ...wire.messages import METHODS
from ..addressing.policy import AddressPolicy
from ..contract.counters import Counters
from ..contract.events import Datagram
from ..contract.queries import Commands, PendingQuery, QueryFailure, SendQuery
from ..limits.contacted import ContactedHostsRule
from ..limits.traffic import TrafficRule
from .send_queue import SendQueue


class Destinations(Protocol):
    """What the sender asks of the contacts of one address family (see `Dht`)."""

    def has_nat_mapping(self, endpoint: Endpoint, now: float) -> bool:
        """Whether a router before this node surely has a mapping for that endpoint."""
        ...

    def sending_to(self, endpoint: Endpoint, now: float) -> tuple[float | None, bool]:
        """Notes that a query goes there now. Returns the round-trip time of that contact in
        seconds (None if it is not known), and whether an answer proves that the contact can be
        reached by nodes that it did not contact first.
        """
        ...


class Sender:
    __slots__ = (
        "_contacted",
        "_counters",
        "_datagrams",
        "_destinations",
        "_queue",
        "_scopes",
        "_traffic",
    )

    def __init__(
        self,
        queue: SendQueue,
        destinations: Mapping[Family, Destinations],
        counters: Counters,
        traffic: TrafficRule,
        contacted: ContactedHostsRule,
        scopes: AddressPolicy,
    ) -> None:
        self._scopes = scopes
        self._queue = queue
        self._destinations = destinations
        self._counters = counters
        self._traffic = traffic
        self._contacted = contacted
        self._datagrams: list[Datagram] = []

    def drain(self) -> list[Datagram]:
        drained, self._datagrams = self._datagrams, []
        return drained

    def submit(self, command: SendQuery, now: float) -> Commands:
        """Sends the query now or queues it. Returns the commands that follow where the queues are
        full, or the operator excludes its endpoint.
        """
        if self._scopes.bars_any and self._scopes.is_barred(command.endpoint):
            return self._barred(command, now)
        if self._queue.is_full(command):
            self._counters.refuse("too-many-queries")
            return command.owner.failed(command, QueryFailure.NOT_SENT, now)
        if (command.spaced and self._queue.too_soon(command, now)) or (
            command.background and self._queue.join_yield.must_wait(command, now)
        ):
            return ()
        destinations = self._destinations[family_of(command.endpoint)]
        nat_mapping_open = destinations.has_nat_mapping(command.endpoint, now)
        if nat_mapping_open or not self._queue.must_wait(command, now, nat_mapping_open=False):
            self._send_query(command, destinations, now)
        return ()

    def send_query(self, command: SendQuery, now: float) -> Commands:
        """Sends a query that need not wait, or not any longer. Returns the commands that follow
        where the operator has excluded its endpoint meanwhile.
        """
        if self._scopes.bars_any and self._scopes.is_barred(command.endpoint):
            return self._barred(command, now)
        if command.spaced and self._queue.too_soon(command, now):
            return ()  # another one was sent while this one waited for its turn
        self._send_query(command, self._destinations[family_of(command.endpoint)], now)
        return ()

    def _barred(self, command: SendQuery, now: float) -> Commands:
        self._counters.refuse("barred-destination")
        return command.owner.failed(command, QueryFailure.NOT_SENT, now)

    def _send_query(self, command: SendQuery, destinations: Destinations, now: float) -> None:
        rtt_s, proves_reachability = destinations.sending_to(command.endpoint, now)
        payload = self._queue.send(
            command, now, known_rtt_s=rtt_s, proves_reachability=proves_reachability
        )
        self._send_counted(command, payload, now)

    def send_again(self, pending: PendingQuery, now: float) -> None:
        """Retransmits a stalled query, unless its operation has what it needs."""
        group = pending.command.group
        if group is not None and not group.retransmit:
            return
        pending.transmissions += 1
        self._counters.retransmissions += 1
        self._send_counted(pending.command, pending.payload, now)

    def reply(self, payload: bytes | None, source: Endpoint, now: float) -> None:
        """Sends an answer, unless it is None, or ``source`` has not proven its endpoint and has no
        reply budget left.
        """
        if payload is not None and self._traffic.may_reply(len(payload), source, now):
            self._send(payload, source, now)
        else:
            self._contacted.received_from(source, now)

    def reply_to_probe(self, payload: bytes, source: Endpoint, now: float) -> None:
        """Answers the ping of a witness that a test waits for: there are few of them, each is
        answered once, and without the answer the test fails.
        """
        self._send(payload, source, now)

    def proved(self, source: Endpoint, now: float) -> None:
        """A query from ``source`` had a token that was sent there: the address is not forged."""
        self._traffic.proved(source, now)

    def _send(self, payload: bytes, destination: Endpoint, now: float) -> None:
        self._counters.sent += 1
        self._counters.sent_bytes += len(payload)
        self._contacted.sent_to(destination, now)
        self._datagrams.append((payload, destination))

    def _send_counted(self, command: SendQuery, payload: bytes, now: float) -> None:
        # A query without budget is treated as lost on its way: it is sent once more after a while
        # and fails at its time-out. Were it to fail at once, a lookup would go on to the next
        # address that an attacker named without any pause.
        if not self._traffic.may_ask(len(payload), command.endpoint, now):
            return
        self._counters.query_sent(METHODS[type(command.query)], command.purpose)
        if command.group is not None:
            command.group.queries += 1
        self._send(payload, command.endpoint, now)
