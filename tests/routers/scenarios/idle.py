"""Ten minutes of a node behind a router that forgets a UDP mapping after 30 seconds."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from tests.support.routers.lab import Part

from .kinds import VERDICT_S
from .scenario import Scenario

MAPPING_S = 30
IDLE_S = 600.0
LOOK_EVERY_S = 10.0


def idle(kind: str, part: Part) -> None:
    """``looks``: verdict, whether the node is online and how many peers it knows, every 10 s."""
    router = part.router(kind)
    router.sysctl(
        f"net.netfilter.nf_conntrack_udp_timeout={MAPPING_S}",
        f"net.netfilter.nf_conntrack_udp_timeout_stream={MAPPING_S}",
    )
    node = part.joined(part.host(router))
    part.until("verdict", lambda: node.reach()["verdict"] in ("yes", "no"), VERDICT_S)
    part.seen["verdict"] = node.reach()["verdict"]
    looks: list[dict[str, Any]] = []
    part.seen["looks"] = looks
    before, began = node.status(), time.monotonic()
    while (left_s := began + IDLE_S - time.monotonic()) > 0:
        time.sleep(min(LOOK_EVERY_S, left_s))
        looks.append(
            {
                "verdict": node.reach()["verdict"],
                "online": node.family()["online"],
                "address": node.family()["address"],
                "contacts": node.family()["contacts"],
            }
        )
    part.seen["queries_per_s"] = round((_queries(node.status()) - _queries(before)) / IDLE_S, 3)


def _queries(status: dict[str, Any]) -> int:
    counters: dict[str, int] = status["counters"]
    return sum(count for name, count in counters.items() if name.startswith("queries_sent."))


SCENARIO = Scenario(
    {kind: partial(idle, kind) for kind in ("preserving", "address-restricted", "full-cone")},
    stranger_s=40.0,
)
