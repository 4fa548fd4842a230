"""The same seed is the same run: in another process, with other hashes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import Any

from tests.sim.support import run

ARGUMENTS = ["sim", "run", "lookup", "--nodes", "80", "--minutes", "0.5", "--set", "warmup_s=30", "--set", "faults.corrupt=0.01", "--json"]


def simulate(arguments: list[str], hash_seed: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "kadisc", *arguments], capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONHASHSEED": hash_seed}
    )
    assert (done.returncode, done.stderr) == (0, "")
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def test_the_digest_is_the_same_in_another_process_with_other_hashes() -> None:
    first, second = simulate([*ARGUMENTS, "--seed", "3"], "1"), simulate([*ARGUMENTS, "--seed", "3"], "2")
    assert first["digest"] == second["digest"]
    assert first["metrics"] == second["metrics"]
    assert first["datagrams"] == second["datagrams"] > 100


def test_the_command_in_the_result_runs_it_again() -> None:
    first = simulate([*ARGUMENTS, "--seed", "4"], "0")
    again = simulate([*shlex.split(first["command"])[1:], "--json"], "7")
    assert again["digest"] == first["digest"]


def test_another_seed_or_option_is_another_run_and_looking_closely_is_not() -> None:
    settings = ("nodes=40", "minutes=0.3", "warmup_s=10")
    digest = run("lookup", *settings).digest
    assert run("lookup", *settings).digest == digest
    assert run("lookup", *settings, "paranoid=off").digest == digest
    assert run("lookup", *settings, "seed=2").digest != digest
    assert run("lookup", *settings, "network.loss.mean=0.02").digest != digest
