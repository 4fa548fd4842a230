"""A node behind a router for IPv6 alone."""

from __future__ import annotations

from functools import partial

from tests.routers.scenarios.mapping import PORT, VERDICT_S
from tests.routers.scenarios.scenario import Scenario
from tests.support.routers.lab import Part


def over_ipv6(pinhole: bool, part: Part) -> None:
    """IPv6 alone, behind a firewall that lets nothing in, with and without PCP."""
    router = part.router(None if pinhole else "preserving")
    if pinhole:
        part.home_router(router)
    host = part.host(router)
    node = part.joined(host, bind=f"[::]:{PORT}")
    wanted = "yes" if pinhole else "no"
    part.until("verdict", lambda: node.reach("ipv6")["verdict"] == wanted, VERDICT_S)
    part.seen["reach"] = node.reach("ipv6")
    part.seen["mapping"] = node.mapping(family="ipv6")
    part.seen["outside"] = f"[{host.address_6}]:{PORT}"
    part.seen["stranger"] = part.lab.ping((host.address_6, PORT))


SCENARIO = Scenario(
    {"pinhole": partial(over_ipv6, True), "no-pinhole": partial(over_ipv6, False)}, ipv6=True
)
