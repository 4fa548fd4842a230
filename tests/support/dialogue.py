"""One core, and a test that plays all other nodes: the test reads what the core sends, and makes up
what the core receives.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.contract.events import Event
from kadisc.core.contract.queries import Commands, PendingQuery, QueryFailure, SendQuery
from kadisc.core.core import Core
from kadisc.core.dht import Dht
from kadisc.endpoints import Endpoint, Family, family_of
from kadisc.ids import NodeId
from kadisc.wire import compact, krpc
from kadisc.wire.messages import Error, Message, Query, Reply

from .contacts import OWN_ID
from .world import CONFIG


class Dialogue:
    def __init__(
        self,
        config: CoreConfig = CONFIG,
        *,
        families: Sequence[Family] = (Family.IPV4,),
        now: float = 0.0,
        seed: int = 1,
    ) -> None:
        self.now = now
        self.node = Core(config, random.Random(seed), dict.fromkeys(families, OWN_ID), now)
        self.happened: list[Event] = []

    @property
    def dht(self) -> Dht:
        return next(iter(self.node.dhts.values()))

    def says(self, source: Endpoint, message: Message) -> None:
        """Delivers a message to the core, as if ``source`` had sent it."""
        self.node.receive(krpc.encode(message), source, self.now)

    def hears(self) -> list[tuple[Message, Endpoint]]:
        """The messages that the core has sent since the last call, with the destinations."""
        return [
            (krpc.decode(payload), destination) for payload, destination in self.node.drain_outbox()
        ]

    def hears_queries(self) -> list[tuple[Query, Endpoint]]:
        """The queries among the messages of `hears`; the others are dropped."""
        return [
            (message, destination)
            for message, destination in self.hears()
            if isinstance(message, Query)
        ]

    def answers(
        self,
        query: Query,
        source: Endpoint,
        sender: NodeId,
        contacts: Iterable[Contact] = (),
        values: list[Endpoint] | None = None,
    ) -> None:
        """Delivers the answer of ``source`` to a query of the core."""
        nodes = compact.pack_contacts(contacts)
        if family_of(source) is Family.IPV4:
            self.says(source, Reply(query.tid, sender, nodes=nodes, values=values))
        else:
            self.says(source, Reply(query.tid, sender, nodes6=nodes, values=values))

    def events(self) -> list[Event]:
        """The events since the last call."""
        happened, self.happened = [*self.happened, *self.node.drain_events()], []
        return happened

    def waits(self, seconds: float) -> None:
        """Lets time pass: ticks at each deadline, as a shell would, and asserts that each tick
        moves the deadline on.
        """
        end = self.now + seconds
        ticks = 0
        while (deadline := self.node.next_deadline()) <= end:
            self.now = max(self.now, deadline)
            self.node.tick(self.now)
            assert self.node.next_deadline() > self.now, (
                "after tick(now) the next deadline lies after now"
            )
            ticks += 1
            assert ticks < 10_000, "the core ticks without end"
        self.now = end

    def meets(self, contacts: Iterable[Contact]) -> None:
        """Joins through the first of the contacts. All of them answer, so that all are in the table
        afterwards.
        """
        known = {contact.endpoint: contact for contact in contacts}
        self.node.join([next(iter(known))], self.now, family=self.dht.family)
        for _ in range(200):
            self.hear_out(known.values())
            self.waits(0.1)
            if len(self.dht.table) == len(known) and not self.node.operations_in_flight:
                break
        self.hears()
        assert len(self.dht.table) == len(known), "not all contacts were admitted"

    def hear_out(self, contacts: Iterable[Contact]) -> None:
        """Each of the contacts answers its queries, with all of them as contacts."""
        known = {contact.endpoint: contact for contact in contacts}
        for query, destination in self.hears_queries():
            if destination in known:
                self.answers(query, destination, known[destination].id, known.values())


class Listener:
    """An owner of queries that records what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Endpoint]] = []

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        self.heard.append(("answered", pending.endpoint))
        return ()

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        self.heard.append(("stalled", pending.endpoint))
        return ()

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        self.heard.append(("failed", command.endpoint))
        return ()
