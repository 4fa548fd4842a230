"""How a case ends: its outcome, and the exceptions by which a case reports anything but a PASS."""

from __future__ import annotations

import enum


class CaseOutcome(enum.Enum):
    PASS = "pass"
    WARN = "warn"  # forbidden nowhere, but other implementations rely on something else
    FAIL = "fail"
    SKIP = "skip"  # cannot be observed from here, or the node does not support it


class CaseVerdict(Exception):
    """Ends a case with ``outcome``; the text is the evidence."""

    outcome = CaseOutcome.FAIL


class Failed(CaseVerdict):
    outcome = CaseOutcome.FAIL


class Warned(CaseVerdict):
    outcome = CaseOutcome.WARN


class Skipped(CaseVerdict):
    outcome = CaseOutcome.SKIP
