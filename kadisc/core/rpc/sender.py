"""The last steps of a decision: a query is paced, sent, sent once more; an answer is sent. All is
counted here.
"""

from __future__ import annotations

from typing import Final

from ...endpoints import Endpoint, Family, family_of
from ...wire import krpc
from ...wire.messages import METHODS, AnnouncePeer, Error, Put, Query, Reply
from ..contract.counters import Counters
from ..contract.events import Datagram
from ..contract.queries import Commands, PendingQuery, SendQuery
from ..dht import Dht
from ..limits.traffic import TrafficRule
from ..lookup.operation import LookupOperation
from ..lookup.store import StoreOperation
from ..peers.no_network import Served
from ..table.bucket import Entry
from ..table.check import Check
from .send_queue import SendQueue

COUNTING: Final = (LookupOperation, StoreOperation)
"""Owners who say in the end how many queries they took."""
NAT_MAPPING_S: Final = 120.0
"""Our router still has the mapping for an address that answered so lately."""


class Outbox:
    __slots__ = ("_counters", "_datagrams", "_dhts", "_outgoing", "_traffic")

    def __init__(
        self, outgoing: SendQueue, dhts: dict[Family, Dht], counters: Counters, traffic: TrafficRule
    ) -> None:
        self._outgoing = outgoing
        self._dhts = dhts
        self._counters = counters
        self._traffic = traffic
        self._datagrams: list[Datagram] = []

    def drain(self) -> list[Datagram]:
        drained, self._datagrams = self._datagrams, []
        return drained

    def ask(self, ask: SendQuery, now: float) -> Commands:
        """Sends the query now or lets it wait; what follows if there is no room for it."""
        if self._outgoing.is_full(ask):
            self._counters.refuse("too-many-queries")
            return ask.owner.failed(
                PendingQuery(
                    ask.endpoint, ask.expected_id, ask.query, ask.owner, b"", now, now, now, False
                ),
                None,
                now,
            )
        if self._outgoing.way.must_wait(ask, now):
            return ()
        dht = self._dhts[family_of(ask.endpoint)]
        entry = dht.table.at(ask.endpoint)
        nat_mapping_open = entry is not None and now < entry.verified_at + NAT_MAPPING_S
        if nat_mapping_open or not self._outgoing.must_wait(ask, now, nat_mapping_open=False):
            self._send_query(ask, dht, entry, now)
        return ()

    def send_query(self, ask: SendQuery, now: float) -> None:
        """It need not wait any more."""
        dht = self._dhts[family_of(ask.endpoint)]
        self._send_query(ask, dht, dht.table.at(ask.endpoint), now)

    def _send_query(self, ask: SendQuery, dht: Dht, entry: Entry | None, now: float) -> None:
        proves_reachability = dht.answer_proves_reachability(ask.endpoint, entry, now)
        payload = self._outgoing.send(
            ask,
            now,
            known_rtt_s=entry.rtt_s if entry else None,
            proves_reachability=proves_reachability,
        )
        if entry is not None:
            entry.traffic_at = now
        self._send_counted(ask, payload, now)

    def send_again(self, pending: PendingQuery, now: float) -> None:
        if isinstance(pending.owner, LookupOperation) and pending.owner.is_settled:
            return  # a late answer is still taken
        pending.transmissions += 1
        self._send_counted(pending, pending.payload, now)

    def answer(self, query: Query, answer: Reply | Error, source: Endpoint, now: float) -> None:
        if isinstance(query, (AnnouncePeer, Put)) and isinstance(answer, Reply):
            self._traffic.proved(source, now)  # its token was good, and that had been sent to it
        self.send(krpc.encode(answer), source, now)

    def say(self, served: Served, source: Endpoint, now: float) -> None:
        """What the own network has to say to a query."""
        if served.proven:
            self._traffic.proved(source, now)
        self.send(served.payload, source, now)

    def send(self, payload: bytes | None, source: Endpoint, now: float) -> None:
        """An answer; None for what may not be said at all; nor is said what a source that has
        proved nothing has no budget for.
        """
        if payload is not None and self._traffic.may_reply(len(payload), source, now):
            self._send(payload, source)

    def _send(self, payload: bytes, destination: Endpoint) -> None:
        self._counters.sent += 1
        self._counters.sent_bytes += len(payload)
        self._datagrams.append((payload, destination))

    def _send_counted(self, what: SendQuery | PendingQuery, payload: bytes, now: float) -> None:
        # A query without budget is one that is lost on its way: it is sent once more after a while,
        # and fails at its time. To fail at once would let a lookup go on to the next address that
        # an attacker named, with no pause at all.
        if not self._traffic.may_ask(len(payload), what.endpoint, now):
            return
        self._counters.query_sent(METHODS[type(what.query)])
        owner = what.owner
        if isinstance(owner, Check):
            self._counters.checks_sent += 1
        elif isinstance(owner, COUNTING):
            owner.queries += 1
        self._send(payload, what.endpoint)
