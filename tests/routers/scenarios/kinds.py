"""A node behind each kind of NAT, and what it finds out about its reachability."""

from __future__ import annotations

from functools import partial

from tests.routers.scenarios.scenario import Scenario
from tests.support.routers.lab import Part
from tests.support.routers.nat import KINDS

PORT = 6881
VERDICT_S = 180.0


def behind(kind: str, part: Part) -> None:
    """A home router that maps no port."""
    router = part.router(kind)
    host = part.host(router)
    outside = (router.address, PORT)
    part.seen["router"] = router.address
    if kind == "blocked":
        node = part.node(host).start(*part.lab.bootstrap())
        part.seen["stranger"] = part.lab.ping(outside)
        part.seen["joined"] = bool(node.events("joined"))
        part.seen["reach"] = node.reach()
        return
    node = part.joined(host)
    part.until("address", lambda: node.family()["address"]["host"], 30)
    if kind.endswith("random"):
        part.until("nat", lambda: node.reach()["nat"] == "dependent", VERDICT_S)
    else:
        part.until("verdict", lambda: node.reach()["verdict"] in ("yes", "no"), VERDICT_S)
    # A router whose flows have all expired gives another port, which the node follows.
    part.seen["address"] = node.family()["address"]
    part.seen["reach"] = node.reach()
    part.seen["record"] = node.record()
    part.seen["stranger"] = part.lab.ping(outside)


def in_public(part: Part) -> None:
    """A node without any router."""
    host = part.public_host()
    node = part.joined(host)
    part.until("verdict", lambda: node.reach()["verdict"] == "yes", VERDICT_S)
    part.seen["address"] = host.address
    part.seen["reach"] = node.reach()


def one_way(part: Part) -> None:
    """Strangers get in, but the answers to them do not get out."""
    node = part.joined(part.host(part.router("one-way")))
    part.until("one-way", lambda: node.reach()["one_way"], VERDICT_S)
    part.seen["reach"] = node.reach()


def neighbours(kind: str, part: Part) -> None:
    """Two nodes behind one router, which forwards to the first."""
    router = part.router(kind)
    first = part.joined(part.host(router))
    second = part.joined(part.host(router, 11), bind="0.0.0.0:6882")
    part.until("verdict", lambda: first.reach()["verdict"] == "yes", VERDICT_S)
    part.seen["reach"] = first.reach()
    part.seen["outside"] = f"{router.address}:{PORT}"
    part.seen["pong"] = second.pings(router.address, PORT)


SCENARIO = Scenario(
    {kind: partial(behind, kind) for kind in (*KINDS, "one-to-one")}
    | {
        "public": in_public,
        "one-way": one_way,
        "hairpin": partial(neighbours, "hairpin"),
        "no-hairpin": partial(neighbours, "full-cone"),
    }
)
