"""``doctor``: checks that a node makes of itself, each with a verdict and a remedy. ``kadisc
doctor`` adds those of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
import trio

from ...doctor.finding import CheckResult, CheckVerdict, DoctorFinding, worst_of
from ...doctor.names import MAX_WAIT_S, NAMES
from ...doctor.setup import NodeSetup, setup_of
from ..call import Call, Method

WaitS = Annotated[float, msgspec.Meta(ge=0, le=MAX_WAIT_S)]


class DoctorParams(msgspec.Struct, forbid_unknown_fields=True):
    """``wait_s``: how long to wait at most for tests that are under way. ``partial``: send
    ``{"waiting": {...}}`` each second while something is waited for. ``only``: the names of the
    checks; empty for all.
    """

    wait_s: WaitS = MAX_WAIT_S
    partial: bool = False
    only: list[str] = []


class FindingDocument(msgspec.Struct):
    """``about``: the subject, such as ``IPv4``, ``tcp 30303`` or the name of a service; empty for
    the whole node. ``remedy``: empty exactly if the verdict is ``ok`` or ``skipped``.
    """

    verdict: str
    about: str
    sentence: str
    remedy: str


class CheckDocument(msgspec.Struct):
    """``verdict``: ``ok``, ``warning``, ``failure``, or ``skipped`` where nothing is known; the
    worst of the findings.
    """

    check: str
    verdict: str
    findings: list[FindingDocument]


class DoctorDocument(msgspec.Struct):
    """``verdict``: the worst of all checks. ``is_lasting``: the checked node is that of ``kadisc
    run``, and not one that the command opened. ``setup``: what the checks of the machine need to
    know of the node.
    """

    verdict: str
    is_lasting: bool
    checks: list[CheckDocument]
    elapsed_s: float
    setup: NodeSetup | None = None


class Waiting(msgspec.Struct, rename={"what": "for"}):
    """What is waited for, and since when."""

    what: list[str]
    elapsed_s: float


class WaitingNews(msgspec.Struct):
    """A partial result, each second while something is waited for."""

    waiting: Waiting


async def _doctor(params: DoctorParams, call: Call) -> DoctorDocument:
    # Not at the start of each node: a tenth of its imports.
    from ...doctor.checks import examine
    from ...doctor.gather import gather

    began = trio.current_time()
    facts = await gather(
        call.node,
        is_lasting=call.stays,
        wait_s=params.wait_s,
        tell=call.tell,
    )
    results = examine(facts, params.only or NAMES)
    return DoctorDocument(
        worst_of(result.verdict for result in results).value,
        facts.is_lasting,
        documents_of(results),
        round(trio.current_time() - began, 1),
        setup_of(call.node),
    )


def documents_of(results: Iterable[CheckResult]) -> list[CheckDocument]:
    return [
        CheckDocument(
            result.name,
            result.verdict.value,
            [
                FindingDocument(each.verdict.value, each.about, each.sentence, each.remedy)
                for each in result.findings
            ],
        )
        for result in results
    ]


def results_of(documents: Iterable[CheckDocument]) -> list[CheckResult]:
    """What a node of this version has sent. Raises ValueError for verdicts of a later one."""
    return [
        CheckResult(
            each.check,
            tuple(
                DoctorFinding(
                    CheckVerdict(finding.verdict), finding.about, finding.sentence, finding.remedy
                )
                for finding in each.findings
            ),
        )
        for each in documents
    ]


DOCTOR = Method("doctor", DoctorParams, DoctorDocument, _doctor, partial=(WaitingNews,))
