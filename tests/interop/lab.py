"""The lab as the tests see it: each scenario runs in namespaces of its own and comes back as one
JSON document.

`unshare` gives a scenario its own network, on which every address of 45.0.0.0/8 is at home and
nothing else can be reached, and its own process ids. No root is needed. The scenario is process 1
there: when it ends, for whatever reason, the kernel ends all it started. It ends by itself at its
limit, and when the pipe that is its standard input closes, which also happens when the tests are
killed.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..support.namespaces import ENVIRONMENT, NAMESPACES, UnavailableError

TRIAL = "ip link set lo up && ip addr add local 45.0.0.0/8 dev lo"
AT_ONCE = 4
LIMIT_S = 150.0
FETCH_S = 600.0

Seen = dict[str, Any]


def fetch_programs() -> Path:
    """The folder with Debian's clients; cached, so that only the first call on a machine takes
    seconds.
    """
    script = Path(__file__).parents[2] / "scripts" / "foreign-clients"
    done = subprocess.run([str(script)], capture_output=True, text=True, timeout=FETCH_S)
    if done.returncode != 0:
        raise UnavailableError(
            done.stderr.strip().splitlines()[-1]
            if done.stderr.strip()
            else f"{script.name} ended with code {done.returncode}"
        )
    return Path(done.stdout.strip())


class Lab:
    """Runs scenarios, some at once: they wait for clients' timers most of the time."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._lifelines: set[int] = set()

    def start(self, scenario: str, subject: str) -> "Future[Seen]":
        return self._pool.submit(self._run, scenario, subject)

    def _run(self, scenario: str, subject: str) -> Seen:
        package = __package__ or ""
        above = Path(__file__).parents[package.count(".") + 1]
        with tempfile.TemporaryDirectory(
            prefix="kadisc-lab-", ignore_cleanup_errors=True
        ) as scratch:
            program = [
                sys.executable,
                "-m",
                f"{package}.scenarios",
                scenario,
                subject,
                scratch,
                str(self._programs),
                str(LIMIT_S),
            ]
            stdin, lifeline = os.pipe()
            self._lifelines.add(lifeline)
            pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            try:
                with subprocess.Popen(
                    [*NAMESPACES, *program], **pipes, text=True, cwd=above, env=ENVIRONMENT
                ) as process:
                    os.close(stdin)
                    try:
                        stdout, stderr = process.communicate(timeout=LIMIT_S + 30)
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
