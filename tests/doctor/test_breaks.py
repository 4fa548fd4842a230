"""On a machine with one thing broken exactly the check of that thing complains, and what it says to
do mends it. All machines are in one scenario, side by side.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kadisc.doctor.names import NAMES

from ..support.namespaces import UnavailableError, check_namespaces
from ..support.routers.namespaces import ROUTER_NAMESPACES, TRIAL
from ..support.scenario_results import checked, unavailable
from ..support.scenario_runs import ScenarioRuns, Seen, fetch_programs
from .breaks import BREAKS

LIMIT_S = 300.0
"""Some 25 s are meant."""
pytestmark = [pytest.mark.real, pytest.mark.timeout(LIMIT_S + 60)]


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    try:
        check_namespaces(TRIAL, ROUTER_NAMESPACES)
        programs = fetch_programs("router-programs")
        if shutil.which("flock") is None:
            raise UnavailableError("the program flock is missing (Debian package util-linux)")
    except UnavailableError as error:
        unavailable(str(error))
        return
    runs = ScenarioRuns(ROUTER_NAMESPACES, "tests.doctor.scenario", 1, LIMIT_S)
    try:
        yield checked(runs.start("all", programs=programs).result())
    finally:
        runs.close()


def told(document: Mapping[str, Any], verdict: str) -> set[str]:
    """The checks with that verdict."""
    return {check["check"] for check in document["checks"] if check["verdict"] == verdict}


def explained(document: Mapping[str, Any]) -> set[str]:
    """The checks that say no more than that they follow from another."""
    return {
        check["check"]
        for check in document["checks"]
        if any("(follows from " in finding["sentence"] for finding in check["findings"])
    }


def test_a_machine_without_fault(seen: Seen) -> None:
    document = seen["healthy"]["before"]
    assert [check["check"] for check in document["checks"]] == list(NAMES)
    assert told(document, "failure") == set()
    assert told(document, "warning") == {"reachable"}  # it is read-only
    assert {"sockets", "route", "firewall", "resolver", "bootstrap", "mtu", "joined"} <= told(
        document, "ok"
    )
    assert document["code"] == 0
    assert document["node"] == "temporary"


@pytest.mark.parametrize("name", BREAKS)
def test_exactly_the_check_of_what_is_broken_complains(seen: Seen, name: str) -> None:
    each = BREAKS[name]
    document, healthy = seen[name]["before"], seen["healthy"]["before"]
    wrong = {verdict: told(document, verdict) for verdict in ("failure", "warning")}
    usual = told(healthy, "warning") - explained(document) - set(each.differs)
    expected = {"failure": set(), "warning": usual}
    expected[each.verdict] = expected[each.verdict] | {each.check}
    if not each.has_node:
        expected["warning"] = set()  # those are of the node itself
    assert {verdict: found - set(each.differs) for verdict, found in wrong.items()} == expected
    assert document["code"] == (1 if each.verdict == "failure" else 0)


@pytest.mark.parametrize("name", BREAKS)
def test_the_remedy_mends_it(seen: Seen, name: str) -> None:
    each = BREAKS[name]
    document = seen[name]["after"]
    assert seen[name]["remedies"]
    [check] = document["checks"]
    assert check["check"] == each.check
    assert check["verdict"] in each.remains, check
    assert document["code"] == 0


PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "troubleshoot.md"
OWN_OF_A_RUN = re.compile(r"\(\S*python .*?\)|(?<!\S)/[\w./-]+|\d+(\.\d+)*")
"""The command of the process that has the port, paths, numbers and addresses."""


def masked(text: str) -> str:
    return OWN_OF_A_RUN.sub("#", " ".join(text.split()))


def shown_on_the_page() -> list[str]:
    """The findings in the outputs of the page that are not fine, without their verdicts."""
    found: list[str] = []
    for block in re.findall(r"^```\n(.*?)^```", PAGE.read_text(), re.M | re.S):
        is_one = False
        for line in block.splitlines():
            if (start := re.match(r"(FAIL|warn) +(\w+) +(.*)", line)) is not None:
                found.append(f"{start[2]} {start[3]}")
            elif is_one and line.startswith(" "):
                found[-1] += f" {line.strip()}"
            is_one = start is not None or (is_one and line.startswith(" "))
    return found


def test_the_page_shows_what_the_command_tells(seen: Seen) -> None:
    told_of = [
        masked(f"{check['check']} {about}{finding['sentence']} -> {finding['remedy']}")
        for run in seen.values()
        for check in run.get("before", {"checks": ()})["checks"]
        for finding in check["findings"]
        for about in [f"{finding['about']}: " if finding["about"] else ""]
    ]
    shown = shown_on_the_page()
    assert len(shown) > 15
    assert [each for each in shown if masked(each) not in told_of] == []


def test_offline_sends_nothing(seen: Seen) -> None:
    before, after = seen["offline"]["sent"]
    assert before == after
    assert sum(after.values()) == 0
    document = seen["offline"]["before"]
    assert document["node"] == "none"
    assert {"resolver", "bootstrap", "mtu", "joined", "chain"} <= told(document, "skipped")
    assert {"config", "state", "lock", "sockets", "route", "firewall"} <= told(document, "ok")
