"""Machines in network namespaces, and commands that run on them as process of their own without the
cost of starting Python: forks of the scenario, which has imported everything.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kadisc.cli.main import main
from tests.support.routers.internet import PublicHost
from tests.support.routers.namespaces import CLONE_NEWNET, LIBC

CLONE_NEWNS = 0x20000
MS_BIND, MS_PRIVATE_ALL = 4096, (1 << 18) | 16384
BROKEN = 99
"""The exit code of a command that could not be run."""
HOLDER = (
    "import contextlib, socket, sys, time\n"
    "s = socket.socket(socket.AF_INET, getattr(socket, sys.argv[1]))\n"
    "s.bind(('0.0.0.0', int(sys.argv[2])))\n"
    "s.type == socket.SOCK_STREAM and s.listen()\n"
    "print('ready', flush=True)\n"
    "greeting = bytes.fromhex(sys.argv[3])\n"
    "while greeting:\n"
    "    with s.accept()[0] as peer, contextlib.suppress(OSError):\n"
    "        peer.sendall(greeting)\n"
    "        peer.recv(1)\n"
    "time.sleep(600)\n"
)


class DoctorRun:
    """A command in a child process."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid = pid
        self._folder = folder
        self._began = time.monotonic()
        self.code: int | None = None
        self.took_s = 0.0

    def wait(self, within_s: float = 60.0) -> int:
        """The exit code."""
        while self.code is None and time.monotonic() - self._began < within_s:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.code = os.waitstatus_to_exitcode(status)
                self.took_s = round(time.monotonic() - self._began, 1)
            else:
                time.sleep(0.02)
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            raise TimeoutError(f"{self._folder.name} runs after {within_s} s: {self.errors()}")
        return self.code

    def output(self) -> str:
        return (self._folder / "stdout").read_text()

    def errors(self) -> str:
        return (self._folder / "stderr").read_text()

    def document(self) -> dict[str, Any]:
        self.wait()
        try:
            found: dict[str, Any] = json.loads(self.output())
        except ValueError:
            raise RuntimeError(f"{self._folder.name}: {self.output()} {self.errors()}") from None
        return found | {"code": self.code, "took_s": self.took_s}


class BrokenMachine:
    """A host with a folder of its own; what runs on it resolves names by ``resolv.conf`` there."""

    def __init__(self, host: PublicHost, folder: Path, nameserver: str) -> None:
        self.host = host
        self.number = int(host.name[1:])
        """Its address is 45.NUMBER.0.1, and its router 45.NUMBER.255.254."""
        self.folder = folder
        folder.mkdir()
        self.state = folder / "state"
        self.resolv_conf = folder / "resolv.conf"
        self.resolve_by(nameserver)
        self._processes: list[subprocess.Popen[str]] = []
        self._runs = 0
        self._node: DoctorRun | None = None

    def resolve_by(self, nameserver: str) -> None:
        self.resolv_conf.write_text(f"nameserver {nameserver}\noptions timeout:20 attempts:1\n")

    def keep_state_at(self, folder: Path) -> None:
        self.state = folder

    def kadisc(self, *words: str) -> DoctorRun:
        """Starts a command of kadisc."""
        self._runs += 1
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir()
        for name in ("stdout", "stderr"):
            (folder / name).touch()
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            return DoctorRun(pid, folder)
        code = BROKEN
        try:
            self._become(folder)
            code = main(words)
        finally:
            if code == BROKEN:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(code)  # whatever was raised: this process is no second scenario

    def _become(self, folder: Path) -> None:
        """This process is on the machine, with its own files for what it prints."""
        for name, number in (("stdout", 1), ("stderr", 2)):
            file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(file, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = os.fdopen(1, "w")
        sys.stderr = os.fdopen(2, "w")
        # A file of names that the whole scenario shares would break all machines at once.
        _checked(LIBC.unshare(CLONE_NEWNS))
        _checked(LIBC.mount(None, b"/", None, MS_PRIVATE_ALL, None))
        _checked(
            LIBC.mount(os.fsencode(self.resolv_conf), b"/etc/resolv.conf", None, MS_BIND, None)
        )
        with Path(f"/run/netns/{self.host.name}").open() as there:
            _checked(LIBC.setns(there.fileno(), CLONE_NEWNET))
        os.environ["HOME"] = str(self.folder)
        for kind in ("CONFIG", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = str(self.folder / kind.lower())

    def start_node(self, *words: str) -> DoctorRun:
        self._node = self.kadisc(*words)
        return self._node

    def stop_node(self) -> None:
        """Its process is there, and does nothing any more."""
        assert self._node is not None
        os.kill(self._node.pid, signal.SIGSTOP)

    def shell(self, command: str) -> None:
        """What an operator types as root. Raises RuntimeError with what it complains of."""
        self.host.run("sh", "-c", command)

    def hold(self, kind: str, port: int, greeting: bytes = b"") -> subprocess.Popen[str]:
        """A process of another program has the port. ``kind``: SOCK_DGRAM or SOCK_STREAM;
        ``greeting``: what it says to each that connects.
        """
        words = [sys.executable, "-S", "-c", HOLDER, kind, str(port), greeting.hex()]
        return self._started([*self.host.within, *words])

    def lock(self, path: Path) -> subprocess.Popen[str]:
        """A process of another program has the lock."""
        path.parent.mkdir(mode=0o700, exist_ok=True)
        words = "echo ready; exec sleep 600"
        return self._started(["flock", "--no-fork", str(path), "sh", "-c", words])

    def _started(self, command: Sequence[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def sent(self) -> dict[str, int]:
        """What programs of the machine have sent so far, by protocol and kind."""
        found = {}
        lines = self.host.run("cat", "/proc/thread-self/net/snmp").splitlines()
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            protocol, *names = names.split()
            for name, value in zip(names, values.split()[1:], strict=True):
                if name in ("OutDatagrams", "OutSegs"):
                    found[f"{protocol}{name}"] = int(value)
        for line in self.host.run("cat", "/proc/thread-self/net/snmp6").splitlines():
            name, value = line.split()
            if name == "Udp6OutDatagrams":
                found[name] = int(value)
        return found


def _checked(code: int) -> None:
    if code:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
