"""The base class of adversaries: it takes the place of a node and keeps the core's interface
towards the world, but not its promises to other nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import ClassVar, cast

from ...contacts import Contact
from ...core.contract.events import Datagram, Event
from ...core.core import Core
from ...core.dht import Dht
from ...endpoints import Endpoint, Family
from ...errors import DecodeError
from ...ids import NodeId
from ...wire import krpc
from ...wire.compact import pack_contacts
from ...wire.messages import Message, Query, Reply
from ..model.host import Host
from ..model.population import Residence


def name(reply: Reply, contacts: Sequence[Contact]) -> Reply:
    """Puts the contacts, all of one family, into the field of their family."""
    if contacts and contacts[0].family is Family.IPV6:
        reply.nodes6 = pack_contacts(contacts)
    else:
        reply.nodes = pack_contacts(contacts)
    return reply


class Adversary:
    """Decodes what comes in; ``asked`` decides on the answer, which need not be true."""

    dhts: Mapping[Family, Dht] = {}
    """Empty, unless the adversary contains a real node."""

    def __init__(self, own_id: NodeId) -> None:
        self.own_id = own_id
        self.endpoint = Endpoint(b"")
        """The address of its host; set when the host is created."""
        self._outbox: list[Datagram] = []

    def asked(self, query: Query, source: Endpoint, now: float) -> Reply | None:
        """The answer to a query, or None for no answer."""
        raise NotImplementedError

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        try:
            message = krpc.decode(payload)
        except DecodeError:
            return
        if isinstance(message, Query):
            reply = self.asked(message, source, now)
            if reply is not None:
                self.send(reply, source)
        elif isinstance(message, Reply):
            self.answered(message, source, now)

    def answered(self, reply: Reply, source: Endpoint, now: float) -> None:
        """A reply has come in, solicited or not."""

    def send(self, message: Message, destination: Endpoint) -> None:
        self._outbox.append((krpc.encode(message), destination))

    def tick(self, now: float) -> None:
        pass

    def next_deadline(self) -> float:
        return inf

    def drain_outbox(self) -> list[Datagram]:
        drained, self._outbox = self._outbox, []
        return drained

    def drain_events(self) -> list[Event]:
        return []


class AdversaryHost(Host):
    __slots__ = ()
    honest: ClassVar[bool] = False

    def __init__(
        self, number: int, residence: Residence, adversary: Adversary, up_since: float
    ) -> None:
        # The world uses the common interface alone; what looks deeper looks at honest hosts only.
        super().__init__(number, residence, None, cast(Core, adversary), up_since)
        adversary.endpoint = residence.endpoint

    @property
    def id(self) -> NodeId:
        return cast(Adversary, self.node).own_id
