"""All cases, in the order in which they run: what could change the node under test comes late, what
could end it last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..endpoints import Scope, scope_of
from ..errors import UsageError
from .case import Case, Finding, Outcome, Skip, Verdict
from .cases import answers, conduct, errors, framing, identity, items, malformed, tokens, want
from .probe import Probe

CASES: tuple[Case, ...] = (
    *framing.CASES,
    *identity.CASES,
    *answers.CASES,
    *want.CASES,
    *errors.CASES,
    *tokens.CASES,
    *items.CASES,
    *malformed.CASES,
    *conduct.CASES,
    *malformed.DEADLY_CASES,
)


def chosen(names: Sequence[str]) -> tuple[Case, ...]:
    """The cases of these names, in their usual order; all of them for none. Raises UsageError."""
    known = {case.name for case in CASES}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no case {name}; see kadisc conformance --list")
    return tuple(case for case in CASES if not names or case.name in names)


async def run_suite(
    probe: Probe,
    cases: Sequence[Case],
    *,
    mine: bool = False,
    progress: Callable[[int, Case], None] = lambda index, case: None,
) -> list[Finding]:
    """One after the other, after a first ping. ``mine``: also those that would harm a faulty node;
    on loopback every node is one's own.

    Raises NoAnswer if the node does not answer at all.
    """
    await probe.meet()
    mine = mine or scope_of(probe.target) is Scope.LOOPBACK
    findings: list[Finding] = []
    silenced_by = ""
    for index, case in enumerate(cases):
        progress(index, case)
        if silenced_by:
            findings.append(
                Finding(case, Outcome.SKIP, f"the node has not answered since {silenced_by}")
            )
            continue
        findings.append(await _judge(case, probe, mine))
        # What ended the node is one fault, and not the fault of every case that follows.
        if findings[-1].outcome is Outcome.FAIL and await probe.ask("ping") is None:
            silenced_by = case.name
    return findings


async def _judge(case: Case, probe: Probe, mine: bool) -> Finding:
    try:
        if case.harms and not mine:
            raise Skip("would harm a faulty node: only for nodes of one's own (--destructive)")
        return Finding(case, Outcome.PASS, await case.run(probe))
    except Verdict as verdict:
        return Finding(case, verdict.outcome, str(verdict))
