"""A node process under a flood from forged sources, in network namespaces that the test creates
(root is not needed): the bytes sent to each host, to each subnet and in total stay within the
budgets, and proven sources still get answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.namespaces import ENVIRONMENT, NAMESPACES

from .flood import BYTES_ONLY, LEVELS, NETWORK, budget, config_text, no_cable

pytestmark = pytest.mark.real

ENOUGH_ANSWERS = 0.95
LIMIT_S = 90.0
"""The time limit for a broken program: the flood ends after 8 s at most, the program after 60 s."""


@dataclass(frozen=True)
class Seen:
    lasted_s: float
    bytes_to: dict[str, int]
    asked: list[int]
    answered: list[int]

    @property
    def worst(self) -> dict[str, int]:
        """The bytes sent to the host and to the subnet that got the most, and the total."""
        by_subnet: Counter[str] = Counter()
        for host, size in self.bytes_to.items():
            by_subnet[host.rpartition(".")[0]] += size
        return {
            "host": max(self.bytes_to.values()),
            "subnet": max(by_subnet.values()),
            "total": sum(self.bytes_to.values()),
        }


def flooded(folder: Path, config: str, *options: str) -> Seen:
    if (reason := no_cable()) is not None:
        pytest.skip(reason)
    file = folder / "config.toml"
    file.write_text(config)
    arguments = [
        "--config",
        str(file),
        "--network",
        NETWORK,
        "--state-dir",
        str(folder / "state"),
        *options,
    ]
    program = [sys.executable, "-m", f"{__package__}.spoofed_flood", *arguments]
    above = Path(__file__).parents[2]
    done = subprocess.run(
        [*NAMESPACES, *program],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        cwd=above,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen.pop("sent") > 1000
    assert seen.pop("missed") == 0, (
        "the veth device was not read fast enough: datagrams may be missing"
    )
    assert seen.pop("lost") == 0, "the node's socket was full: some queries did not reach it"
    return Seen(**seen)


def test_the_budgets_hold_and_proven_sources_get_answers(tmp_path: Path) -> None:
    seen = flooded(tmp_path, config_text({}))
    assert {
        level: seen.worst[level]
        for level in LEVELS
        if seen.worst[level] > budget(level, {}, seen.lasted_s)
    } == {}
    assert all(
        answered >= ENOUGH_ANSWERS * asked > 0
        for asked, answered in zip(seen.asked, seen.answered, strict=True)
    ), seen


def test_without_proven_sources_a_spoofer_suppresses_answers_to_a_victim(tmp_path: Path) -> None:
    seen = flooded(tmp_path, config_text({}, "proven_sources"))
    assert seen.answered[0] < ENOUGH_ANSWERS * seen.asked[0], (
        "the attack works without the defence (proven_sources)"
    )


@pytest.mark.parametrize("limited", [True, False])
def test_the_byte_budgets_hold_for_any_queries(tmp_path: Path, limited: bool) -> None:
    seen = flooded(tmp_path, config_text(BYTES_ONLY), *([] if limited else ["--unlimited"]))
    holds = {
        level: seen.worst[level] <= budget(level, BYTES_ONLY, seen.lasted_s) for level in LEVELS
    }
    assert holds == dict.fromkeys(LEVELS, limited), seen.worst
    assert all(
        seen.worst[level] > 0.5 * BYTES_ONLY[f"{level}_reply_burst_bytes"] for level in LEVELS
    ), "the budget is used"
    assert all(
        answered >= ENOUGH_ANSWERS * asked > 0
        for asked, answered in zip(seen.asked, seen.answered, strict=True)
    ), seen
