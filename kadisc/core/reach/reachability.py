"""The reachability of the node in one address family: the verdict on the endpoint that others see
it at (S) and on that of a port mapping (M).
"""

from __future__ import annotations

from ...config import CoreConfig
from ...endpoints import Endpoint, Family
from ...wire.messages import Error, Reply
from ..contract.conduct import Conduct
from ..contract.queries import NO_COMMANDS, Commands, PendingQuery, QueryFailure, SendQuery
from ..contract.reach_verdict import ReachVerdict
from ..contract.times import FOREVER
from .reach_snapshot import ReachSnapshot


class Reachability:
    """Owns the conduct of its family, and the queries that test it."""

    def __init__(self, family: Family, config: CoreConfig, conduct: Conduct) -> None:
        self.family = family
        self.conduct = conduct
        self._config = config.reach
        self.verdict = ReachVerdict.UNKNOWN
        self.deadline = FOREVER

    def ping_received(
        self, nonce: bytes, source: Endpoint, is_stranger: bool, now: float
    ) -> Commands:
        """A ping with a number that may be one of this node's; told before it is answered."""
        return NO_COMMANDS

    def query_received(self, source: Endpoint, is_stranger: bool, now: float) -> Commands:
        """A well-formed query of any kind, told before it is answered."""
        return NO_COMMANDS

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        return NO_COMMANDS

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        return NO_COMMANDS

    def address_changed(self, now: float) -> Commands:
        """The votes on the own endpoint decided something new."""
        return NO_COMMANDS

    def mapped(self, endpoint: Endpoint | None, now: float) -> Commands:
        """The router maps this endpoint to the node's socket; None: no longer."""
        return NO_COMMANDS

    def network_changed(self, now: float) -> Commands:
        """The addresses or the link changed, or the machine slept."""
        return NO_COMMANDS

    def tick(self, now: float) -> Commands:
        return NO_COMMANDS

    def snapshot(self, now: float) -> ReachSnapshot:
        return ReachSnapshot(
            family=self.family,
            verdict=self.verdict,
            endpoint=None,
            how=None,
            nat="unknown",
            proven_s_ago=None,
            one_way=False,
            helpers=0,
            helpers_needed=self._config.misses,
            is_testing=False,
        )
