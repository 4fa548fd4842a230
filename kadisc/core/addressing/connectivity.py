"""Detection of being offline: while this node is cut off, the silence of others is not their fault.

Without it, a pulled cable empties the routing table in a few minutes, and the node comes back to
nothing. The only evidence of being online is a matched reply: any host can send other datagrams.

Attack: an answer names 70 addresses without a node, or nodes that never answer send queries. Each
of them is asked once and is silent. Were that evidence of being offline, a healthy node would stop
counting failures, and rejoin, as often as a stranger likes. Defence: only the silence of contacts
that answered the last query before counts, each once.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Protocol

from ...config import MaintenanceConfig
from ...endpoints import Endpoint
from ..contract.times import NEVER

TOO_FEW: Final = 2
"""One contact cannot tell a dead link from a dead contact."""


class Verdict(Enum):
    """What one more silent contact says of the own connection."""

    NOTHING = "nothing"
    DOUBT = "doubt"  # ask others, before more is concluded from it
    OFFLINE = "offline"  # from now on


class ConnectivityRule(Protocol):
    @property
    def online(self) -> bool: ...

    @property
    def missing(self) -> int: ...

    def answered(self, now: float) -> bool: ...

    def silent(self, contact: Endpoint | None, others: int, now: float) -> Verdict: ...

    def doubts(self, now: float) -> bool: ...

    def is_silent(self, contact: Endpoint) -> bool: ...

    def link_changed(self) -> None: ...

    def cut_off(self) -> bool: ...


class Connectivity:
    """The node goes offline when nothing has answered for ``offline_after_s``, and since then
    ``offline_failures`` contacts, or all where there are fewer, left a query unanswered. One answer
    of any node is enough to be online.

    Most of the contacts that happened to be asked may have left together, so half of the evidence
    must come after the first doubt, from contacts that are asked for the purpose. A node stays
    online while a single contact answers, in whatever network that contact is.
    """

    __slots__ = ("_answered_at", "_config", "_silent", "online")

    def __init__(self, config: MaintenanceConfig) -> None:
        self._config = config
        self._answered_at = NEVER
        self._silent: dict[Endpoint, None] = {}
        self.online = True

    @property
    def missing(self) -> int:
        """How many more silent contacts it takes to be offline."""
        return max(0, self._config.offline_failures - len(self._silent))

    def answered(self, now: float) -> bool:
        """A matched reply came. Returns whether the node is back online by it."""
        self._answered_at = now
        if self._silent:
            self._silent.clear()
        came_back = not self.online
        self.online = True
        return came_back

    def silent(self, contact: Endpoint | None, others: int, now: float) -> Verdict:
        """A contact left a query unanswered, or the system refused to send it. ``contact``: which
        one, if it had answered the last query before. ``others``: how many more such contacts there
        are that were not silent since the last answer.
        """
        if not self.online:
            return Verdict.NOTHING
        is_doubtful = self.doubts(now)
        most = self._config.offline_failures
        if contact and len(self._silent) < (most if is_doubtful else most // 2):
            self._silent[contact] = None
        if not is_doubtful or (len(self._silent) < TOO_FEW and not others):
            return Verdict.NOTHING
        if self.missing and others:
            return Verdict.DOUBT
        self.online = False
        self._silent.clear()
        return Verdict.OFFLINE

    def doubts(self, now: float) -> bool:
        """Whether nothing has answered for so long that one more silent contact is a reason for
        doubt.
        """
        return now >= self._answered_at + self._config.offline_after_s

    def is_silent(self, contact: Endpoint) -> bool:
        """Whether the contact was silent since the last answer."""
        return contact in self._silent

    def link_changed(self) -> None:
        """The network link of the host changed: earlier answers, and silences, prove nothing."""
        self._answered_at = NEVER
        self._silent.clear()

    def cut_off(self) -> bool:
        """The node has no socket any more. Returns whether it was online until now."""
        was_online, self.online = self.online, False
        self._silent.clear()
        return was_online
