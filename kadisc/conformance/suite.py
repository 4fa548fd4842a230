"""All cases in the order in which they run: those that could change the node under test come late,
those that could crash it last.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from ..endpoints import Scope, scope_of
from ..errors import UsageError
from .case import Case, Finding
from .cases import (
    amplification,
    answers,
    changing_ids,
    conduct,
    errors,
    floods,
    framing,
    full_store,
    identity,
    items,
    malformed,
    tokens,
    want,
)
from .probe import ConformanceProbe
from .verdict import CaseOutcome, CaseVerdict, Skipped

LOOK_AHEAD = 3
"""A case is prepared so many cases before its turn: after those of `conduct.py`, which count what
the node keeps of the sources.
"""

CASES: tuple[Case, ...] = (
    *framing.CASES,
    *identity.CASES,
    *answers.CASES,
    *want.CASES,
    *errors.CASES,
    *tokens.CASES,
    *items.CASES,
    *amplification.CASES,
    *malformed.CASES,
    *conduct.CASES,
    *floods.CASES,
    *full_store.CASES,
    *changing_ids.CASES,
    *malformed.CRASH_CASES,
)


def chosen(names: Sequence[str]) -> tuple[Case, ...]:
    """The cases of these names in their usual order; all cases if no name is given. Raises
    UsageError for an unknown name.
    """
    known = [case.name for case in CASES]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "see kadisc conformance --list"
            raise UsageError(f"there is no case {name}; {hint}")
    return tuple(case for case in CASES if not names or case.name in names)


async def run_suite(
    probe: ConformanceProbe,
    cases: Sequence[Case],
    *,
    destructive: bool = False,
    progress: Callable[[int, Case], None] = lambda index, case: None,
) -> list[Finding]:
    """Runs the cases one after the other, after a first ping. ``destructive``: also those that may
    crash a faulty node; against a node on loopback they always run.

    Raises NoAnswer if the node does not answer at all.
    """
    await probe.meet()
    destructive = destructive or scope_of(probe.target) is Scope.LOOPBACK
    findings: list[Finding] = []
    silenced_by = ""
    prepared: list[Case] = []
    for index, case in enumerate(cases):
        progress(index, case)
        for coming in cases[index : index + LOOK_AHEAD + 1] if destructive else ():
            if coming.prepare is not None and coming not in prepared:
                prepared.append(coming)
                await coming.prepare(probe)
        if silenced_by:
            findings.append(
                Finding(case, CaseOutcome.SKIP, f"the node has not answered since {silenced_by}")
            )
            continue
        findings.append(await _judge(case, probe, destructive=destructive))
        # A crash is the failure of one case, not of every case that follows.
        if findings[-1].outcome is CaseOutcome.FAIL and await probe.ask("ping") is None:
            silenced_by = case.name
    return findings


async def _judge(case: Case, probe: ConformanceProbe, *, destructive: bool) -> Finding:
    try:
        if case.destructive and not destructive:
            raise Skipped("may harm a faulty node: only with --destructive")
        return Finding(case, CaseOutcome.PASS, await case.run(probe))
    except CaseVerdict as verdict:
        return Finding(case, verdict.outcome, str(verdict))
