"""What must hold whatever the network does: each oracle is told of what goes in and out, and raises
`Broken`.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.contract import purposes
from kadisc.core.contract.events import Event, Finished, OperationId
from kadisc.core.contract.queries import PendingQuery
from kadisc.core.core import Core
from kadisc.core.limits.budget import ROUNDING_S
from kadisc.core.limits.proven_budget import FREE_SHARE, WINDOW_S
from kadisc.endpoints import Endpoint, Family, family_of
from kadisc.wire.compact import contacts_from
from kadisc.wire.messages import Error, FindNode, Ping, Query, Reply

SPACING_S: Final = 10.0
"""Between two first transmissions of separate checks or gossip exchanges to one endpoint."""
MAINTENANCE: Final = (
    purposes.CONTACT_CHECK,
    purposes.CONTACT_RETRY,
    purposes.CANDIDATE_CHECK,
    purposes.GOSSIP_CANDIDATE,
    purposes.GOSSIP_PULL,
    purposes.GOSSIP_PUSH,
    purposes.GOSSIP_RECHECK,
)
REMEMBERED: Final = 2000
"""Endpoints, and transactions, that an oracle remembers."""


class Broken(AssertionError):
    """Something does not hold. The text has no numbers before its first colon: failures of one kind
    are told from others by that part.
    """


def require(holds: bool, kind: str, what: object = "") -> None:
    if not holds:
        raise Broken(f"{kind}: {what}")


@dataclass
class Ends:
    """Every operation ends in one terminal event."""

    started: list[OperationId] = field(default_factory=list)
    ended: Counter[OperationId] = field(default_factory=Counter)

    def happened(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.ended[event.operation] += 1
            require(
                self.ended[event.operation] == 1,
                f"an operation ended twice, in {type(event).__name__}",
                event,
            )

    def running(self) -> list[OperationId]:
        return [each for each in self.started if each not in self.ended]

    def all_over(self, why: str) -> None:
        require(not self.running(), f"an operation has not ended {why}", self.running())


class Pace:
    """Queries of maintenance to one endpoint: the first transmissions of separate exchanges are
    `SPACING_S` apart. Later stages of a gossip exchange belong to the first one, and lookups and
    queries of callers do not count. A gossip exchange for which an application waits need not wait,
    but there are few of these as well.
    """

    URGENT: Final = 4
    """Of them within `SPACING_S`."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._seen: dict[tuple[bytes, Endpoint], None] = {}
        self._began: dict[Endpoint, tuple[float, object, str]] = {}
        self._urgent: dict[Endpoint, list[tuple[float, object]]] = {}

    def clear(self) -> None:
        """The clock went back, or the node was restarted."""
        self._began.clear()
        self._urgent.clear()

    def sent(self, pending: PendingQuery, tid: bytes) -> None:
        now = pending.sent_at  # the datagram may have been left out at first, for want of budget
        endpoint, purpose = pending.endpoint, pending.command.purpose
        if not self._is_on or purpose not in MAINTENANCE or (tid, endpoint) in self._seen:
            return
        self._seen[tid, endpoint] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        at, owner, what = self._began.get(endpoint, (-1e9, None, ""))
        urgent = [each for each in self._urgent.get(endpoint, ()) if each[0] > now - SPACING_S]
        if owner is pending.owner or any(each[1] is pending.owner for each in urgent):
            return
        if purpose.startswith("gossip") and not pending.command.spaced:
            self._urgent[endpoint] = urgent = [*urgent, (now, pending.owner)]
            require(len(urgent) <= self.URGENT, "too many urgent exchanges with one endpoint", now)
            return
        require(
            now - at >= SPACING_S - 1e-6,
            "two queries of maintenance to one endpoint within ten seconds",
            f"{what} and {purpose} after {now - at:.3f} s",
        )
        self._began[endpoint] = now, pending.owner, purpose
        if len(self._began) > REMEMBERED:
            del self._began[next(iter(self._began))]


@dataclass
class _Allowance:
    left: float
    at: float
    is_proven: bool = False


