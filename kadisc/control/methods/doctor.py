"""``doctor``: checks of the node, each with a verdict and a remedy. See ``kadisc doctor``."""

from __future__ import annotations

from typing import Annotated

import msgspec
import trio

from ...doctor.checks import examine
from ...doctor.finding import CheckResult, worst_of
from ...doctor.gather import MAX_WAIT_S, gather
from ..call import Call, Method

WaitS = Annotated[float, msgspec.Meta(ge=0, le=MAX_WAIT_S)]


class DoctorParams(msgspec.Struct, forbid_unknown_fields=True):
    """``wait_s``: how long to wait at most for tests that are under way. ``partial``: send
    ``{"waiting": {...}}`` each second while something is waited for.
    """

    wait_s: WaitS = MAX_WAIT_S
    partial: bool = False


class FindingDocument(msgspec.Struct):
    """``about``: the subject, such as ``IPv4``, ``tcp 30303`` or the name of a service; empty for
    the whole node. ``remedy``: empty exactly if the verdict is ``ok``.
    """

    verdict: str
    about: str
    sentence: str
    remedy: str


class CheckDocument(msgspec.Struct):
    """``verdict``: ``ok``, ``warning`` or ``failure``, the worst of the findings."""

    check: str
    verdict: str
    findings: list[FindingDocument]


class DoctorDocument(msgspec.Struct):
    """``verdict``: the worst of all checks. ``is_lasting``: the checked node is that of ``kadisc
    run``, and not one that the command opened.
    """

    verdict: str
    is_lasting: bool
    checks: list[CheckDocument]
    elapsed_s: float


class Waiting(msgspec.Struct, rename={"what": "for"}):
    """What is waited for, and since when."""

    what: list[str]
    elapsed_s: float


class WaitingNews(msgspec.Struct):
    """A partial result, each second while something is waited for."""

    waiting: Waiting


async def _doctor(params: DoctorParams, call: Call) -> DoctorDocument:
    began = trio.current_time()
    facts = await gather(
        call.node,
        is_lasting=call.stays,
        wait_s=params.wait_s,
        tell=call.tell,
    )
    results = examine(facts)
    return DoctorDocument(
        worst_of(result.verdict for result in results).value,
        facts.is_lasting,
        [_document(result) for result in results],
        round(trio.current_time() - began, 1),
    )


def _document(result: CheckResult) -> CheckDocument:
    findings = [
        FindingDocument(each.verdict.value, each.about, each.sentence, each.remedy)
        for each in result.findings
    ]
    return CheckDocument(result.name, result.verdict.value, findings)


DOCTOR = Method("doctor", DoctorParams, DoctorDocument, _doctor, partial=(WaitingNews,))
