"""What the cases find in a kadisc of commit 2a67823, whose faults are known, and in this one: both
at once, each an ordinary node beside a devnet of its own version.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from kadisc.conformance.case import Finding
from kadisc.conformance.probe import Pace, open_probe
from kadisc.conformance.suite import CASES, chosen, run_suite
from kadisc.conformance.verdict import CaseOutcome
from kadisc.endpoints import parse_endpoint

ROOT = Path(__file__).parents[2]
COMMIT = "2a67823"
OF_ATTACKS = ("token-other-port", "awaited-id", "full-store", "changing-ids")
"""The cases that find the faults 4, 8, 5 and 2 of that commit."""
PACE = Pace(per_s=100.0, timeout_s=1.0)
SHORT = Pace(per_s=100.0, timeout_s=1.0, settle_s=2.0)
"""A node without faults is watched to the end: 60 s."""
START_S = 60.0
DEVNET = 8


def earlier_tree(folder: Path) -> Path:
    """The package of that commit. Skips the test where the history is not at hand."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", COMMIT, "kadisc"], capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(f"the history of the repository does not reach back to {COMMIT}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
        for each in packed:
            if (content := packed.extractfile(each)) is not None:
                file = folder / each.name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content.read())
    return folder


@contextmanager
def running(tree: Path, home: Path, event: str, *words: str) -> Iterator[dict[str, object]]:
    """A node of a tree, once it has joined; yields its event of that name."""
    home.mkdir()
    places = {name: str(home) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    process = subprocess.Popen(
        [sys.executable, "-m", "kadisc", "run", "--no-dashboard", "--json", *words],
        cwd=tree,
        env=os.environ | places | {"PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found: dict[str, object] = {}
        for line in process.stdout:
            record = json.loads(line)
            if record["event"] == event:
                found = record
            if record["event"] == "joined":
                break
        yield found
    finally:
        process.terminate()
        process.wait(START_S)
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def node(tree: Path, folder: Path, address: str) -> Iterator[str]:
    with ExitStack() as stack:
        devnet = running(
            tree, folder / "net", "listening", "--devnet", str(DEVNET), "--bind", "127.0.0.1:0"
        )
        nodes = stack.enter_context(devnet)["nodes"]
        bootstrap = nodes[3]["endpoints"][0]  # type: ignore[index]
        words = ("--bind", address, "--allow-private", "--bootstrap", bootstrap)
        stack.enter_context(running(tree, folder / "node", "joined", *words))
        yield address


async def judge(address: str, names: Sequence[str], pace: Pace, found: list[Finding]) -> None:
    async with open_probe(parse_endpoint(address), pace=pace) as probe:
        found += await run_suite(probe, chosen(names))


@pytest.mark.real
async def test_the_faults_of_an_earlier_version_are_found_and_none_in_this_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "tree").mkdir()
    earlier = earlier_tree(tmp_path / "tree")
    of_earlier: list[Finding] = []
    of_this: list[Finding] = []
    for name in ("earlier", "this"):
        (tmp_path / name).mkdir()
    with (
        node(earlier, tmp_path / "earlier", "127.40.1.1:17001") as old,
        node(ROOT, tmp_path / "this", "127.41.1.1:17001") as new,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(judge, old, OF_ATTACKS, PACE, of_earlier))
            nursery.start_soon(partial(judge, new, (), SHORT, of_this))
    assert {finding.case.name: finding.outcome for finding in of_earlier} == dict.fromkeys(
        OF_ATTACKS, CaseOutcome.FAIL
    ), [finding.evidence for finding in of_earlier]
    bad = [each for each in of_this if each.outcome in (CaseOutcome.FAIL, CaseOutcome.WARN)]
    assert [(each.case.name, each.evidence) for each in bad] == []
    assert len(of_this) == len(CASES)
    passed = {each.case.name for each in of_this if each.outcome is CaseOutcome.PASS}
    assert {*OF_ATTACKS, "amplification"} <= passed
