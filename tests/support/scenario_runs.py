"""Scenarios, each in namespaces of its own, which come back as one JSON document.

`unshare` gives a scenario its own network and its own process ids. No root is needed. The scenario
is process 1 there: when it ends, for whatever reason, the kernel ends all it started. It ends by
itself at its limit, and when the pipe that is its standard input closes, which also happens when
the tests are killed.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .namespaces import ENVIRONMENT, UnavailableError

ROOT = Path(__file__).parents[2]
FETCH_S = 600.0

Seen = dict[str, Any]


def fetch_programs(script: str) -> Path:
    """The folder that ``scripts/SCRIPT`` fills and prints; cached, so that only the first call on a
    machine takes seconds. Raises UnavailableError.
    """
    done = subprocess.run(
        [str(ROOT / "scripts" / script)], capture_output=True, text=True, timeout=FETCH_S
    )
    if done.returncode != 0:
        raise UnavailableError(
            done.stderr.strip().splitlines()[-1]
            if done.stderr.strip()
            else f"{script} ended with code {done.returncode}"
        )
    return Path(done.stdout.strip())


class ScenarioRuns:
    """``namespaces``: the command before the scenario's; ``module``: called with the scenario's
    arguments, a scratch folder, the folder of the programs and the limit in seconds.
    """

    def __init__(
        self, namespaces: Sequence[str], module: str, at_once: int, limit_s: float
    ) -> None:
        self._namespaces = namespaces
        self._module = module
        self._limit_s = limit_s
        self._pool = ThreadPoolExecutor(at_once)
        self._lifelines: set[int] = set()

    def start(self, *scenario: str, programs: Path) -> "Future[Seen]":
        return self._pool.submit(self._run, scenario, programs)

    def _run(self, scenario: Sequence[str], programs: Path) -> Seen:
        with tempfile.TemporaryDirectory(
            prefix="kadisc-lab-", ignore_cleanup_errors=True
        ) as scratch:
            arguments = (*scenario, scratch, str(programs), str(self._limit_s))
            program = [sys.executable, "-m", self._module, *arguments]
            stdin, lifeline = os.pipe()
            self._lifelines.add(lifeline)
            pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            try:
                with subprocess.Popen(
                    [*self._namespaces, *program], **pipes, text=True, cwd=ROOT, env=ENVIRONMENT
                ) as process:
                    os.close(stdin)
                    try:
                        stdout, stderr = process.communicate(timeout=self._limit_s + 30)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        raise
            finally:
                self._cut(lifeline)
        try:
            return json.loads(stdout)
        except ValueError:
            return {
                "error": f"the scenario ended with code {process.returncode}, without a document",
                "logs": {"scenario": stderr.splitlines()[-25:]},
            }

    def _cut(self, lifeline: int) -> None:
        with contextlib.suppress(KeyError):  # whoever removes it closes it
            self._lifelines.remove(lifeline)
            os.close(lifeline)

    def close(self) -> None:
        """Ends what still runs, at once."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for lifeline in list(self._lifelines):
            self._cut(lifeline)
        self._pool.shutdown(wait=True)
