"""A node whose network changes under it, and one with a service at a TCP port."""

from __future__ import annotations

import socket
from typing import Any

from tests.routers.scenarios.mapping import MAPPED_S, PORT, VERDICT_S, mapped
from tests.routers.scenarios.scenario import Scenario
from tests.support.routers.lab import Part
from tests.support.routers.nat import set_nat

SERVICE_PORT = 30303


def moved(part: Part) -> None:
    """The cable moves to another router, which maps ports too."""
    first, second = part.router(), part.router()
    part.home_router(first)
    home = part.home_router(second)
    host = part.host(first)
    node = part.joined(host)
    mapped(part, node, first)
    host.unplug()
    host.plug_in(second)
    changed = part.note("moved")
    outside = f"{second.address}:{PORT}"
    event = part.until("noticed", lambda: node.events("network_changed"), 20)
    part.seen["noticed_s"] = part.note("noticed") - changed
    part.seen["event"] = event[0]
    part.until("new record", lambda: node.record()["endpoints"] == [outside], 60)
    part.seen["record_s"] = part.note("new record") - changed

    def is_proven() -> bool:
        reach = node.reach()
        return (reach["verdict"], reach["endpoint"]) == ("yes", outside)

    part.until("proven again", is_proven, VERDICT_S)
    part.seen["proven_s"] = part.note("proven again") - changed
    part.seen["stranger"] = part.lab.ping((second.address, PORT))
    part.seen["rules"] = home.mappings()


def forwarded(part: Part) -> None:
    """A port forward is added by hand, and removed."""
    router = part.router("preserving")
    host = part.host(router)
    node = part.joined(host)
    part.until("no", lambda: node.reach()["verdict"] == "no", VERDICT_S)
    set_nat(router, "full-cone", host.address)
    added = part.note("added")
    part.until("yes", lambda: node.reach()["verdict"] == "yes", VERDICT_S)
    part.seen["yes_s"] = part.note("yes") - added
    set_nat(router, "preserving", host.address)
    removed = part.note("removed")
    part.until("no again", lambda: node.reach()["verdict"] == "no", 90)
    part.seen["no_s"] = part.note("no again") - removed


def listening(part: Part) -> None:
    """A TCP port of a service is mapped and checked from outside, and again when nobody listens."""
    router = part.router()
    part.home_router(router)
    host = part.host(router)
    with host.inside():
        listener = socket.create_server(("0.0.0.0", SERVICE_PORT))
    node = part.joined(
        host, f"--service=p2p={SERVICE_PORT}", f"--map-port=tcp:{SERVICE_PORT}=30304"
    )
    part.seen["mapping"] = part.until("mapped", lambda: node.mapping("tcp"), MAPPED_S)

    def answer() -> Any:
        return node.status()["services"].get("p2p", {}).get("answer")

    part.until("open", lambda: answer() == "open", VERDICT_S)
    part.seen["service"] = node.status()["services"]["p2p"]
    part.seen["services"] = node.record()["services"]
    listener.close()
    part.note("closed the port")
    part.until("closed", lambda: answer() == "closed", 200)


SCENARIO = Scenario({"moved": moved, "forwarded": forwarded, "listening": listening})
