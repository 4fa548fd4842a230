"""All breaks side by side, as process 1 of namespaces of its own:

    python -m tests.doctor.scenario all SCRATCH PROGRAMS LIMIT_S

prints one JSON document: {"healthy": the report of a machine without fault, "offline": ..., BREAK:
{"before", "remedy", "after"}}; with "error" when something did not happen in time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import kadisc.cli.examination  # noqa: F401 imported once, for all the commands
from tests.support.child_programs import until
from tests.support.routers.internet import Internet
from tests.support.routers.nodes import World
from tests.support.routers.public_nodes import PORT, public_host
from tests.support.scenario_inside import end_with_parent, perform

from .breaks import BREAKS, WORLD, Break, configured
from .machines import BrokenMachine, DoctorRun
from .services import serve_clock, serve_names

PUBLIC_NODES = 6
WORLD_CONFIGURATION = """
network = "lab"
no_routers = true
publish_record = false
"""


class DoctorScenario:
    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.seen: dict[str, Any] = {}
        self._began = time.monotonic()

    def note_time(self, what: str) -> None:
        self.seen.setdefault("times", {})[what] = round(time.monotonic() - self._began, 1)

    def play(self) -> None:
        self._internet = Internet()
        world = World("world", (public_host(0), PORT), self._scratch)
        world.within = self._internet.world.within
        path = world.folder / "config.toml"
        path.write_text(WORLD_CONFIGURATION)
        world.start(PUBLIC_NODES, path)
        with self._internet.world.inside():
            serve_names(WORLD, public_host(0))
            serve_clock(WORLD, 8001, 0.0)
            serve_clock(WORLD, 8002, -7200.0)
        self.note_time("world")
        healthy = self._machine("healthy")
        offline = self._machine("offline")
        sent = offline.sent()
        first = {
            "healthy": healthy.kadisc(*_words(healthy)),
            "offline": offline.kadisc(*_words(offline), "--offline"),
        }
        machines = {}
        for name, each in BREAKS.items():
            machines[name] = machine = self._machine(name)
            if each.runs:
                self._start_node(machine)
            each.breaks(machine)
            first[name] = machine.kadisc(*_words(machine), *each.options)
        self.note_time("broken")
        for name, run in first.items():
            self.seen[name] = {"before": run.document()}
        self.seen["offline"]["sent"] = [sent, offline.sent()]
        self.note_time("looked")
        second = {name: self._mended(name, each, machines[name]) for name, each in BREAKS.items()}
        for name, run in second.items():
            self.seen[name]["after"] = run.document()
        self.note_time("mended")

    def _machine(self, name: str) -> BrokenMachine:
        host = self._internet.add_public_host()
        machine = BrokenMachine(host, self._scratch / name.replace(" ", "-"), WORLD)
        configured(machine)
        return machine

    def _start_node(self, machine: BrokenMachine) -> None:
        words = ("run", *_words(machine)[1:-1], "--no-dashboard", "--json")
        run = machine.start_node(*words)
        until("the node runs", lambda: '"joined"' in run.output(), 60, every_s=0.05)

    def _mended(self, name: str, each: Break, machine: BrokenMachine) -> DoctorRun:
        document = self.seen[name]["before"]
        findings = next(c for c in document["checks"] if c["check"] == each.check)["findings"]
        remedies = [finding["remedy"] for finding in findings if finding["verdict"] == each.verdict]
        self.seen[name]["remedies"] = remedies
        if remedies:
            each.mends(machine, remedies[0])
        options = each.options if each.options_after is None else each.options_after
        return machine.kadisc(*_words(machine), "--only", each.check, *options)


def _words(machine: BrokenMachine) -> list[str]:
    config = [f"--config={machine.folder / 'config.toml'}"]
    return ["doctor", *config, f"--state-dir={machine.state}", "--json"]


def main() -> None:
    _, scratch, programs, limit_s = sys.argv[1:]
    end_with_parent()
    os.environ["PATH"] = f"{programs}/bin:{os.environ['PATH']}"
    scenario = DoctorScenario(Path(scratch))
    if failure := perform(scenario.play, float(limit_s)):
        scenario.seen |= {"error": failure, "logs": {}}
    print(json.dumps(scenario.seen), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
