"""What a check says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from .facts import DoctorFacts


class CheckVerdict(Enum):
    """The worst of all decides the exit code of ``kadisc doctor``: only a failure gives 1."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


_ORDER = tuple(CheckVerdict)


def worst_of(verdicts: Iterable[CheckVerdict]) -> CheckVerdict:
    return max(verdicts, key=_ORDER.index, default=CheckVerdict.OK)


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One plain sentence on one subject. ``about``: the subject, such as ``IPv4`` or ``tcp 30303``;
    empty for the whole node. ``remedy``: what the operator can do; empty exactly if the verdict is
    ok.
    """

    verdict: CheckVerdict
    about: str
    sentence: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.verdict is CheckVerdict.OK) == bool(self.remedy):
            raise ValueError(f"a finding has a remedy exactly if it is not ok: {self}")


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """``find`` is a pure function: the same facts give the same findings, at least one."""

    name: str
    find: Callable[[DoctorFacts], tuple[DoctorFinding, ...]]


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


def warning(about: str, sentence: str, remedy: str) -> DoctorFinding:
    return DoctorFinding(CheckVerdict.WARNING, about, sentence, remedy)


def failure(about: str, sentence: str, remedy: str) -> DoctorFinding:
    return DoctorFinding(CheckVerdict.FAILURE, about, sentence, remedy)
