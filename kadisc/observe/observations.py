"""What the views of a node show beside its contacts and peers: as values that can cross the control
socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..core.snapshot import OperationSnapshot
from ..endpoints import Family
from ..ids import format_id
from .address_state import AddressState
from .feed_states import FeedState
from .limit_rows import LimitRow
from .lookup_history import FinishedLookup
from .loudest import LoudSubnet


@dataclass(frozen=True, slots=True)
class RunningLookup:
    """``what``: the method of a lookup, ``announce_peer`` or ``put``. ``target``: 40 hex digits.
    ``operation``: its number. ``purpose``: what its queries are counted as. ``answered``: nodes so
    far; ``queries``: datagrams.
    """

    what: str
    target: str
    family: Family
    purpose: str
    elapsed_s: float
    answered: int
    queries: int
    operation: int


@dataclass(frozen=True, slots=True)
class Observations:
    """``running``: lookups in flight, the newest first; ``finished``: the last 50, the newest
    first. ``pings`` and ``checks``: other operations in flight. ``limits``: those in force;
    ``limits_lifted``: they only count (``--unlimited``). ``loudest``: the subnets that sent most
    lately. ``addresses``: one for each family. ``feeds``: what each connected ``kadisc feed`` told.
    """

    running: tuple[RunningLookup, ...] = ()
    finished: tuple[FinishedLookup, ...] = ()
    pings: int = 0
    checks: int = 0
    limits: tuple[LimitRow, ...] = ()
    limits_lifted: bool = False
    loudest: tuple[LoudSubnet, ...] = ()
    addresses: tuple[AddressState, ...] = ()
    feeds: tuple[FeedState, ...] = ()


NOTHING_OBSERVED: Final = Observations()


def running_lookups(operations: tuple[OperationSnapshot, ...]) -> tuple[RunningLookup, ...]:
    """The lookups among the operations, the newest first."""
    return tuple(
        RunningLookup(
            each.what,
            format_id(each.target),
            each.family,
            each.purpose or "",
            round(each.elapsed_s or 0.0, 3),
            each.answered,
            each.queries,
            each.operation,
        )
        for each in reversed(operations)
        if each.target is not None and each.family is not None
    )
