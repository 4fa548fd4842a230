"""Each case passes for a node without faults and fails for a node with the fault that the case
tests; kadisc has none of the faults.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from math import inf
from typing import Any, cast

import pytest
import trio
import trio.testing

from kadisc.conformance.case import Case, Finding
from kadisc.conformance.cases import floods, full_store
from kadisc.conformance.cases.identity import id_bep42
from kadisc.conformance.cases.malformed import CRASHING
from kadisc.conformance.probe import ConformanceProbe, Pace, open_probe
from kadisc.conformance.suite import CASES, chosen, run_suite
from kadisc.conformance.verdict import CaseOutcome, Warned
from kadisc.endpoints import Endpoint, make_endpoint, parse_endpoint
from kadisc.errors import NoAnswer, UsageError

from ..terminal.commands import devnet
from .scripted_node import ScriptedNode

FAST = Pace(per_s=inf)


@pytest.fixture
def clock() -> trio.testing.MockClock:
    """Virtual time: time-outs take no time, and datagrams on loopback arrive before a jump."""
    return trio.testing.MockClock(autojump_threshold=0.01)


ANNOUNCES = 300


@pytest.fixture(autouse=True)
def few_announces(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the scripted node stores; `test_earlier_kadisc.py` fills a real store."""
    monkeypatch.setattr(full_store, "ANNOUNCES", ANNOUNCES)


@asynccontextmanager
async def serving(fault: str = "") -> AsyncIterator[Endpoint]:
    async with trio.open_nursery() as nursery:
        yield await nursery.start(ScriptedNode(fault).serve)
        nursery.cancel_scope.cancel()


async def judge(target: Endpoint, cases: Sequence[Case], pace: Pace = FAST) -> list[Finding]:
    async with open_probe(target, pace=pace) as probe:
        return await run_suite(probe, cases)


def lines(findings: Sequence[Finding], *outcomes: CaseOutcome) -> list[str]:
    return [
        f"{finding.case.name}: {finding.evidence}"
        for finding in findings
        if finding.outcome in outcomes
    ]