class Admission:
    """From one endpoint no more queries are read than its own budgets allow, whatever they hold:
    that of its host, and if it has ever proved anything in this run, that of a proven endpoint as
    well. Pings with a number that the node may wait for are exempt.
    """

    def __init__(self, config: CoreConfig) -> None:
        limits = config.limits
        self._host = limits.host_queries_per_s, limits.host_query_burst
        # Of what proven endpoints ask, a little is not counted in each window.
        free = FREE_SHARE * limits.proven_host_queries_per_s * WINDOW_S
        self._proven = (
            limits.proven_queries_per_s + free / WINDOW_S,
            limits.proven_query_burst + free,
        )
        # Without that defence a query makes its source a contact, and contacts are proven.
        self._admits_all = not config.defences.verified_admission
        self.is_on = config.defences.traffic_limits and not config.unlimited
        if not config.defences.proven_sources:
            self._proven = (0.0, 0.0)
        elif not config.defences.proven_budgets:
            self._proven = (1e12, 1e12)
        self._allowances: dict[Endpoint, _Allowance] = {}

    def clear(self) -> None:
        self._allowances.clear()

    def proved(self, source: Endpoint, now: float) -> None:
        allowance = self._of(source, now)
        if not allowance.is_proven:
            allowance.is_proven = True
            allowance.left += self._proven[1]

    def query_read(self, query: Query, source: Endpoint, now: float) -> None:
        if getattr(query, "token", None) or query.asker_token is not None or self._admits_all:
            self.proved(source, now)
        if not self.is_on or (isinstance(query, Ping) and query.nonce is not None):
            return
        allowance = self._of(source, now)
        allowance.left -= 1
        rate, burst = self._rates(allowance)
        require(
            allowance.left > -2 - 0.01 * burst - ROUNDING_S * rate,
            "more queries of one endpoint were read than its budgets allow",
            f"{allowance}, {type(query).__name__}",
        )

    def _rates(self, allowance: _Allowance) -> tuple[float, float]:
        (rate, burst), (more, at_once) = self._host, self._proven
        return (rate + more, burst + at_once) if allowance.is_proven else (rate, burst)

    def _of(self, source: Endpoint, now: float) -> _Allowance:
        if len(self._allowances) > REMEMBERED:
            self._allowances.clear()
        allowance = self._allowances.setdefault(source, _Allowance(self._host[1], now))
        rate, burst = self._rates(allowance)
        allowance.left = min(burst, allowance.left + rate * max(0.0, now - allowance.at))
        allowance.at = now
        return allowance


class ErrorsAlone:
    """A contact that answers find_node with an error is not returned to others, and one that
    answers with errors alone loses its place in the table: after so many spaced ones as evict, and
    one more, it is not there.
    """

    def __init__(self, config: CoreConfig) -> None:
        maintenance = config.maintenance
        self._enough = maintenance.failures_to_evict + 1
        self._spacing_s = maintenance.retry_after_failure_s / 2
        self._errors: dict[Endpoint, tuple[int, float]] = {}
        self.kept: set[Endpoint] = set()
        """Static peers: they stay whatever they answer."""

    def clear(self) -> None:
        self._errors.clear()

    def answered(
        self, core: Core, answer: Reply | Error, pending: PendingQuery, source: Endpoint, now: float
    ) -> None:
        """The core has taken the answer to one of its queries."""
        if isinstance(answer, Reply) or source in self.kept:
            self._errors.pop(source, None)
            return
        entry = core.dhts[family_of(source)].table.at(source)
        if entry is None:
            self._errors.pop(source, None)
            return
        if (
            not isinstance(pending.command.query, FindNode)
            or pending.command.expected_id not in (None, entry.id)
            or entry.verified_at > pending.sent_at
        ):
            return
        # A failure soon after the last one is not counted, also where an answer came in between.
        require(
            entry.failures > 0 or now < entry.failed_at + self._spacing_s,
            "a contact that answered with an error is returned to others",
            entry,
        )
        times, last = self._errors.get(source, (0, -1e9))
        if now < last + self._spacing_s:
            return
        self._errors[source] = times + 1, now
        if len(self._errors) > REMEMBERED:
            del self._errors[next(iter(self._errors))]
        require(
            times + 1 <= self._enough,
            "a contact that answers with errors alone keeps its place",
            f"{times + 1} errors, {entry}",
        )


class Answers:
    """No answer is longer than allowed, and none names a contact that has never answered."""

    def __init__(self, config: CoreConfig) -> None:
        defences = config.defences
        self._max_bytes = max(config.serving.max_answer_bytes, config.store.max_answer_bytes)
        self._is_bounded = defences.bounded_answers
        self._only_verified = defences.verified_admission and defences.exact_matching
        self.answered: set[Contact] = set()

    def sent(self, message: Reply, payload: bytes) -> None:
        require(
            # That of gossip has a bound of its own: the length of the query.
            len(payload) <= self._max_bytes or not self._is_bounded or message.news is not None,
            "an answer is too long",
            f"{len(payload)} bytes",
        )
        if not self._only_verified:
            return
        for family, packed in ((Family.IPV4, message.nodes), (Family.IPV6, message.nodes6)):
            for contact in contacts_from(packed or b"", family):
                require(
                    contact in self.answered,
                    "an answer names a contact that has never answered",
                    contact,
                )


class Clockwork:
    """Time: a tick makes the next deadline a later one, so that nothing goes round for ever."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=3)

    def ticked(self, core: Core, now: float) -> None:
        deadline = core.next_deadline()
        require(
            deadline > now,
            "the deadline stays where it is after a tick",
            f"{deadline!r} at {now!r}",
        )
