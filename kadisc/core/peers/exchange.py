"""One exchange of gossip with one endpoint, from the wish to its end: the owner of its queries."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from ...endpoints import Endpoint
from ...wire.messages import Error, Reply
from ..contract.events import OperationId, Outcome, PeerChecked
from ..contract.queries import NO_COMMANDS, Commands, PendingQuery, QueryFailure, SendQuery
from ..contract.verified_peer import VerifiedPeer
from .candidates import Candidate


class Stage(Enum):
    PING = "ping"  # is anybody there, and does it speak gossip?
    MEET = "meet"  # its record and a token, for a query as long as the answer
    TALK = "talk"  # with its token: our record for its peers


class Why(Enum):
    CHECK = "check"  # of a candidate, that proves itself or not
    PULL = "pull"
    PUSH = "push"
    RECHECK = "recheck"  # is it still there?
    ASKED = "asked"  # by a caller, who waits for the end


class GossipOwner(Protocol):
    def answered(
        self, exchange: GossipExchange, pending: PendingQuery, reply: Reply, now: float
    ) -> Commands: ...

    def failed(
        self, exchange: GossipExchange, reason: Error | QueryFailure, now: float
    ) -> Commands: ...

    def abandoned(self, exchange: GossipExchange) -> None:
        """Whoever asked for it does not want it any more; its answer will not come here."""
        ...


class GossipExchange:
    """``want``: peers to ask for, once there is a token; ``pushes``: whether our record goes with
    that.
    """

    __slots__ = (
        "_gossip",
        "_operation",
        "candidate",
        "endpoint",
        "is_its_turn",
        "pushes",
        "stage",
        "want",
        "why",
    )

    def __init__(
        self,
        gossip: GossipOwner,
        endpoint: Endpoint,
        why: Why,
        stage: Stage,
        *,
        want: int = 0,
        pushes: bool = False,
        candidate: Candidate | None = None,
        operation: OperationId | None = None,
        is_its_turn: bool = False,
    ) -> None:
        """``is_its_turn``: of all that are looked after, not for what it did itself."""
        self._gossip = gossip
        self._operation = operation
        self.endpoint = endpoint
        self.why = why
        self.stage = stage
        self.want = want
        self.pushes = pushes
        self.candidate = candidate
        self.is_its_turn = is_its_turn

    @property
    def has_more_to_say(self) -> bool:
        return self.want > 0 or self.pushes

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        return self._gossip.answered(self, pending, reply, now)

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        return self._gossip.failed(self, reason, now)

    @property
    def owners(self) -> tuple[object, ...]:
        return (self,)

    # --- as an operation, where a caller waits ----------------------------------------------------

    def end(self, outcome: Outcome, now: float) -> Commands:
        self._gossip.abandoned(self)
        return self.finished(outcome, None)

    def finished(
        self, outcome: Outcome, peer: VerifiedPeer | None, reason: str | None = None
    ) -> Commands:
        """The terminal event, once."""
        operation, self._operation = self._operation, None
        return (
            [PeerChecked(operation, outcome, self.endpoint, peer, reason)]
            if operation is not None
            else NO_COMMANDS
        )
