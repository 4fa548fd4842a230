"""Flow holders: real members of the peer network that keep their flows through the NATs of others
open, to enter as strangers later.

Attack: a NAT lets in what comes from an endpoint that its host has sent to, as long as packets keep
flowing, and in most NATs those from outside count. So an attacker that was contacted once answers
no more, sends junk every 20 seconds, and waits until the host has forgotten it. Then an attacker
that is asked for help with a test names the forgotten one as witness; its ping gets in and is
answered, and a node that no stranger reaches takes itself for reachable.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...config import CLIENT_VERSION
from ...core.core import Core
from ...endpoints import Endpoint
from ...errors import DecodeError
from ...wire import krpc
from ...wire.messages import Ping, Reach, ReachResult, Reply
from .node_inside import NodeInside
from .reach_liar import reach_query

JUNK = b"\0"
JUNK_EVERY_S = 20.0
POLITE_S = 20.0
"""How long a holder answers a victim, so that it is known well before it falls silent."""
FORGOTTEN_AFTER_S = 40.0
"""Beyond the time after which a host is a stranger again, of which the count is coarse."""


class FlowHolders:
    """What the attackers know together. ``flush``: sends what the attacker at an endpoint has to
    send. ``stranger_s``: after how long a victim forgets a host.
    """

    def __init__(self, stranger_s: float, rng: Random, flush: Callable[[Endpoint], None]) -> None:
        self.victims: set[Endpoint] = set()
        self.members: dict[Endpoint, FlowHolder] = {}
        self.entered = 0
        """Pings that were answered by a victim, of witnesses that it had forgotten."""
        self._forgotten_s = stranger_s + FORGOTTEN_AFTER_S
        self._rng = rng
        self._flush = flush

    def asked(self, helper: FlowHolder, query: Reach, victim: Endpoint, now: float) -> None:
        """A victim asks one of them for help."""
        forgotten = [
            each
            for each in self.members.values()
            if each.is_holder_of(victim)
            and victim in each.heard_at
            and each.heard_at[victim] < now - self._forgotten_s
        ]
        if forgotten:
            witness = self._rng.choice(forgotten)
            witness.ping(query, victim, helper)
            self._flush(witness.endpoint)

    def answered(
        self, helper: FlowHolder, query: Reach, witness: Endpoint, victim: Endpoint
    ) -> None:
        self.entered += 1
        helper.confirm(query, witness, victim)
        self._flush(helper.endpoint)


class FlowHolder(NodeInside):
    def __init__(self, node: Core, number: int, group: FlowHolders) -> None:
        super().__init__(node)
        self._number = number
        self._group = group
        self._pinged: dict[bytes, tuple[Reach, FlowHolder]] = {}
        self._first_heard_at: dict[Endpoint, float] = {}
        self.heard_at: dict[Endpoint, float] = {}
        """When each victim has sent something to this one last."""
        self._junk_at = 0.0
        self._now = 0.0

    def is_holder_of(self, victim: Endpoint) -> bool:
        """Whether it holds a flow to that victim. Towards the others it helps, and answers."""
        return (self._number + victim[-1]) % 2 == 0

    def ping(self, query: Reach, victim: Endpoint, helper: FlowHolder) -> None:
        self._pinged[query.nonce[:4]] = query, helper
        self.send(Ping(query.nonce[:4], self.own_id, query.nonce, version=CLIENT_VERSION), victim)

    def confirm(self, query: Reach, witness: Endpoint, victim: Endpoint) -> None:
        result = ReachResult(ok=True, witness=witness)
        self.send(
            Reply(query.tid, self.own_id, seen_as=victim, version=CLIENT_VERSION, reach=result),
            victim,
        )

    def intercepts(self, payload: bytes, source: Endpoint, now: float) -> bool:
        self._now = now
        if source not in self._group.victims:
            return False
        first = self._first_heard_at.setdefault(source, now)
        if not self.is_holder_of(source):
            query = reach_query(payload)
            if isinstance(query, Reach):
                self._group.asked(self, query, source, now)
                return True
            return False
        self.heard_at[source] = now
        self._note_answer(payload, source)
        return now > first + POLITE_S

    def passed_on(self, payload: bytes, destination: Endpoint) -> bytes | None:
        first = self._first_heard_at.get(destination)
        if first is not None and self.is_holder_of(destination) and self._now > first + POLITE_S:
            return None
        return payload

    def tick(self, now: float) -> None:
        self._now = now
        if now >= self._junk_at:
            self._junk_at = now + JUNK_EVERY_S
            self._outbox += [(JUNK, victim) for victim in self.heard_at]
        if now >= self.node.next_deadline():
            self.node.tick(now)

    def next_deadline(self) -> float:
        return min(self._junk_at, self.node.next_deadline())

    def _note_answer(self, payload: bytes, victim: Endpoint) -> None:
        try:
            message = krpc.decode(payload)
        except DecodeError:
            return
        pinged = self._pinged.pop(message.tid, None) if isinstance(message, Reply) else None
        if pinged is not None:
            query, helper = pinged
            self._group.answered(helper, query, self.endpoint, victim)
