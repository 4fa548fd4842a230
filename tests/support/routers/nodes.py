"""kadisc nodes of the lab: one on a host, as users run it, and the process with the public ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Self

from ..child_programs import Client, NotSeenError
from .internet import Host
from .public_nodes import PORT

START_S = 20.0
WORLD_S = 60.0


class LabNode(Client):
    """A kadisc node with a control socket."""

    def __init__(self, name: str, host: Host, scratch: Path, configuration: str) -> None:
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

    def command(self, *words: str) -> str:
        """What one of its commands, which ask the running node, prints."""
        self.alive()
        return self.host.run(*(sys.executable, "-m", "kadisc", *words, f"--state-dir={self.state}"))

    def status(self) -> dict[str, Any]:
        return json.loads(self.command("status", "--json"))

    def record(self) -> dict[str, Any]:
        return json.loads(self.command("record", "--json"))

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
