"""What a check says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class CheckVerdict(Enum):
    """The worst of all decides the exit code of ``kadisc doctor``: only a failure gives 1."""

    SKIPPED = "skipped"
    """Nothing is known: the facts could not be had, were not asked for, or follow from a failure
    that another check tells of.
    """
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"

    @property
    def has_remedy(self) -> bool:
        return self in (CheckVerdict.WARNING, CheckVerdict.FAILURE)


_ORDER = tuple(CheckVerdict)


def worst_of(verdicts: Iterable[CheckVerdict]) -> CheckVerdict:
    """``skipped`` only where there is nothing else."""
    return max(verdicts, key=_ORDER.index, default=CheckVerdict.OK)


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One plain sentence on one subject. ``about``: the subject, such as ``IPv4`` or ``tcp 30303``;
    empty for the whole node. ``remedy``: what the operator can do; for a warning and a failure, and
    for nothing else.
    """

    verdict: CheckVerdict
    about: str
    sentence: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.verdict.has_remedy != bool(self.remedy):
            raise ValueError(f"a finding has a remedy exactly if something is wrong: {self}")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All that one check found."""

    name: str
    findings: tuple[DoctorFinding, ...]

    @property
    def verdict(self) -> CheckVerdict:
        return worst_of(finding.verdict for finding in self.findings)


def ok(about: str, sentence: str) -> DoctorFinding:
    return DoctorFinding(CheckVerdict.OK, about, sentence)


def skipped(about: str, sentence: str) -> DoctorFinding:
    return DoctorFinding(CheckVerdict.SKIPPED, about, sentence)


def warning(about: str, sentence: str, remedy: str) -> DoctorFinding:
    return DoctorFinding(CheckVerdict.WARNING, about, sentence, remedy)


def failure(about: str, sentence: str, remedy: str) -> DoctorFinding:
    return DoctorFinding(CheckVerdict.FAILURE, about, sentence, remedy)
