"""What a case is, and what is found by running it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .probe import ConformanceProbe
from .verdict import CaseOutcome


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    source: str
    """Where the rule is written: a BEP, or "practice" for what attacks on real nodes have taught.
    """
    proves: str
    run: Callable[[ConformanceProbe], Awaitable[str]]
    """Returns the evidence of a PASS, or raises a `CaseVerdict`."""
    prepare: Callable[[ConformanceProbe], Awaitable[None]] | None = None
    """Begins what takes a minute to show, some cases before its turn."""
    destructive: bool = False
    """The case may change a faulty node for a while, or crash it: only for nodes of one's own."""


@dataclass(frozen=True, slots=True)
class Finding:
    case: Case
    outcome: CaseOutcome
    evidence: str
