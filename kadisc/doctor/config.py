"""The check ``config``: whether the configuration file can be used, and its values go together."""

from __future__ import annotations

from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped, warning
from .machine import MachineFacts, Unknown

MAX_TOLD = 8
"""Faults that are told one by one."""


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.config
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    found = [
        failure(
            "",
            f"line {each.line}: {each.text}" if each.line is not None else each.text,
            f"mend it in {known.path}: kadisc run refuses the file as it is",
        )
        for each in known.faults[:MAX_TOLD]
    ]
    if (more := len(known.faults) - MAX_TOLD) > 0:
        found.append(failure("", f"{more} more of the kind", f"mend them in {known.path}"))
    found += [warning("", each.words, each.remedy) for each in known.contradictions]
    if found:
        return tuple(found)
    if known.path is None:
        return (ok("", "there is no configuration file: options and defaults hold"),)
    return (ok("", f"{known.path} can be used"),)


CONFIG = DoctorCheck("config", look=look, needs=("config",))
