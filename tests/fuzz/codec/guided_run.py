"""Runs the process of `guided` for one target, follows it, and takes up what it has found."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .corpus import first_inputs, write_inputs
from .failures import ROOT, Failure
from .target import Target
from .unguided import Outcome

HANG_S = 20
"""An input that takes longer than this ends the run of its target."""
MEMORY_MB = 1500
_KILL_AFTER_S = 30.0
_UNITS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_KEPT_OUTPUT = 40
"""Lines of what libFuzzer wrote last, for a run that ended by itself."""


def is_available() -> bool:
    """Whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def command(target: Target, seed: int, failures: Path, *options: str) -> list[str]:
    words = ["-m", "tests.fuzz.codec.guided", target.name, str(seed), str(failures)]
    return [sys.executable, *words, ",".join(target.guided_by), *options]


def run_guided(
    target: Target,
    seed: int,
    work: Path,
    *,
    seconds: float,
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """``work``: the folder in which inputs are kept that reached something new."""
    write_inputs(first_inputs(target), work)
    outcome = Outcome()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as found:
        arguments = command(
            target,
            seed,
            Path(found),
            f"-max_total_time={max(1, int(seconds))}",
            f"-timeout={HANG_S}",
            f"-rss_limit_mb={MEMORY_MB}",
            "-print_final_stats=1",
            "-verbosity=0",
            str(work),
        )
        process = subprocess.Popen(
            arguments, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            said = _followed(process, outcome, began, progress)
            code = process.wait(_KILL_AFTER_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        _take_crashes(target, Path(found), outcome, code, said)
    outcome.elapsed_s = time.monotonic() - began
    return outcome


def _followed(
    process: subprocess.Popen[str],
    outcome: Outcome,
    began: float,
    progress: Callable[[Outcome], None],
) -> list[str]:
    """What it wrote to its standard error, up to its end."""
    said: list[str] = []

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            del said[:-_KEPT_OUTPUT]

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert process.stdout is not None
    for line in process.stdout:
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if "failure" in document:
            path = Path(document["path"])
            signature = document["failure"]
            outcome.failures[signature] = Failure(
                path.name.rpartition("-")[0], signature, document["text"], path.read_bytes()
            )
        outcome.inputs = document.get("inputs", outcome.inputs)
        outcome.elapsed_s = time.monotonic() - began
        progress(outcome)
    reader.join(_KILL_AFTER_S)
    units = _UNITS.search("".join(said))
    if units is not None:
        outcome.inputs = int(units[1])
    return said


def _take_crashes(
    target: Target, folder: Path, outcome: Outcome, code: int, said: list[str]
) -> None:
    """What libFuzzer wrote: inputs by which the process crashed, hung or took too much memory."""
    for kind in ("crash", "timeout", "oom", "leak"):
        for path in folder.glob(f"{target.name}-{kind}-*"):
            signature = f"{kind} of the process"
            text = "".join(said[-3:]).strip()
            outcome.failures[signature] = Failure(target.name, signature, text, path.read_bytes())
    if code != 0 and not outcome.failures:
        text = "".join(said).strip() or f"code {code}"
        signature = "the process of the fuzzer ended"
        outcome.failures[signature] = Failure(target.name, signature, text, b"")
