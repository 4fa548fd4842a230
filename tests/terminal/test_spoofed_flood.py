"""A node process under a flood from forged sources, in network namespaces that the test makes for
itself (no root is needed): what each address, its network and all together are sent, whatever is
asked in their names; and that those who proved themselves before are answered all the same.
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

ENOUGH_ANSWERS = 0.95
LIMIT_S = 90.0
"""The flood ends after 8 s at most, and the program in any case after 60: this decides only how
long a broken one is waited for.
"""


@dataclass(frozen=True)
class Seen:
    lasted_s: float
    bytes_to: dict[str, int]
    asked: list[int]
    answered: list[int]

    @property
    def worst(self) -> dict[str, int]:
        """Bytes sent to the address, and to the network, that was sent most, and to all."""
        by_network: Counter[str] = Counter()
        for host, size in self.bytes_to.items():
            by_network[host.rpartition(".")[0]] += size
        return {
            "address": max(self.bytes_to.values()),
            "network": max(by_network.values()),
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
    assert seen.pop("missed") == 0, "the cable was not read fast enough: there may have been more"
    assert seen.pop("lost") == 0, (
        "the node's socket was full: what it would have said to those, nobody knows"
    )
    return Seen(**seen)


def test_as_it_is_the_budgets_hold_and_the_proven_are_answered(tmp_path: Path) -> None:
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


def test_without_the_fast_lane_a_spoofer_chooses_who_is_not_heard(tmp_path: Path) -> None:
    seen = flooded(tmp_path, config_text({}, "proven_sources"))
    assert seen.answered[0] < ENOUGH_ANSWERS * seen.asked[0], (
        "the attack that the fast lane is for works where it is off"
    )


@pytest.mark.parametrize("limited", [True, False])
def test_the_budget_of_bytes_holds_whatever_is_asked(tmp_path: Path, limited: bool) -> None:
    seen = flooded(tmp_path, config_text(BYTES_ONLY), *([] if limited else ["--unlimited"]))
    holds = {
        level: seen.worst[level] <= budget(level, BYTES_ONLY, seen.lasted_s) for level in LEVELS
    }
    assert holds == dict.fromkeys(LEVELS, limited), seen.worst
    assert all(
        seen.worst[level] > 0.5 * BYTES_ONLY[f"{level}_reply_burst_bytes"] for level in LEVELS
    ), "what may be sent is sent"
    assert all(
        answered >= ENOUGH_ANSWERS * asked > 0
        for asked, answered in zip(seen.asked, seen.answered, strict=True)
    ), seen
