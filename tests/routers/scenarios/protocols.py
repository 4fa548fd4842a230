"""Routers that map ports by one protocol alone, as miniupnpd speaks it: how soon, and UPnP as a
user has it.
"""

from __future__ import annotations

import importlib.util
import json
import sys

from tests.routers.scenarios.scenario import Scenario
from tests.support.routers.lab import Part
from tests.support.routers.public_nodes import PORT


def speed(part: Part) -> None:
    """PCP, NAT-PMP and IPv6 pinholes."""
    router = part.router()
    part.home_router(router)
    host = part.host(router)
    words = (sys.executable, "-m", "tests.net.mapping.measure", "40")
    part.seen["took_ms"] = json.loads(host.run(*words))


def upnp(part: Part) -> None:
    """A node that may speak UPnP, behind a router that speaks nothing else."""
    if importlib.util.find_spec("miniupnpc") is None:
        part.seen["unavailable"] = "the package miniupnpc is not installed"
        return
    router = part.router()
    home = part.home_router(router, protocols=("upnp",))
    host = part.host(router)
    words = (sys.executable, "-m", "tests.net.mapping.measure", "8", "--upnp")
    part.seen["took_ms"] = json.loads(host.run(*words))
    options = ("--upnp", "--map-port=tcp:30303=51303", "--service=eth=30303")
    node = part.joined(host, *options)
    part.until("mapped", lambda: node.mapping("udp") and node.mapping("tcp"), 30)
    mapping = node.mapping("udp")
    assert mapping is not None
    part.seen["method"], part.seen["until"] = mapping["method"], mapping["until"]
    part.until("a stranger got in", lambda: part.lab.ping((router.address, PORT)), 10)
    part.seen["services"] = node.record()["services"]
    part.seen["rules"] = len(home.mappings())
    node.interrupt()
    part.seen["rules_after"] = [each for each in home.mappings() if "7000" not in each]


SCENARIO = Scenario({"speed": speed, "upnp": upnp}, size=8)
