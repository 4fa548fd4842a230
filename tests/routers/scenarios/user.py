"""What a user sees who runs a node behind a router that maps ports, and moves the cable to another
one: the dashboard, and what the commands print. The page on routers shows the same.
"""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
import time

from tests.routers.scenarios.scenario import Scenario
from tests.support.routers.internet import Host
from tests.support.routers.lab import Part
from tests.support.routers.nodes import LabNode
from tests.support.routers.public_nodes import PORT

COLUMNS, ROWS = 100, 30
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
SEEN_S = 120.0
SERVICE_PORT = 9333
OPTIONS = (f"--service=p2p={SERVICE_PORT}", f"--map-port=tcp:{SERVICE_PORT}")


class Dashboard:
    """A node on a terminal of its own; what it draws is read without colours."""

    def __init__(self, node: LabNode, *options: str) -> None:
        own, other = pty.openpty()
        os.environ["TERM"] = "xterm"
        self._process = subprocess.Popen(
            [
                *node.within,
                *(sys.executable, "-m", "kadisc", "run", f"--bind=0.0.0.0:{PORT}"),
                *(f"--config={node.folder / 'config.toml'}", f"--state-dir={node.state}"),
                *options,
            ],
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=node.folder,
            env=node.environment() | {"COLUMNS": str(COLUMNS), "LINES": str(ROWS)},
        )
        os.close(other)
        node.adopt(self._process)
        self._drawn = b""
        self._reader = threading.Thread(target=self._read, args=(own,), daemon=True)
        self._reader.start()

    def _read(self, own: int) -> None:
        while True:
            try:
                data = os.read(own, 65536)
            except OSError:  # the node has ended
                return
            self._drawn = (self._drawn + data)[-1_000_000:]

    def shows(self, words: str) -> bool:
        return words in CONTROL.sub(b"", self._drawn).decode(errors="replace")


def at_home(part: Part, node: LabNode, outside: str) -> None:
    def is_proven() -> bool:
        reach = node.reach()
        return (reach["verdict"], reach["endpoint"]) == ("yes", outside)

    part.until(f"reachable at {outside}", is_proven, SEEN_S)


def noted(part: Part, name: str, node: LabNode) -> None:
    part.seen[name] = {
        "status": node.command("status"),
        "record": node.command("record"),
        "doctor": node.command("doctor"),
    }


def moves(part: Part) -> None:
    first, second = part.router(), part.router()
    for router in (first, second):
        part.home_router(router)
    host: Host = part.host(first)
    node = part.node(host)
    with host.inside():
        application = socket.create_server(("0.0.0.0", SERVICE_PORT))
    began = time.monotonic()
    dashboard = Dashboard(node, *part.lab.bootstrap(), *OPTIONS)
    part.until("reachable (PCP)", lambda: dashboard.shows("reachable (PCP)"), SEEN_S)
    part.seen["took_s"] = round(time.monotonic() - began, 1)
    outside = f"{first.address}:{PORT}"
    at_home(part, node, outside)
    part.until("the tcp port", lambda: node.mapping("tcp"), 30)
    noted(part, "before", node)
    part.seen["stranger"] = part.lab.ping((first.address, PORT))
    host.unplug()
    host.plug_in(second)
    moved = f"{second.address}:{PORT}"
    at_home(part, node, moved)
    part.until("the record", lambda: node.record()["endpoints"] == [moved], 30)
    part.until("the tcp port again", lambda: node.mapping("tcp"), 30)
    noted(part, "after", node)
    part.seen["stranger after"] = part.lab.ping((second.address, PORT))
    part.seen["addresses"] = [outside, moved]
    application.close()
    part.seen["key"] = json.loads(node.command("record", "--json"))["key"]


SCENARIO = Scenario({"moves": moves})
