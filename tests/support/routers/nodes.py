"""kadisc nodes of the lab: one on a host, as users run it, and the process with the public ones."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from kadisc.control.socket_file import socket_path

from ..child_programs import Client, NotSeenError
from .internet import Machine
from .public_nodes import PORT

START_S = 90.0
WORLD_S = 150.0
ANSWER_S = 10.0


class LabNode(Client):
    """A kadisc node with a control socket."""

    def __init__(self, name: str, host: Machine, scratch: Path, configuration: str) -> None:
        super().__init__(name, (host.address, PORT), scratch)
        self.host = host
        self.within = host.within
        self.state = self.folder / "state"
        (self.folder / "config.toml").write_text(configuration)

    def start(self, *options: str, bind: str = f"0.0.0.0:{PORT}") -> Self:
        self.spawn(
            *(sys.executable, "-m", "kadisc", "run", f"--bind={bind}"),
            *(f"--config={self.folder / 'config.toml'}", f"--state-dir={self.state}"),
            *("--no-dashboard", "--json", *options),
        )
        self.await_event("listening", START_S)
        return self

    def interrupt(self) -> int:
        """Stops it as Ctrl-C does; returns the code that it ends with."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(10)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def command(self, *words: str) -> str:
        """What one of its commands, which ask the running node, prints."""
        self.alive()
        return self.host.run(*(sys.executable, "-m", "kadisc", *words, f"--state-dir={self.state}"))

    def pings(self, host: str, port: int) -> bool:
        """Whether the node that runs gets an answer there."""
        words = [sys.executable, "-m", "kadisc", "ping", f"{host}:{port}"]
        done = subprocess.run(
            [*self.within, *words, f"--state-dir={self.state}"],
            capture_output=True,
            timeout=30,
        )
        return done.returncode == 0

    def call(self, method: str) -> dict[str, Any]:
        """What the node's control socket answers, as its commands with ``--json`` print it: a look
        at it costs no process.
        """
        self.alive()
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(ANSWER_S)
            control.connect(str(socket_path(self.state)))
            control.sendall(json.dumps(question).encode() + b"\n")
            with control.makefile("rb") as lines:
                return json.loads(lines.readline())["result"]

    def status(self) -> dict[str, Any]:
        return self.call("status")

    def record(self) -> dict[str, Any]:
        return self.call("record")

    def reach(self, family: str = "ipv4") -> dict[str, Any]:
        return self.family(family)["reach"]

    def mapping(self, protocol: str = "udp", family: str = "ipv4") -> dict[str, Any] | None:
        """That of a port while the router forwards it."""
        for mapping in self.status()["mappings"]:
            if (mapping["protocol"], mapping["family"], mapping["state"]) == (
                protocol,
                family,
                "mapped",
            ):
                return mapping
        return None

    def family(self, name: str = "ipv4") -> dict[str, Any]:
        for family in self.status()["families"]:
            if family["family"] == name:
                return family
        raise NotSeenError(f"{self.name} has no {name}")


class World(Client):
    def start(self, count: int, configuration: Path, *, ipv6: bool = False) -> None:
        self.spawn(
            *(sys.executable, "-m", "tests.support.routers.public_nodes"),
            *(str(count), str(configuration), *["--ipv6"] * ipv6),
            talks=True,
        )
        ready = self.await_event("ready", WORLD_S)
        assert ready["joined"] == count, ready