async def test_a_node_without_faults_passes_every_case(clock: trio.testing.MockClock) -> None:
    async with serving() as target:
        findings = await judge(target, CASES)
    assert lines(findings, CaseOutcome.FAIL, CaseOutcome.WARN) == []
    assert lines(findings, CaseOutcome.SKIP) == ["id-bep42: local addresses are exempt"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_each_case_fails_a_node_with_its_fault(
    case: Case, clock: trio.testing.MockClock
) -> None:
    async with serving(case.name) as target:
        [finding] = await judge(target, [case])
    assert finding.outcome is CaseOutcome.FAIL, finding.evidence


async def test_a_store_that_drops_what_others_have_announced_fails(
    clock: trio.testing.MockClock,
) -> None:
    async with serving("full-store-drops") as target:
        [finding] = await judge(target, chosen(["full-store"]))
    assert finding.outcome is CaseOutcome.FAIL
    assert finding.evidence.endswith("3 of 3 of another one, made before, lost")


async def test_a_token_that_is_valid_for_all_ports_and_lifts_no_limit_is_a_warning(
    clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedNode, "_may_ask", lambda self, source, tid: True)
    async with serving("token-other-port") as target:
        [finding] = await judge(target, chosen(["token-other-port"]))
    assert finding.outcome is CaseOutcome.WARN
    assert "600 of 600 queries answered" in finding.evidence


@pytest.mark.parametrize("name", ["full-store", "token-other-port", "awaited-id"])
async def test_a_case_that_needs_more_addresses_says_so(
    name: str, clock: trio.testing.MockClock
) -> None:
    async with serving() as target, open_probe(target, sources=["127.0.0.1"], pace=FAST) as probe:
        [finding] = await run_suite(probe, chosen([name]))
    assert finding.outcome is CaseOutcome.SKIP
    assert "(--source)" in finding.evidence


class NonsenseNode(ScriptedNode):
    """Answers with one value in every field of the reply and the envelope, except for those that
    make it an answer.
    """

    def __init__(self, word: Any) -> None:
        super().__init__()
        self.word = word

    def _written(self, envelope: dict[bytes, Any], message: dict[bytes, Any]) -> list[bytes]:
        body = dict.fromkeys(envelope.get(b"r", ()), self.word)
        envelope |= {b"v": self.word, b"ip": self.word} | (
            {b"r": body} if b"r" in envelope else {b"e": self.word}
        )
        return super()._written(envelope, message)


@pytest.mark.parametrize("word", [-7, b"x" * 25, [b"x" * 26, 1]], ids=repr)
async def test_every_case_ends_in_a_verdict_for_nonsense_answers(
    word: Any, clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        target = await nursery.start(NonsenseNode(word).serve)
        findings = await judge(target, CASES)
        nursery.cancel_scope.cancel()
    assert len(findings) == len(CASES)
    assert "id-length" in {
        finding.case.name for finding in findings if finding.outcome is CaseOutcome.FAIL
    }


async def test_a_crash_of_the_node_is_one_failure(clock: trio.testing.MockClock) -> None:
    async with serving("garbage") as target:
        findings = await judge(
            target, chosen(["unknown-fields", "garbage", "no-dict", "oversized"])
        )
    assert [finding.outcome.value for finding in findings] == ["pass", "fail", "skip", "skip"]
    assert findings[-1].evidence == "the node has not answered since garbage"


async def test_kadisc_has_no_fault() -> None:
    """A node of a devnet in real time, tested like any other implementation."""
    with devnet(12) as nodes:
        findings = await judge(
            parse_endpoint(nodes[0]["endpoints"][0]), CASES, Pace(per_s=1000, settle_s=0.5)
        )
    assert lines(findings, CaseOutcome.FAIL, CaseOutcome.WARN) == []
    passed = {finding.case.name for finding in findings if finding.outcome is CaseOutcome.PASS}
    assert {
        "claimed-id",
        "silent-queriers",
        "unsolicited-pong",
        "address-votes",
        "read-only",
    } <= passed


async def test_an_id_that_is_invalid_by_bep42_is_a_warning() -> None:
    class Stub:
        target = make_endpoint("124.31.75.21", 6881)
        node_id = bytes.fromhex("5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401")

        async def reply(self, method: str) -> tuple[dict[bytes, bytes], None]:
            return {b"id": self.node_id}, None

    stub = Stub()
    probe = cast("ConformanceProbe", stub)
    assert "is valid for" in await id_bep42(probe)
    stub.node_id = bytes(20)
    with pytest.raises(Warned):
        await id_bep42(probe)


async def test_an_unresponsive_node_raises_no_answer(clock: trio.testing.MockClock) -> None:
    async with serving() as target:
        pass
    with pytest.raises(NoAnswer, match="does not answer a ping"):
        await judge(target, CASES)


async def test_destructive_cases_run_only_on_loopback_or_by_the_option(
    clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    destructive = [case for case in CASES if case.destructive]
    assert {case.name for case in destructive} == {
        *CRASHING,
        "silent-queriers",
        "unsolicited-pong",
        "claimed-id",
        "address-votes",
        "token-other-port",
        "awaited-id",
        "full-store",
        "changing-ids",
    }
    monkeypatch.setattr("kadisc.conformance.suite.scope_of", lambda endpoint: None)
    async with serving() as target, open_probe(target, pace=FAST) as probe:
        before = await run_suite(probe, [])
        sent = probe.count.sent
        skipped = await run_suite(probe, destructive)
        assert (before, probe.count.sent - sent) == ([], 1)  # the first ping
        done = await run_suite(probe, destructive, destructive=True)
    assert {finding.outcome for finding in skipped} == {CaseOutcome.SKIP}
    assert {finding.outcome for finding in done} == {CaseOutcome.PASS}


async def test_no_source_exceeds_its_rate_and_a_run_sends_few_datagrams(
    clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[bytes, list[float]] = {}
    send = ConformanceProbe.send

    async def noted(self: ConformanceProbe, payload: bytes, *, asker: Any = None) -> None:
        await send(self, payload, asker=asker)
        sent.setdefault((asker or self.asker).endpoint[:4], []).append(trio.current_time())

    monkeypatch.setattr(ConformanceProbe, "send", noted)
    async with serving() as target:
        await judge(target, [case for case in CASES if not case.destructive], Pace(per_s=4.0))
        harmless = sum(map(len, sent.values()))
        await trio.sleep(1.0)  # the next probe knows nothing of this one's
        flooding = [case.name for case in floods.CASES]
        others = [case for case in CASES if case.destructive and case.name not in flooding]
        await judge(target, others, Pace(per_s=4.0))
    gaps = [later - sooner for times in sent.values() for sooner, later in pairwise(times)]
    assert min(gaps) >= 0.25 - 1e-6
    assert 150 < harmless < 300


def test_cases_have_unique_names_and_can_be_chosen() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 25
    assert [case.name for case in chosen(["tid-long", "envelope"])] == ["envelope", "tid-long"]
    with pytest.raises(UsageError, match="no case nonsense"):
        chosen(["nonsense"])
