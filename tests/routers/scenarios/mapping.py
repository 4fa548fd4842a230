"""A node behind a router that maps ports."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.routers.scenarios.scenario import Scenario
from tests.support.routers.internet import Router
from tests.support.routers.lab import Part
from tests.support.routers.nodes import LabNode

PORT = 6881
MAPPED_S = 20.0
VERDICT_S = 180.0


def mapped(part: Part, node: LabNode, router: Router, port: int = PORT) -> dict[str, Any]:
    """Waits until the port is mapped and proven, and the record names it."""
    mapping = part.until("mapped", node.mapping, MAPPED_S)
    outside = f"{router.address}:{port}"

    def is_proven() -> bool:
        reach = node.reach()
        return (reach["verdict"], reach["endpoint"]) == ("yes", outside)

    part.until("proven", is_proven, VERDICT_S)
    part.until("record", lambda: node.record()["endpoints"] == [outside], 60)
    part.seen |= {"mapping": mapping, "reach": node.reach(), "outside": outside}
    return mapping


def mapped_by(protocols: tuple[str, ...], part: Part) -> None:
    """The router forwards the port; a stranger gets in; a stopped node takes the mapping back."""
    router = part.router()
    home = part.home_router(router, protocols=protocols)
    node = part.joined(part.host(router))
    mapped(part, node, router)
    part.seen["stranger"] = part.lab.ping((router.address, PORT))
    part.seen["rules"] = home.mappings()
    node.interrupt()
    part.note("stopped")
    part.seen["rules after"] = home.mappings()


def taken(part: Part) -> None:
    """The port is another host's already: another one is granted."""
    router = part.router()
    home = part.home_router(router)
    first = part.joined(part.host(router))
    part.until("first", first.mapping, MAPPED_S)
    second = part.joined(part.host(router, 11))
    mapping = part.until("second", second.mapping, MAPPED_S)
    port = int(mapping["external"].rpartition(":")[2])
    mapped(part, second, router, port)
    part.seen["port"] = port
    part.seen["rules"] = home.mappings()
    part.seen["stranger"] = part.lab.ping((router.address, port))


def restarted(part: Part) -> None:
    """The daemon loses its mappings; then the node is killed and comes back."""
    router = part.router()
    home = part.home_router(router)
    host = part.host(router)
    node = part.joined(host)
    mapped(part, node, router)
    home.restart()
    part.note("daemon restarted")
    part.until("mapped again", home.mappings, 15)
    part.seen["nonces"] = home.nonces()
    node.kill()
    part.note("killed")
    node.start(*part.lab.bootstrap())
    part.until("mapped by the next run", node.mapping, MAPPED_S)
    part.seen["ports"] = [mapping.rpartition(":")[2] for mapping in home.mappings()]
    part.seen["nonces of the next run"] = home.nonces()
    part.until("proven by the next run", lambda: node.reach()["verdict"] == "yes", VERDICT_S)


def readdressed(with_notices: bool, part: Part) -> None:
    """The provider gives the router another address."""
    router = part.router()
    home = part.home_router(router, announces=with_notices)
    node = part.joined(part.host(router))
    mapped(part, node, router)
    router.readdress(part.lab.internet.free_address())
    changed = part.note("address changed")
    outside = f"{router.address}:{PORT}"
    part.until("new record", lambda: node.record()["endpoints"] == [outside], 90)
    part.seen["took_s"] = part.note("new record") - changed
    part.until("proven again", lambda: node.reach()["endpoint"] == outside, VERDICT_S)
    part.until("yes again", lambda: node.reach()["verdict"] == "yes", VERDICT_S)
    part.seen["stranger"] = part.lab.ping((router.address, PORT))
    part.seen["rules"] = home.mappings()


def double(part: Part) -> None:
    """The router that maps has a private address itself."""
    outer, inner = part.router("preserving"), part.router()
    inner.move_behind(outer)
    part.home_router(inner)
    node = part.joined(part.host(inner))

    def told() -> Any:
        return next((each for each in node.status()["mappings"] if each["reason"]), None)

    part.seen["mapping"] = part.until("told", told, MAPPED_S)
    part.until("verdict", lambda: node.reach()["verdict"] == "no", VERDICT_S)
    part.seen["reach"] = node.reach()


def tunnelled(part: Part) -> None:
    """The default route leaves by a VPN, whose other end is closed; the router at home maps."""
    home_router, exit_router = part.router(), part.router("preserving")
    part.home_router(home_router)
    host = part.host(home_router)
    host.plug_in(exit_router, "vpn0")
    node = part.joined(host, f"--gateway={home_router.inner_address}")
    part.seen["mapping"] = part.until("mapped", node.mapping, MAPPED_S)
    part.until("verdict", lambda: node.reach()["verdict"] == "no", VERDICT_S)
    part.seen["reach"] = node.reach()
    part.seen["record"] = node.record()
    part.seen["addresses"] = {"home": home_router.address, "exit": exit_router.address}


SCENARIO = Scenario(
    {
        "both": partial(mapped_by, ("pcp", "natpmp")),
        "pcp": partial(mapped_by, ("pcp",)),
        "natpmp": partial(mapped_by, ("natpmp",)),
        "taken": taken,
        "restarted": restarted,
        "readdressed": partial(readdressed, True),
        "readdressed-silently": partial(readdressed, False),
        "double": double,
        "tunnelled": tunnelled,
    }
)
