"""The text of ``kadisc doctor``."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Final

from ..observe.describe import count
from ..text import MAX_MESSAGE, one_line
from .output import show, show_text, wants_color

if TYPE_CHECKING:
    from ..control.methods.doctor import FindingDocument
    from .examination import DoctorReport

_VERDICT: Final = 6
_CHECK: Final = 11
"""Widths of the first two columns."""
_WORDS: Final = {"ok": "ok", "warning": "warn", "failure": "FAIL", "skipped": "-"}
_COLORS: Final = {"ok": "32", "warning": "33", "failure": "31", "skipped": "2"}
_MAX_COLUMNS: Final = 100
_MAX_NAMED: Final = 4


def print_report(document: DoctorReport) -> None:
    """Prints a line for each finding, below it the remedy, and a summary."""
    width = min(shutil.get_terminal_size().columns, _MAX_COLUMNS)
    for check in document.checks:
        for finding in check.findings:
            _print_finding(check.check, finding, width)
    verdicts = [each.verdict for check in document.checks for each in check.findings]
    warnings, failures = verdicts.count("warning"), verdicts.count("failure")
    last = f"{count(warnings, 'warning')}, {count(failures, 'failure')}"
    wrong = "failure" if failures else "warning"
    names = [check.check for check in document.checks if check.verdict == wrong]
    if names:
        only = " ".join(f"--only {name}" for name in names[:_MAX_NAMED])
        last += f"; kadisc doctor {only} looks again"
    show(last)


def _print_finding(check: str, finding: FindingDocument, width: int) -> None:
    about = f"{finding.about}: " if finding.about else ""
    lines = _wrapped(f"{about}{finding.sentence}", width)
    verdict = f"{_WORDS.get(finding.verdict, finding.verdict):<{_VERDICT}}"
    if wants_color(sys.stdout):
        verdict = f"\x1b[{_COLORS.get(finding.verdict, '0')}m{verdict}\x1b[0m"
    show_text(f"{verdict}{check:<{_CHECK}}{lines[0]}")
    for line in [*lines[1:], *(_wrapped(f"-> {finding.remedy}", width) if finding.remedy else ())]:
        show(" " * (_VERDICT + _CHECK) + line)


def _wrapped(text: str, width: int) -> list[str]:
    """On lines that fit beside the verdict; addresses are not broken."""
    room = max(40, width - _VERDICT - _CHECK)
    return textwrap.wrap(
        one_line(text, MAX_MESSAGE), room, break_long_words=False, break_on_hyphens=False
    ) or [""]
