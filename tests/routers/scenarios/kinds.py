"""A node behind each kind of NAT."""

from __future__ import annotations

from functools import partial

from tests.routers.scenarios.scenario import Scenario
from tests.support.routers.lab import Part
from tests.support.routers.nat import KINDS


def behind(kind: str, part: Part) -> None:
    router = part.router(kind)
    host = part.host(router)
    outside = (router.address, 6881)
    if kind == "blocked":
        node = part.node(host).start(*part.lab.bootstrap())
        part.seen["stranger"] = part.lab.ping(outside)
        part.seen["joined"] = bool(node.events("joined"))
        return
    node = part.joined(host)
    part.until("address", lambda: node.family()["address"]["host"], 30)
    part.seen["address"] = node.family()["address"]
    part.seen["router"] = router.address
    part.seen["stranger"] = part.lab.ping(outside)


SCENARIO = Scenario({kind: partial(behind, kind) for kind in KINDS})
