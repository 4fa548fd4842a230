"""Programs of a scenario: child processes with a folder of their own. What a program prints goes to
files, so that nothing blocks on a full pipe and a failed scenario can show the last lines of each.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

Endpoint = tuple[str, int]
T = TypeVar("T")


class NotSeenError(Exception):
    """What a scenario waited for did not happen in time."""


def until(what: str, look: Callable[[], T], within_s: float, every_s: float = 0.5) -> T:
    """The first true thing that `look` returns."""
    deadline = time.monotonic() + within_s
    while True:
        if seen := look():
            return seen
        if time.monotonic() > deadline:
            raise NotSeenError(f"not seen within {within_s:g} s: {what}")
        time.sleep(every_s)


def show(endpoint: Endpoint) -> str:
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Client:
    """A child process; `stdout` and `stderr` are files in its folder."""

    within: Sequence[str] = ()
    """A command before that of the program, which runs it elsewhere: in a network namespace."""

    def __init__(self, name: str, endpoint: Endpoint, scratch: Path) -> None:
        self.name = name
        self.endpoint = endpoint
        self.folder = scratch / name
        self.folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """No two programs share a home, state or control socket, nor do they touch the user's."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("XDG_", "KADISC_"))
        }
        places = {
            f"XDG_{kind}_HOME": str(self.folder / kind.lower())
            for kind in ("CONFIG", "DATA", "STATE", "CACHE")
        }
        runtime = self.folder / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        return (
            kept
            | places
            | {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(runtime), "PYTHONUNBUFFERED": "1"}
        )

    def spawn(self, *command: str, talks: bool = False, **environment: str) -> None:
        """``talks``: it reads what `ask` says to it."""
        with (self.folder / "stdout").open("wb") as out, (self.folder / "stderr").open("wb") as err:
            self._process = subprocess.Popen(
                [*self.within, *command],
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.folder,
                env=self.environment() | environment,
            )

    def adopt(self, process: "subprocess.Popen[bytes]") -> None:
        """This one was started otherwise."""
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def alive(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise NotSeenError(
                f"{self.name} ended with code {self._process and self._process.returncode}"
            )
        return True

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The JSON lines printed so far whose "event" is `kind`."""
        self.alive()
        lines = (self.folder / "stdout").read_text(errors="replace").split("\n")[:-1]
        return [
            event
            for line in lines
            if line.startswith("{") and (event := json.loads(line)).get("event") == kind
        ]

    def await_event(self, kind: str, within_s: float) -> dict[str, Any]:
        return until(f"{self.name}: {kind}", lambda: self.events(kind), within_s, every_s=0.1)[0]

    def ask(self, within_s: float = 10.0, **question: Any) -> dict[str, Any]:
        """Writes a JSON line to a program that talks, and returns the JSON line that it answers."""
        assert self._process is not None
        assert self._process.stdin is not None
        before = self._count_lines()
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        until(f"{self.name} answers", lambda: self._count_lines() > before, within_s, every_s=0.02)
        lines = (self.folder / "stdout").read_text().split("\n")
        return json.loads(lines[before])

    def _count_lines(self) -> int:
        self.alive()
        return (self.folder / "stdout").read_bytes().count(b"\n")

    def log_tail(self, lines: int = 25) -> dict[str, list[str]]:
        return {
            stream: (self.folder / stream).read_text(errors="replace").splitlines()[-lines:]
            for stream in ("stdout", "stderr")
            if (self.folder / stream).exists()
        }

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __str__(self) -> str:
        return f"{self.name} at {show(self.endpoint)}"
