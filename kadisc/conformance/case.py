"""What a case is, and how it ends."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .probe import Probe


class Outcome(enum.Enum):
    PASS = "pass"
    WARN = "warn"  # allowed, or nowhere forbidden, and yet not what others count on
    FAIL = "fail"
    SKIP = "skip"  # cannot be told here, or the node does not offer it


class Verdict(Exception):
    """How a case ends other than by a PASS; the text is the evidence."""

    outcome = Outcome.FAIL


class Fault(Verdict):
    outcome = Outcome.FAIL


class Doubt(Verdict):
    outcome = Outcome.WARN


class Skip(Verdict):
    outcome = Outcome.SKIP


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    source: str
    """Where it is said: a BEP, or "practice" for what attacks on real nodes have taught."""
    proves: str
    run: Callable[[Probe], Awaitable[str]]
    """Returns the evidence of a PASS, or raises a `Verdict`."""
    harms: bool = False
    """A faulty node comes out of it changed for a while, or not at all, so it is for nodes of one's
    own.
    """


@dataclass(frozen=True, slots=True)
class Finding:
    case: Case
    outcome: Outcome
    evidence: str
