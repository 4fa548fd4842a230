"""An offline network for benchmarks: a namespace in which every address of 45.0.0.0/8 is at home
and nothing else can be reached.

Real clients treat these as public addresses, so that their limits per network and their rules for
IDs are at work. No root is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
INSIDE = "KADISC_BENCHMARK_OFFLINE"
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
_NAMESPACES = [
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--pid",
    "--mount-proc",
    "--fork",
    "--kill-child",
]
SETUP = "ip link set lo up && ip addr add local 45.0.0.0/8 dev lo"
"""Shell commands that make the network."""


def namespace_command(*command: str, setup: str = SETUP) -> list[str]:
    """A command that runs another one in a namespace of its own, after ``setup``."""
    return [*_NAMESPACES, "sh", "-c", f'{setup} && exec "$@"', "sh", *command]


def environment_inside() -> dict[str, str]:
    return os.environ | {INSIDE: "1", "PATH": _PATH}


def is_inside() -> bool:
    return bool(os.environ.get(INSIDE))


def enter(program: str, arguments: Sequence[str], setup: str = SETUP) -> None:
    """Goes on in a namespace of its own, with everything that it starts; returns once there. All
    ends when the program does.
    """
    if is_inside():
        return
    environment = environment_inside()
    command = namespace_command(sys.executable, program, *arguments, setup=setup)
    # `subprocess.run` ends what it started when this raises; the first process of the namespace
    # ignores SIGTERM.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        sys.exit(subprocess.run(command, env=environment).returncode)
    except FileNotFoundError:
        sys.exit("the program unshare is missing (Debian package util-linux)")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def pin(core: int) -> None:
    """To one core of those that we may use; with only one there is nothing to choose."""
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {usable[core % len(usable)]})


class Program:
    """A child that answers lines on its input with JSON lines on its output. ``popen``: more
    arguments for `subprocess.Popen`.
    """

    def __init__(
        self,
        *command: str,
        core: int | None = None,
        environment: dict[str, str] | None = None,
        **popen: Any,
    ) -> None:
        taskset = [sys.executable, str(HERE / "offline.py"), str(core)] if core is not None else []
        pipes: dict[str, Any] = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "text": True,
            "bufsize": 1,
        }
        self.process = subprocess.Popen([*taskset, *command], env=environment, **pipes | popen)

    def read(self, event: str | None = None) -> dict[str, Any]:
        """The next line; with ``event``, the next of that kind."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            found: dict[str, Any] = json.loads(line)
            if event is None or found.get("event") == event:
                return found
        raise RuntimeError(f"{self.process.args!r} ended with code {self.process.wait()}")

    def ask(self, **question: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        return self.read()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def running(
    *command: str, core: int | None = None, environment: dict[str, str] | None = None, **popen: Any
) -> Iterator[Program]:
    program = Program(*command, core=core, environment=environment, **popen)
    try:
        yield program
    finally:
        program.close()


def script(name: str) -> tuple[str, str]:
    return sys.executable, str(HERE / name)


def machine() -> dict[str, str]:
    """What figures depend on, and when they were taken."""
    from kadisc.version import COMPILED  # here, so that `compare.py` can do without kadisc

    cpu = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown",
    )
    versions = {
        name: version(name) for name in ("kadisc", "trio", "bencode2", "bencode.py", "libtorrent")
    }
    versions["kadisc"] += " compiled" if COMPILED else ""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": f"{cpu}, {len(os.sched_getaffinity(0))} cores usable",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    } | versions


def publish(
    machine: dict[str, str],
    rows: list[dict[str, Any]],
    show: Callable[[list[dict[str, Any]]], None],
    path: Path | None,
) -> None:
    """Prints what was measured, and writes it to a file where one is given."""
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    show(rows)
    if path:
        path.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":  # CORE COMMAND...: the command on that core
    pin(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
